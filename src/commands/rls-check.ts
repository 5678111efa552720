import { join, relative } from 'node:path';
import { Option } from 'commander';
import { authorFromGit } from '../cli/author.ts';
import { migrationSource, runHooks } from '../cli/migration.ts';
import { AishaError } from '../errors.ts';
import { isFolder, readFolder } from '../migrations/files.ts';
import { readLedger } from '../migrations/ledger.ts';
import { openSession, type RunHooks } from '../migrations/open.ts';
import { scaffold } from '../migrations/scaffold.ts';
import { SQLSTATE, serverError } from '../postgres/server-error.ts';
import type { Session } from '../postgres/session.ts';
import { resolveTarget, type Target } from '../postgres/target.ts';
import type { CommandResult, ReportTable } from '../report/report.ts';
import { applicationCheck } from '../tenancy/application.ts';
import type { RlsFacts } from '../tenancy/facts.ts';
import { fixMigration, type LeftFinding } from '../tenancy/fix-migration.ts';
import { judgeFacts, type Verdict } from '../tenancy/judge.ts';
import { loadChecks, type NamedCheck } from '../tenancy/load-checks.ts';
import { leftBehindCheck, proofCheck } from '../tenancy/proof/proof-check.ts';
import { type Proof, proveWithoutRows } from '../tenancy/proof/prove.ts';
import { proveWithRows } from '../tenancy/proof/prove-rows.ts';
import { readApplication } from '../tenancy/read-application.ts';
import { readFacts } from '../tenancy/read-facts.ts';
import { toBlindResult, toResult } from '../tenancy/result.ts';
import type { TenancySettings } from '../tenancy/settings.ts';
import { viewAs } from '../tenancy/tenant-view.ts';
import type { Command, Context } from './command.ts';

export const command: Command = {
  summary: "find out whether every tenant's data is really its own",
  description:
    'Reads the catalog once and judges RLS on every table, view and function that clients reach. Policies are asked what they let through, over rows that are made up, as each role that they bind; nothing is written and no lock is waited for.',
  examples: [
    'aisha-db rls-check',
    'aisha-db rls-check --prove',
    'aisha-db rls-check --prove=rows --env staging',
    'aisha-db rls-check --prove=rows --call-volatile --env copy',
    'aisha-db rls-check --as-url "$APP_DATABASE_URL"',
    'aisha-db rls-check --tenant 6a1f0c9e-1f0e-4f3a-9f63-2d7c54a0b1ce',
    'aisha-db rls-check --fix',
    'aisha-db rls-check --schema public --schema billing --format sarif --output rls.sarif',
  ],
  database: true,
  configure(command) {
    command
      .option('--schema <name>', 'schema to look at, may be repeated', collect)
      .addOption(
        new Option(
          '--prove [how]',
          'prove for each table that no tenant reaches the rows of another: without touching a row, or with rows in transactions that are rolled back',
        )
          .choices(['policies', 'rows'])
          .preset('policies'),
      )
      .option(
        '--call-volatile',
        'with --prove=rows: call functions and procedures that write as well; what they do is rolled back, and may lock many rows until then',
      )
      .option('--as-url <url>', "the application's own connection: is RLS evaluated for it at all?")
      .addOption(
        new Option('--tenant <id>', 'show what this tenant sees of each table, and nothing else').conflicts([
          'prove',
          'asUrl',
          'fix',
        ]),
      )
      .option('--fix', 'write a migration with the SQL that mends the findings; it is not run')
      .option('--dir <folder>', 'folder of SQL files, for --fix');
  },
  async run(context, _args, options) {
    const settings = settingsFor(context, options);
    if (options['callVolatile'] === true && options['prove'] !== 'rows')
      throw new AishaError('usage', '--call-volatile is for --prove=rows', {
        hint: 'Add --prove=rows, which calls functions, or leave --call-volatile away.',
      });
    const target = await context.target();
    // One for all sessions: the server is named once.
    const hooks = runHooks(context, target);
    const session = await openSession(target, 'aisha-db rls-check', {}, hooks);
    let second: Promise<Session | undefined> | undefined;
    let apart: Promise<Session | undefined> | undefined;
    try {
      const reading = {
        helper: () => (second ??= openHelper(target, hooks)),
        apart: () => (apart ??= openHelper(target, hooks)),
        assumes: options['prove'] !== undefined,
      };
      const [facts, checks] = await Promise.all([readFacts(session, settings, reading), loadChecks()]);
      refuseUnknownSchemas(facts, settings);
      context.signal.throwIfAborted();
      const tenant = options['tenant'] as string | undefined;
      if (tenant !== undefined) return await viewAs(session, facts, settings, tenant, context.signal);
      const run = { context, target, hooks, session, second: await second, facts, settings };
      const proof = await prove(
        options['prove'] as 'policies' | 'rows' | undefined,
        run,
        options['callVolatile'] === true,
      );
      const application = await applicationChecks(options['asUrl'] as string | undefined, run);
      const asked = [...application, ...(proof === undefined ? [] : proofChecks(proof)), ...checks];
      const verdict = judgeFacts(facts, asked, settings.exceptions);
      const result = toResult(facts, verdict, proof);
      return options['fix'] === true ? await writeFix(result, verdict, run) : result;
    } catch (error) {
      const refusal = serverError(error);
      if (refusal?.code !== SQLSTATE.insufficientPrivilege) throw error;
      return toBlindResult(await loadChecks(), refusal, target.user);
    } finally {
      await session.close();
      for (const one of await Promise.all([second, apart])) await one?.close();
    }
  },
};

