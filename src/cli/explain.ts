import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Context } from '../commands/command.ts';
import { parseDuration } from '../duration.ts';
import { AishaError, messageOf } from '../errors.ts';
import { type ExplainOptions, type ExplainResult, explain, type Subject } from '../explain/explain.ts';
import { explainResult } from '../explain/result.ts';
import type { Target } from '../postgres/target.ts';
import type { CommandResult } from '../report/report.ts';
import { callsPerRow } from '../tenancy/plan-calls.ts';
import { runHooks } from './migration.ts';

type Options = Readonly<Record<string, unknown>>;

const TIMEOUT_MS = 30_000;
const LOCK_TIMEOUT_MS = 2_000;

/** What a transaction cannot undo. */
const NOT_UNDONE =
  'numbers taken from sequences, and what functions and triggers do outside of the database (dblink, http, files)';

/** Explains what the arguments name, as the role and the tenant that the options name. */
export async function explainQuery(
  context: Context,
  args: readonly string[],
  options: Options,
): Promise<CommandResult> {
  const settings = readOptions(context, options);
  const subject = await readSubject(context, args[0], options);
  const target = await context.target();
  const result = await explain(target, subject, {
    ...settings,
    signal: context.signal,
    connected: runHooks(context, target).connected,
    confirm: () => confirmChange(context, target),
  });
  return explainResult({
    ...result,
    callsPerRow: ({ raw }) => callsPerRow([{ Plan: { ...raw, Plans: [] } }]).map(({ name }) => `${name}(…)`),
    as: describeWho(options),
    remarks: remarks(result, settings),
  });
}

async function confirmChange(context: Context, target: Target): Promise<void> {
  context.talk.warn('the statement changes rows: it is run and undone, and holds its locks until then');
  context.talk.warn(`not undone are ${NOT_UNDONE}`);
  await context.confirm(target);
}

function remarks(result: ExplainResult, { role }: Pick<ExplainOptions, 'role'>): string[] {
  const { changed, bypassesPolicies, prunedWithoutValues } = result;
  return [
    ...(prunedWithoutValues
      ? ['Partitions are missing from this plan: before PostgreSQL 16 they are ruled out by NULL for every parameter.']
      : []),
    ...(changed ? [`Its changes are undone, except ${NOT_UNDONE}.`] : []),
    ...(bypassesPolicies
      ? [
          role === undefined
            ? 'Policies do not bind the role of the connection: they are not in this plan. --role authenticated shows them.'
            : 'Policies do not bind this role: they are not in this plan.',
        ]
      : []),
  ];
}

function describeWho({ role, tenant }: Options): string {
  const parts = [
    ...(role === undefined ? [] : [`as ${role}`]),
    ...(tenant === undefined ? [] : [`for tenant ${tenant}`]),
  ];
  return parts.join(' ');
}

type Wanted = Pick<ExplainOptions, 'parameters' | 'analyze' | 'role' | 'settings' | 'timeoutMs' | 'lockTimeoutMs'>;

function readOptions({ config }: Context, options: Options): Wanted {
  const text = (name: string) => (typeof options[name] === 'string' ? (options[name] as string) : undefined);
  const duration = (name: string, option: string, otherwise: number): number => {
    const value = text(name);
    return value === undefined ? otherwise : parseDuration(value, option);
  };
  const tenant = text('tenant');
  return {
    parameters: (options['param'] ?? []) as readonly string[],
    analyze: options['analyze'] === true,
    role: text('role'),
    settings: tenant === undefined ? {} : tenantSettings(config.tenancy, tenant),
    timeoutMs: duration('statementTimeout', '--statement-timeout', TIMEOUT_MS),
    lockTimeoutMs: duration('lockTimeout', '--lock-timeout', LOCK_TIMEOUT_MS),
  };
}

/** The settings of the application, and the claims that Supabase's functions read. */
function tenantSettings(
  { settings, columns, claims }: Context['config']['tenancy'],
  tenant: string,
): Record<string, string> {
  const own = Object.fromEntries(columns.map((column) => [column, tenant]));
  const token = claims ?? { ...own, app_metadata: own };
  const text = JSON.stringify(token, (_, value) => (value === '{tenant}' ? tenant : value));
  return { ...Object.fromEntries(settings.map((name) => [name, tenant])), 'request.jwt.claims': text };
}

async function readSubject(context: Context, query: string | undefined, options: Options): Promise<Subject> {
  const { file, id } = options;
  const given = [query, file, id].filter((value) => value !== undefined);
  if (given.length > 1) {
    throw new AishaError('usage', 'more than one query is named', { hint: 'Give a query, --file or --id.' });
  }
  if (typeof id === 'string') {
    if (!/^-?\d{1,19}$/.test(id)) {
      throw new AishaError('usage', `--id "${id}" is not a number`, { hint: 'aisha-db queries lists the numbers.' });
    }
    return { id };
  }
  const text =
    typeof file === 'string'
      ? await readQuery(context, file)
      : query === undefined || query === '-'
        ? await readInput()
        : query;
  if (text.trim() !== '') return { text };
  throw new AishaError('usage', 'there is no query', {
    hint: 'Write it behind the command, in quotes, or name it with --file or --id.',
  });
}

async function readQuery({ cwd }: Context, file: string): Promise<string> {
  try {
    return await readFile(resolve(cwd, file), 'utf8');
  } catch (error) {
    throw new AishaError('usage', `${file} cannot be read: ${messageOf(error)}`, { hint: 'Name another file.' });
  }
}

/** Whatever is piped in; nobody is expected to type a query. */
async function readInput(): Promise<string> {
  if (process.stdin.isTTY) return '';
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}
