import { isUtf8 } from 'node:buffer';
import { isDeepStrictEqual } from 'node:util';
import { once } from '../once.ts';
import { type Additions, additionsOf } from './additive.ts';
import { tokenChecksum } from './checksum.ts';
import { type Header, headerValue, parseHeader } from './header.ts';
import { decideMode, type Mode, type Watched } from './mode.ts';
import { type Expanded, expand, lineOf, type PsqlProblem, type ReadInclude, UNTERMINATED_HINT } from './psql.ts';
import { type ReadingProblem, readingProblem } from './reading.ts';
import { RepeatedInsert } from './repeated-insert.ts';
import { type Statement, StatementReader } from './statements.ts';
import type { Grammar } from './tree.ts';

/** A file made ready to run: what the server gets, how, and what is wrong with it. */
export interface Script {
  readonly file: string;
  readonly header: Header;
  readonly expanded: Expanded;
  /** Number of statements. */
  readonly count: number;
  readonly mode: Mode;
  /** Where a big file is cut into messages: offsets of statements, about MESSAGE_BYTES apart. */
  readonly cuts: readonly number[];
  /** What the server's grammar has to be asked about; `undefined`: the whole file. */
  readonly doubtful: readonly Stretch[] | undefined;
  readonly problems: readonly PsqlProblem[];
  readonly warnings: readonly PsqlProblem[];
  /** Equal for two contents that differ in comments, white space and letter case alone; `undefined` for big files. */
  tokenChecksum(): string | undefined;
  /** What the file adds, when it does nothing else and goes in one message. */
  additions(): Additions | undefined;
}

/** What the server gets of a script, as text. */
export function scriptText({ expanded }: Pick<Script, 'expanded'>): string {
  return Buffer.from(expanded.sql).toString('utf8');
}

/** Part of a file, by offsets. */
export interface Stretch {
  readonly from: number;
  readonly to: number;
}

/** What an earlier look at the same content has found: the statements need not be read again. */
export type Settled = Pick<Script, 'mode' | 'count' | 'cuts' | 'doubtful'>;

/** Bytes of SQL in one message: the server keeps the parse trees of a whole message, about eight times its size. */
const MESSAGE_BYTES = 256 * 1024;

/** Above this, telling a cosmetic change from a semantic one is not worth the time it takes at every run (bytes). */
const MOST_TOKEN_BYTES = 8 * 1024 * 1024;

/**
 * Reads a file's content as psql and the server would and decides how to run it. The grammar is loaded only when a
 * statement needs it. `content` is normalised (see `normalise`).
 */
export async function prepareScript(
  file: string,
  content: Uint8Array,
  read: ReadInclude,
  grammar: () => Promise<Grammar>,
  settled?: Settled,
): Promise<Script> {
  const header = parseHeader(content);
  const expanded = expand(file, content, read);
  const problems = [{ file, text: content }, ...expanded.includes].flatMap((part) =>
    encodingProblems(part.file, part.text),
  );
  problems.push(...expanded.problems);
  const tokens = once(() => (content.length <= MOST_TOKEN_BYTES ? tokenChecksum(content) : undefined));
  const found = { file, header, expanded, tokenChecksum: tokens };
  if (settled) {
    return { ...found, ...settled, problems, warnings: [], additions: once(() => additionsIn(expanded, settled)) };
  }
  const survey = await surveyStatements(expanded.sql, grammar);
  if (survey.unterminated) {
    const { what, offset } = survey.unterminated;
    const problem = problemAt(expanded, offset, `unterminated ${what}`, UNTERMINATED_HINT);
    // An included file that is left open was reported when it was read.
    if (!problems.some((p) => isDeepStrictEqual(p, problem))) problems.push(problem);
  }
  problems.push(...survey.misread.map(({ offset, message, hint }) => problemAt(expanded, offset, message, hint)));
  const mode = decideMode({
    count: survey.count,
    watched: survey.watched,
    statements: () => readAll(expanded.sql),
    transactionNone: headerValue(header, 'Transaction')?.toLowerCase() === 'none',
    repeats: headerValue(header, 'On-Interruption')?.toLowerCase() === 'repeat',
  });
  if (mode.kind === 'refused') {
    problems.push(...mode.problems.map((p) => problemAt(expanded, p.offset, p.message, p.hint)));
  }
  if (mode.kind === 'statements' && expanded.copies.length > 0) {
    problems.push(
      problemAt(
        expanded,
        mode.whyAt,
        `${mode.why}, yet the file holds data for COPY`,
        'Put the COPY into a file of its own: data cannot be resumed half-way.',
      ),
    );
  }
  return {
    ...found,
    count: survey.count,
    mode,
    cuts: survey.cuts,
    doubtful: survey.doubtful,
    problems,
    warnings: await enumWarnings(expanded, survey.watched, grammar),
    additions: once(() => additionsIn(expanded, { mode, cuts: survey.cuts })),
  };
}