/** A name that is misspelt must not look like a schema without a flaw. */
function refuseUnknownSchemas({ usage }: RlsFacts, { schemas = [] }: TenancySettings): void {
  const missing = schemas.filter((name) => !usage.has(name));
  if (missing.length === 0) return;
  throw new AishaError('usage', `there is no schema ${missing.join(', ')} in the database`, {
    hint: `There are: ${[...usage.keys()].join(', ')}.`,
  });
}

/** Two read faster than one; a server that has no connection to spare is read by one. */
async function openHelper(target: Target, hooks: RunHooks): Promise<Session | undefined> {
  return openSession(target, 'aisha-db rls-check', {}, hooks).catch(() => undefined);
}

interface Run {
  readonly context: Context;
  readonly target: Target;
  readonly hooks: RunHooks;
  readonly session: Session;
  /** A second session, where there was enough to do for two. */
  readonly second: Session | undefined;
  readonly facts: RlsFacts;
  readonly settings: TenancySettings;
}

async function prove(
  how: 'policies' | 'rows' | undefined,
  run: Run,
  callsWriters: boolean,
): Promise<Proof | undefined> {
  const { context, target, hooks, session, second, facts, settings } = run;
  if (how === undefined) return undefined;
  const onTable = progress(context, 'without rows');
  const without = await proveWithoutRows(session, facts, settings, { helper: second, onTable });
  if (how === 'policies') return without;
  const neverSet = await openSession(target, 'aisha-db rls-check', {}, hooks);
  try {
    return await proveWithRows(session, without, {
      facts,
      settings,
      neverSet,
      callsWriters,
      onTable: progress(context, 'with rows'),
    });
  } finally {
    await neverSet.close();
  }
}

function proofChecks(proof: Proof): NamedCheck[] {
  return [proofCheck(proof), ...(proof.leftBehind === undefined ? [] : [leftBehindCheck(proof)])];
}

/** A terminal is not told of each of thousands of tables (ms). */
const STATUS_MS = 200;

/** Tells how far a proof is: of many tables it takes its time. Between two of them it ends when it is told to. */
function progress({ talk, signal }: Context, how: string): (done: number, total: number, object?: string) => void {
  let told = 0;
  return (done, total, object) => {
    signal.throwIfAborted();
    if (talk.interactive && Date.now() - told < STATUS_MS) return;
    told = Date.now();
    const now = object === undefined ? [] : [object];
    talk.progress({
      what: `proving ${how}`,
      share: done / Math.max(total, 1),
      details: [`${done} of ${total} tables`, ...now],
    });
  };
}

