import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { runHooks } from '../cli/migration.ts';
import { AishaError, messageOf } from '../errors.ts';
import { Session } from '../postgres/session.ts';
import type { CommandResult } from '../report/report.ts';
import type { CheckAnswer } from '../troubleshoot/ask.ts';
import type { Entry } from '../troubleshoot/entry.ts';
import type { Match } from '../troubleshoot/match.ts';
import type { Explained } from '../troubleshoot/result.ts';
import type { Command, Context } from './command.ts';

/** Different errors of one text that are explained; a log has thousands. */
const MOST = 20;

export const command: Command = {
  summary: 'explain an error: why it happens, what the database says about it, what to do',
  description:
    'Takes the text of an error in any wording, an SQLSTATE, a log (--log, or - for stdin), and finds it in the catalogue (docs/troubleshooting.md). Questions that help are put to the database, each in a short read-only transaction: is the table there, who has the right, who holds the lock. Without a database, or with --offline, they are left out.',
  examples: [
    'aisha-db troubleshoot \'relation "contacts" does not exist\'',
    'aisha-db troubleshoot 23505',
    'aisha-db troubleshoot - < errors.txt',
    'aisha-db troubleshoot --log postgresql.log --offline',
  ],
  database: true,
  configure(command) {
    command
      .argument('[error...]', 'text of the error or an SQLSTATE; - reads it from stdin')
      .option('--log <file>', 'explain the errors of a log')
      .option('--offline', 'ask no database')
      .option('--list', 'list what the catalogue has');
  },
  async run(context, args, options) {
    const { loadEntries } = await import('../troubleshoot/load.ts');
    const entries = loadEntries();
    if (options['list'] === true) return list(entries);
    const log = typeof options['log'] === 'string' ? options['log'] : undefined;
    const text = await readText(context, args.join(' '), log);
    return explain(context, text, entries, options['offline'] === true);
  },
};

function list(entries: readonly Entry[]): CommandResult {
  return {
    tables: [
      {
        columns: ['entry', 'SQLSTATE', 'manual', 'what'],
        rows: entries.map(({ id, sqlStates, manual, title }) => [
          id,
          sqlStates.join(', '),
          manual === 'none' ? '' : manual,
          title,
        ]),
      },
    ],
    data: {
      entries: entries.map(({ checks, ...entry }) => ({ ...entry, questions: checks.map(({ question }) => question) })),
    },
  };
}

async function readText(context: Context, given: string, log: string | undefined): Promise<string> {
  if (log !== undefined && given !== '') {
    throw new AishaError('usage', 'an error and --log cannot be given together', {
      hint: 'Keep the one that is meant.',
    });
  }
  if (log !== undefined) return readLog(resolve(context.cwd, log));
  if (given === '') {
    throw new AishaError('usage', 'no error was given', {
      hint: 'Write its text in quotes, an SQLSTATE, or - to read it from stdin; --list shows the catalogue.',
    });
  }
  return given === '-' ? context.input() : given;
}

async function readLog(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new AishaError('usage', `the log ${path} cannot be read: ${messageOf(error)}`, {
      hint: 'Correct the path of --log.',
      cause: error,
    });
  }
}

async function explain(
  context: Context,
  text: string,
  entries: readonly Entry[],
  offline: boolean,
): Promise<CommandResult> {
  const { errorsIn } = await import('../troubleshoot/errors-in-text.ts');
  const { findEntries, sqlStateOf } = await import('../troubleshoot/match.ts');
  const { toResult } = await import('../troubleshoot/result.ts');
  const errors = errorsIn(text).toSorted((a, b) => b.count - a.count);
  if (errors.length === 0)
    throw new AishaError('usage', 'there is no error in it', { hint: 'Give the text of an error.' });
  if (errors.length > MOST)
    context.talk.warn(`note: ${errors.length} different errors; the ${MOST} most frequent are explained`);
  const found = errors.slice(0, MOST).map((error) => ({
    error,
    sqlState: sqlStateOf(error.text),
    matches: findEntries(error.text, entries),
  }));
  const asker = await openAsker(
    context,
    offline || !found.some(({ matches }) => matches.some(({ entry }) => entry.checks.length > 0)),
  );
  try {
    const explained: Explained[] = [];
    for (const { matches, ...rest } of found) {
      const answered = [];
      for (const match of matches) answered.push({ match, answers: await asker.ask(match) });
      explained.push({ ...rest, matches: answered });
    }
    return toResult(explained);
  } finally {
    await asker.close();
  }
}

interface Asker {
  ask(match: Match): Promise<readonly CheckAnswer[]>;
  close(): Promise<void>;
}

/** An error can be explained without a database: that there is none is an answer, not a failure. */
async function openAsker(context: Context, silent: boolean): Promise<Asker> {
  const { askDatabase, notAsked } = await import('../troubleshoot/ask.ts');
  const refuse = (reason: string): Asker => ({
    ask: async ({ entry }) => entry.checks.map((check) => notAsked(check, reason)),
    close: async () => {},
  });
  if (silent) return refuse('--offline');
  try {
    const target = await context.target();
    const session = await Session.open(target, { applicationName: 'aisha-db troubleshoot', signal: context.signal });
    const [row] = await session.query<{ v: string }>("select pg_catalog.current_setting('server_version') as v");
    runHooks(context, target).connected(row!.v);
    return {
      ask: async ({ entry, named }) => {
        const answers: CheckAnswer[] = [];
        for (const check of entry.checks) answers.push(await askDatabase(session, check, named));
        return answers;
      },
      close: () => session.close(),
    };
  } catch (error) {
    if (!(error instanceof AishaError) || !['usage', 'connection'].includes(error.kind)) throw error;
    return refuse(`${error.message} (aisha-db doctor says more)`);
  }
}
