import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

/**
 * What other migration tools are tested for, or should have been: the tests here that show it. Each entry is a file of
 * test/ without its ending, and words of the test's name or of its table.
 */
const BEHAVIOURS: Readonly<Record<string, readonly (readonly [file: string, words: string])[]>> = {
  // ── discovery and order ─────────────────────────────────────────────────────────────────────────────────────────
  '1 one number twice, thrice, four times': [
    ['migrations/plan', 'that are all pending run in name order, with a warning for the group'],
    ['migrations/plan', 'a newcomer to an applied number is refused, with the next free one'],
    ['commands/migrate-plan.pg', 'a newcomer to a number that is applied'],
  ],
  '2 0001_ beside 001_': [['migrations/name', '%s and %s carry one number: %s']],
  '3 a letter between 155 and 156': [['migrations/name', '155a_']],
  '4 gaps': [['migrations/plan', 'what is applied does not run again; gaps are nobody’s concern']],
  '5 999 added before later numbers exist': [
    ['migrations/plan', 'one that was added before later numbers existed does not make those out of order'],
  ],
  '6 dates in several spellings': [['migrations/name', '2025-12-17']],
  '7 ROLLBACK_, FIX_, DIAGNOSTIC_ are never planned': [
    ['migrations/plan', 'rollback, fix and diagnostic files and those without a number are never planned, and say why'],
  ],
  '8 9 before 10': [
    ['migrations/plan', 'all that is pending, in the order of the numbers, whatever the order of the files'],
  ],
  '9 upper and lower case, composed and decomposed': [
    ['migrations/files', 'names that differ only in how accents are stored, or in case, are two files'],
    ['migrations/plan', 'look-alike-names'],
  ],
  '10 renamed after it was applied': [
    ['migrations/plan', 'a renamed file is known by its content and does not run again'],
    ['commands/migrate-plan.pg', 'a renamed file is recognised by its content, not run again'],
  ],
  '11 deleted after it was applied': [['migrations/plan', 'a missing file has its entry in its place']],
  '12 two clones of one content': [
    ['migrations/plan', 'two clones of one content: one is the renamed file, the other is new'],
    ['migrations/plan', 'two clones beside each other are two files'],
  ],
  '13 no byte, and nothing but comments': [
    ['migrations/apply.pg', 'empty and comment-only files are recorded as applied'],
  ],
  '14 links, sub-folders, .sql.bak, hidden files': [
    ['migrations/files', 'every .sql file is found, with the checksum of its content, and nothing else'],
    ['migrations/files', 'one that leads nowhere, or in a circle, or to a folder, is listed with the reason'],
  ],
  // ── checksums ───────────────────────────────────────────────────────────────────────────────────────────────────
  '15 CRLF and LF': [
    ['migrations/checksum', "['CRLF and LF'"],
    ['commands/migrate-plan.pg', 'line endings and a byte order mark are no change'],
  ],
  '16 a byte order mark': [['migrations/checksum', "['a byte order mark'"]],
  '17 a line feed at the end': [['migrations/checksum', "['a line feed at the end'"]],
  '18 a comment': [
    ['migrations/checksum', "['comments'"],
    ['commands/repair.pg', 'a cosmetic change is signed again without being named; nothing is run'],
  ],
  '19 a line feed taken from behind a comment': [
    ['migrations/checksum', "['a line feed behind a comment', '-- x\\nDELETE FROM t', '-- xDELETE FROM t']"],
    ['commands/repair.pg', 'a line feed taken from behind a comment is semantic'],
  ],
  '20 white space in a literal or a body': [['migrations/checksum', "['space in a literal'"]],
  '21 a literal alone': [['migrations/checksum', "['a literal', 'select 5', 'select 6']"]],
  '22 both line ends in one file': [['migrations/checksum', "['both in one file'"]],
  '23 what git checks out with CRLF': [['migrations/checksum', 'is the same for what git checks out with CRLF']],
  // ── splitting: the corpus is compared with the grammar of the server ─────────────────────────────────────────────
  '24 nested block comments': [['support/sql-corpus', '/* ; /* nested ; */']],
  "25 E'\\''": [['support/sql-corpus', "select E'\\\\'; "]],
  "26 'c:\\'": [['support/sql-corpus', "select 'c:\\\\'"]],
  '27 a dollar tag beyond ASCII': [['support/sql-corpus', '$été$']],
  '28 $ inside a name': [['support/sql-corpus', 'select a$b$c, d$$ from e$']],
  '29 text that looks like the end of its tag': [['support/sql-corpus', 'select $a$ $b$a$']],
  '30 BEGIN ATOMIC with CASE ... END and names that end in end': [
    ['support/sql-corpus', 'begin atomic select weekend, "end", t.end'],
    ['migrations/statements', 'a statement ends where the server says it ends'],
  ],
  '31 a function named *_atomic': [['support/sql-corpus', 'f_atomic()']],
  '32 a rule of several commands in parentheses': [['support/sql-corpus', 'create rule r as on insert']],
  '33 policies with ; and quotes in their names': [['support/sql-corpus', 'create policy "it\\\'s; ""q"""']],
  '34 the last statement without ;': [
    ['migrations/statements', 'whatever stands around it: 2000 texts put together at random'],
  ],
  '35 only ;;;': [['migrations/statements', "';;;'"]],
  '36 a body with "-- comment;"': [['support/sql-corpus', '-- comment; ']],
  '37 the place of an error behind characters of several bytes, with CRLF': [
    ['migrations/apply.pg', 'characters of several bytes before the error do not shift the place'],
    ['migrations/apply.pg', 'CRLF and a byte order mark do not shift the place'],
  ],
  '38 an open quote is reported where it begins': [
    ['migrations/statements', 'what is left open is reported where it begins'],
  ],
  '39 words of other tools inside a text': [['support/sql-corpus', '-- +goose StatementBegin;']],
  '40 ${x}, :x and % are left alone': [
    ['migrations/psql', 'what is no set variable is left as it is'],
    ['support/sql-corpus', "', ':x', '%s', '{{ y }}'"],
  ],
  // ── psql ────────────────────────────────────────────────────────────────────────────────────────────────────────
  '41 \\set, :\'v\', :"v"': [['migrations/psql-files.pg', 'variables are put in plain, as a literal and as a name']],
  '42 \\i: relative, in a circle, out of the folder': [
    ['migrations/psql-files.pg', 'files are included from the folder, not from outside and not in a circle'],
  ],
  '43 \\copy, and COPY FROM STDIN with \\.': [
    ['migrations/psql-files.pg', 'several of them, between other statements, each with its own rows'],
    ['migrations/psql-files.pg', 'in a file with CRLF and a byte order mark, and behind them SQL'],
    ['migrations/psql', "['\\\\copy"],
  ],
  '44 \\restrict and \\unrestrict': [
    ['migrations/psql-files.pg', 'with \\\\restrict and \\\\unrestrict around it is accepted'],
  ],
  '45 any other command is an error with its line': [
    ['migrations/psql', '%s is an error with its place, never dropped'],
  ],
  // ── transactions ────────────────────────────────────────────────────────────────────────────────────────────────
  '46 BEGIN and COMMIT around the whole file': [
    [
      'migrations/apply.pg',
      "a file's own BEGIN and COMMIT are taken over: its ledger row commits with it or not at all",
    ],
  ],
  '47 COMMIT in between': [
    ['migrations/statement-wise.pg', 'BEGIN ... COMMIT inside a file: each block commits with its progress'],
  ],
  '48 a transaction left open': [['migrations/mode', 'BEGIN without COMMIT']],
  '49 ROLLBACK at the end': [
    ['migrations/apply.pg', 'a file that ends in ROLLBACK is a test: run by name only, and it leaves nothing'],
  ],
  '50 CREATE INDEX CONCURRENTLY alone and among others': [
    ['migrations/statement-wise.pg', 'CREATE INDEX CONCURRENTLY among other statements'],
  ],
  '51 an enumeration label added and used': [
    ['migrations/apply.pg', 'a new enumeration label that is used at once is warned of, and the error says what to do'],
    ['migrations/statement-wise.pg', 'an enumeration label is added in such a file and used in the next statement'],
  ],
  '52 DO with COMMIT': [
    ['migrations/statement-wise.pg', 'a DO block that commits in its body'],
    ['migrations/kill.pg', 'in a block that commits in its body: the next run asks, and repeats nothing by itself'],
  ],
  '53 search_path, role and limits do not leak': [
    ['migrations/session-state.pg', 'a file finds a pristine session, whatever the one before it left'],
    ['migrations/session-state.pg', 'after SET ROLE to a role that may not even see it'],
  ],
  '54 temporary tables do not leak': [['migrations/session-state.pg', "'temporary tables': {"]],
  '55 a deferred constraint that fails at COMMIT': [
    ['migrations/apply.pg', 'a deferred constraint that fails at the end: no false place, and what it is about'],
    ['migrations/statement-wise.pg', 'a deferred constraint that fails at the COMMIT of a block'],
  ],
  '56 the ledger dropped by a migration': [
    ['migrations/apply.pg', 'a file that drops the ledger is rolled back and told why'],
    ['migrations/statement-wise.pg', 'a file that drops the ledger is stopped there'],
  ],
  // ── failure and resumption ──────────────────────────────────────────────────────────────────────────────────────
  '57 kill -9 at every statement boundary': [
    ['migrations/kill.pg', 'at every statement boundary, before and behind the ledger is written'],
    ['migrations/lost.pg', 'and the server commits it: the file is reported as applied, and is not run again'],
  ],
  '58 the connection lost during an index build': [
    ['migrations/kill.pg', 'and its server process as well: the invalid index is removed and built again'],
    ['migrations/concurrency.pg', 'the next run removes what is invalid and builds it'],
  ],
  '59 IF NOT EXISTS over an invalid index': [
    ['migrations/statement-wise.pg', 'is no success: what nobody builds any more is removed and built anew'],
  ],
  '60 a failed file edited, then resumed': [
    ['migrations/statement-wise.pg', 'mended behind what ran: goes on; changed in what ran: refused'],
  ],
  '61 a full disk, and permission denied': [
    ['commands/bad-input.pg', 'a full disk under the server: nothing of the file remains, and the next run goes on'],
    ['commands/bad-input.pg', 'the role may not write'],
  ],
  '62 a role that may only read': [['commands/status.pg', 'a role that may only read is enough']],
  // ── several at once ─────────────────────────────────────────────────────────────────────────────────────────────
  '63 two runners, and ten': [
    ['migrations/concurrency.pg', 'ten of them apply each file exactly once, and all succeed'],
  ],
  '64 a runner beside an index build': [
    ['migrations/concurrency.pg', 'those that wait do not get in the way of an index build'],
  ],
  '65 killed while it holds the lock': [
    [
      'migrations/kill.pg',
      'in the middle: the next run waits for the server process that is left, and applies each file once',
    ],
    ['migrations/concurrency.pg', 'the one that holds the lock: nothing of the file in hand is committed'],
  ],
  '66 a transaction pooler': [
    [
      'commands/pooler.pg',
      'in transaction mode every command that writes is refused with the address to use, and leaves no lock',
    ],
  ],
  '67 a ledger in another schema': [
    ['migrations/concurrency.pg', 'in another schema of the same database: refused rather than run everything again'],
  ],
  '68 a lock held by a reader, by pg_dump, by VACUUM': [
    ['migrations/locks.pg', 'is tried for again; in vain: exit 6, who blocks is named, nothing of the file remains'],
    ['migrations/locks.pg', 'also of a VACUUM that does not give way, as one against wraparound does not'],
    ['migrations/backup-first.pg', 'that reads what a pending file locks is named and waited for'],
  ],
  '69 two databases of one server': [
    ['migrations/concurrency.pg', 'in two databases of one server they do not know of each other'],
  ],
};

test('every behaviour has its number, 1 to 69', () => {
  const numbers = Object.keys(BEHAVIOURS).map((name) => Number.parseInt(name, 10));
  expect(numbers).toEqual(Array.from({ length: 69 }, (_, at) => at + 1));
});

test.each(Object.entries(BEHAVIOURS))('%s: the tests that show it are there', (_, tests) => {
  expect(tests.length).toBeGreaterThan(0);
  for (const [file, words] of tests) expect(textOf(file), `${file}: ${words}`).toContain(words);
});

/** The source of a test, or of what several tests share. */
function textOf(name: string): string {
  const path = [`${name}.test.ts`, `${name}.ts`].map((file) => join(import.meta.dirname, '..', file)).find(existsSync);
  return path === undefined ? '' : readFileSync(path, 'utf8');
}