async function applicationChecks(url: string | undefined, { context, target, facts }: Run): Promise<NamedCheck[]> {
  if (url === undefined) return [];
  const application = resolveTarget({ databaseUrl: url, flag: '--as-url', env: context.env });
  context.talk.info(`application: ${application.describe()}`);
  const session = await openSession(application, 'aisha-db rls-check', {}, runHooks(context, application));
  try {
    return [applicationCheck(await readApplication(session, facts, target.database))];
  } finally {
    await session.close();
  }
}

const FIX_NAME = 'mend_tenant_isolation';

/** Writes what mends the findings where `new` would put it. What cannot be written takes nothing from the report. */
async function writeFix(result: CommandResult, { findings }: Verdict, run: Run): Promise<CommandResult> {
  const { context } = run;
  const { sql, objects, breakingChanges, indexes, mended, left } = fixMigration(findings);
  const rest = left.length === 0 ? '' : `; ${left.length} of the findings it does not mend`;
  const tables = [...(result.tables ?? []), ...leftTable(left)];
  if (mended.length === 0) return { ...result, text: `${result.text}; there is nothing to mend${rest}`, tables };
  try {
    const waiting = await waitingFix(run);
    if (waiting !== undefined) {
      const text = `${result.text}; wrote nothing: ${waiting} waits to be run, and may mend the same; run or remove it first`;
      return { ...result, text };
    }
    const [file] = await scaffold(migrationSource(context), {
      name: FIX_NAME,
      rollback: false,
      author: authorFromGit(context.cwd),
      date: new Date().toLocaleDateString('sv-SE'),
      dependsOn: undefined,
      content: {
        description: 'Mend what rls-check found',
        breakingChanges: breakingChanges.length === 0 ? ['None'] : breakingChanges,
        modifiedTables: objects,
        indexesAdded: indexes.length === 0 ? ['None'] : indexes,
        sql,
      },
    });
    const shown = relative(context.cwd, file!);
    return {
      ...result,
      text: `${result.text}; wrote ${shown}, which mends ${mended.length} findings and was not run${rest}`,
      data: { ...result.data, fix: { file: shown, mends: mended.length, left: left.length } },
      tables,
    };
  } catch (error) {
    if (!(error instanceof AishaError)) throw error;
    return { ...result, error };
  }
}

/** A file of an earlier run that was not applied: a second one would make the same policies again, and fail. */
async function waitingFix({ context, session }: Run): Promise<string | undefined> {
  const { dir, finalFrom, ledger } = migrationSource(context);
  if (!isFolder(dir)) return undefined;
  const mending = readFolder(dir, finalFrom).files.flatMap(({ name: { file, phase } }) =>
    phase !== 'rollback' && file.endsWith(`_${FIX_NAME}.sql`) ? [file] : [],
  );
  if (mending.length === 0) return undefined;
  const { rows } = await readLedger(session, ledger);
  const applied = new Set(rows.filter(({ state }) => state !== 'rolled-back').map(({ file }) => file));
  const waiting = mending.find((file) => !applied.has(file));
  return waiting === undefined ? undefined : relative(context.cwd, join(dir, waiting));
}

/** What is left to people, and why. */
function leftTable(left: readonly LeftFinding[]): ReportTable[] {
  if (left.length === 0) return [];
  return [
    {
      title: 'Not mended',
      columns: ['object', 'finding', 'why'],
      rows: left.map(({ finding: { object, check }, why }) => [object, check, why]),
    },
  ];
}

function collect(name: string, names: readonly string[] = []): string[] {
  return [...names, name];
}

function settingsFor({ config }: Context, options: Readonly<Record<string, unknown>>): TenancySettings {
  const schemas = options['schema'] as readonly string[] | undefined;
  return schemas === undefined ? config.tenancy : { ...config.tenancy, schemas };
}