function additionsIn({ sql, copies }: Expanded, { mode, cuts }: Pick<Settled, 'mode' | 'cuts'>): Additions | undefined {
  if (mode.kind !== 'transaction' || cuts.length > 0 || copies.length > 0) return undefined;
  return additionsOf(sql.subarray(mode.begin?.end ?? 0, mode.commit?.start ?? sql.length));
}

/** The stretches of a file, from one offset to another, that are sent as one message each. */
export function* stretches({ cuts }: Script, from: number, to: number): Generator<Stretch> {
  let start = from;
  for (const cut of cuts) {
    if (cut <= start || cut >= to) continue;
    yield { from: start, to: cut };
    start = cut;
  }
  yield { from: start, to };
}

/** A problem with the place of an offset in the expanded SQL. */
export function problemAt(expanded: Expanded, offset: number, message: string, hint: string): PsqlProblem {
  const { file, line, column } = expanded.locate(offset);
  return { file, line, column, message, hint };
}

function encodingProblems(file: string, content: Uint8Array): PsqlProblem[] {
  const zero = content.indexOf(0);
  if (zero >= 0) {
    const hint =
      content[0] === 0xff || content[0] === 0xfe || content[1] === 0
        ? 'It looks like UTF-16: save it as UTF-8.'
        : 'SQL text cannot hold one; remove it.';
    return [{ file, ...lineOf(content, zero), message: 'a zero byte in the file', hint }];
  }
  if (isUtf8(content)) return [];
  const place = lineOf(content, firstInvalid(content));
  return [{ file, ...place, message: 'not valid UTF-8', hint: 'Convert the file: iconv -f latin1 -t utf-8.' }];
}

/** Offset of the first byte that is no UTF-8, by halving: the decoder does not say where it stopped. */
function firstInvalid(content: Uint8Array): number {
  let good = 0;
  let bad = content.length;
  while (bad - good > 1) {
    const middle = (good + bad) >> 1;
    if (beginsUtf8(content.subarray(0, middle))) good = middle;
    else bad = middle;
  }
  // What begins like a character of several bytes is one to the decoder until the next byte says otherwise.
  while (good > 0 && !isUtf8(content.subarray(0, good))) good--;
  return good;
}

/** Like isUtf8, but the last character may be incomplete. */
function beginsUtf8(content: Uint8Array): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(content, { stream: true });
    return true;
  } catch {
    return false;
  }
}

interface Survey {
  readonly count: number;
  readonly watched: readonly Watched[];
  readonly cuts: readonly number[];
  readonly doubtful: readonly Stretch[] | undefined;
  readonly unterminated: StatementReader['unterminated'];
  /** Statements by which what follows would be read differently. */
  readonly misread: readonly (ReadingProblem & { readonly offset: number })[];
}

/** Above this (bytes) it pays to recognise statements that repeat others. */
const LEAST_REPEATED = 1024 * 1024;

async function surveyStatements(sql: Uint8Array, grammar: () => Promise<Grammar>): Promise<Survey> {
  const reader = new StatementReader(sql);
  const repeated = sql.length > LEAST_REPEATED ? new RepeatedInsert(sql) : undefined;
  const watched: Watched[] = [];
  const cuts: number[] = [];
  const doubtful: { from: number; to: number }[] = [];
  const misread: (ReadingProblem & { readonly offset: number })[] = [];
  let count = 0;
  let last = 0;
  const begun = (start: number): void => {
    count++;
    if (start - last < MESSAGE_BYTES) return;
    cuts.push(start);
    last = start;
  };
  for (;;) {
    if (repeated) {
      const from = reader.position;
      skipRepeats(reader, sql, repeated, begun);
      const stretch = doubtful.at(-1);
      // Without repeats between them, two statements are one stretch.
      if (stretch && reader.position === from) stretch.to = sql.length;
      else doubtful.push({ from: reader.position, to: sql.length });
    }
    const statement = reader.next();
    if (statement === undefined) break;
    if (needsLook(statement, sql)) {
      const nature = (await grammar()).nature(textOf(sql, statement));
      watched.push({ index: count, statement, nature });
    }
    if (statement.words[0] === 'set') {
      const problem = readingProblem(textOf(sql, statement), sql.subarray(statement.end));
      if (problem) misread.push({ ...problem, offset: statement.start });
    }
    begun(statement.start);
    if (repeated) {
      repeated.learn(statement.start, statement.end);
      doubtful.at(-1)!.to = reader.position;
    }
  }
  return {
    count,
    watched: watched.filter((w) => w.nature.kind !== 'plain' || isEnumChange(w.statement)),
    cuts,
    doubtful: repeated && doubtful,
    unterminated: reader.unterminated,
    misread,
  };
}

/** Passes over every repeat of the learnt statement that comes next. */
function skipRepeats(
  reader: StatementReader,
  sql: Uint8Array,
  repeated: RepeatedInsert,
  begun: (start: number) => void,
): void {
  for (;;) {
    let start = reader.position;
    while (sql[start] === 10 || sql[start] === 32) start++;
    const end = repeated.endOfRepeat(start);
    if (end < 0) return;
    begun(start);
    reader.skipTo(end);
  }
}

const CONTROL: ReadonlySet<string> = new Set([
  'abort',
  'begin',
  'commit',
  'end',
  'release',
  'rollback',
  'savepoint',
  'start',
]);
const ALWAYS: ReadonlySet<string> = new Set(['cluster', 'discard', 'reindex', 'vacuum']);
const GLOBAL_OBJECT: ReadonlySet<string> = new Set(['database', 'subscription', 'system', 'tablespace']);

/** Whether a statement's leading words leave open what it is to the runner; the syntax tree then decides. */
function needsLook(statement: Statement, sql: Uint8Array): boolean {
  const [first, second] = statement.words;
  if (first === undefined) return false;
  if (statement.concurrently || CONTROL.has(first) || ALWAYS.has(first)) return true;
  if (first === 'prepare') return second === 'transaction';
  if (first === 'create' || first === 'drop' || first === 'alter')
    return GLOBAL_OBJECT.has(second ?? '') || isEnumChange(statement);
  return first === 'do' && /\b(commit|rollback)\b/i.test(textOf(sql, statement));
}

function isEnumChange(statement: Statement): boolean {
  const { words } = statement;
  return words[0] === 'alter' && words[1] === 'type' && words.includes('add') && words.includes('value');
}

/** A label added to an enumeration cannot be used in the same transaction (SQLSTATE 55P04). */
async function enumWarnings(
  expanded: Expanded,
  watched: readonly Watched[],
  grammar: () => Promise<Grammar>,
): Promise<PsqlProblem[]> {
  const warnings: PsqlProblem[] = [];
  for (const { statement } of watched.filter((w) => isEnumChange(w.statement))) {
    const label = (await grammar()).addedEnumLabel(textOf(expanded.sql, statement));
    if (label === undefined) continue;
    const use = Buffer.from(expanded.sql.buffer, expanded.sql.byteOffset, expanded.sql.length).indexOf(
      `'${label.replaceAll("'", "''")}'`,
      statement.end,
    );
    if (use < 0) continue;
    warnings.push(
      problemAt(
        expanded,
        use,
        `the enumeration label '${label}' is added and used in one file`,
        'PostgreSQL refuses a new label in the transaction that adds it (55P04) unless the type is new too: use it in the next file.',
      ),
    );
  }
  return warnings;
}

function textOf(sql: Uint8Array, statement: Statement): string {
  return Buffer.from(sql.buffer, sql.byteOffset + statement.start, statement.end - statement.start).toString('utf8');
}

function* readAll(sql: Uint8Array): Generator<Statement> {
  const reader = new StatementReader(sql);
  for (let s = reader.next(); s !== undefined; s = reader.next()) yield s;
}
