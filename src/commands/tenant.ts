import { didYouMean } from '../did-you-mean.ts';
import { AishaError } from '../errors.ts';
import type { CommandResult } from '../report/report.ts';
import type { Command, Context } from './command.ts';

/** One action of `aisha-db tenant`; each is a file of tenant/, loaded when it is asked for. */
export interface TenantAction {
  run(context: Context, args: readonly string[], options: TenantOptions): Promise<CommandResult>;
}

/** The options of the command, as commander names them. */
export interface TenantOptions {
  readonly table: string;
  readonly column: string;
  readonly stats: boolean;
  readonly file: string | undefined;
  readonly dryRun: boolean;
  readonly host: string;
  readonly port: string;
}

interface Entry {
  load(): Promise<TenantAction>;
  /** How many arguments it takes: from, to. */
  readonly args: readonly [number, number];
  /** Options that mean something to it, besides --table. */
  readonly options: readonly string[];
}

const ACTIONS: Readonly<Record<string, Entry>> = {
  resolve: { load: () => import('./tenant/resolve.ts'), args: [1, Number.POSITIVE_INFINITY], options: ['stats'] },
  list: { load: () => import('./tenant/list.ts'), args: [0, 0], options: [] },
  check: { load: () => import('./tenant/check.ts'), args: [0, 0], options: ['column'] },
  export: { load: () => import('./tenant/export.ts'), args: [1, 1], options: ['column', 'file'] },
  delete: { load: () => import('./tenant/delete.ts'), args: [1, 1], options: ['column', 'file', 'dryRun'] },
  serve: { load: () => import('./tenant/serve.ts'), args: [0, 0], options: ['host', 'port'] },
};

export const command: Command = {
  summary: 'resolve slugs and UUIDs of tenants, serve them, and list, check, export or delete tenants',
  description:
    'resolve turns slugs into UUIDs and back; an identifier that is unknown or ambiguous is an error. list shows the tenants, check finds rows whose tenant is none. export writes all rows of a tenant, in the order of foreign keys, into a script for psql; delete exports them and deletes exactly these in one transaction. serve answers over HTTP until it is stopped (docs/tenants.md). The alias "system" is the tenant of SYSTEM_TENANT_ID.',
  examples: [
    'aisha-db tenant resolve acme-corp system 550e8400-e29b-41d4-a716-446655440000',
    'aisha-db tenant check',
    'aisha-db tenant delete 550e8400-e29b-41d4-a716-446655440000 --dry-run',
    'aisha-db tenant serve --port 4002',
  ],
  database: true,
  failures: ['plan', 'lock', 'rolledBack'],
  words: () => Object.keys(ACTIONS),
  configure(command) {
    command
      .argument('<action>', Object.keys(ACTIONS).join(', '))
      .argument(
        '[identifier...]',
        'slugs or UUIDs; - reads them from stdin, one a line; export and delete take one UUID',
      )
      .option('--table <name>', 'table of the tenants, with id and slug', 'public.tenant')
      .optionsGroup('Of resolve:')
      .option('--stats', 'show how often the cache could answer')
      .optionsGroup('Of check, export and delete:')
      .option('--column <name>', 'column that says whose a row is (default: tenant_id)')
      .option('--file <path>', 'export to this file (default: tenant-UUID-TIME.sql in the working directory)')
      .option('--dry-run', 'delete: show what a tenant has; delete nothing')
      .optionsGroup('Of serve:')
      .option(
        '--host <address>',
        'address to listen on; one that others reach needs AISHA_TENANT_TOKEN (default: 127.0.0.1)',
      )
      .option('--port <number>', 'port to listen on; 0 is any that is free (default: 4002)');
  },
  async run(context, args, options) {
    const [name = '', ...rest] = args;
    const action = chooseAction(name);
    checkArguments(name, action, rest, options);
    return (await action.load()).run(context, rest, readOptions(options));
  },
};

function chooseAction(name: string): Entry {
  const action = Object.hasOwn(ACTIONS, name) ? ACTIONS[name] : undefined;
  if (action !== undefined) return action;
  const names = Object.keys(ACTIONS);
  const meant = didYouMean(name, names);
  throw new AishaError('usage', `tenant cannot "${name}"`, {
    hint: `${meant === undefined ? '' : `Did you mean ${meant}? `}It can ${names.join(', ')}.`,
  });
}

function checkArguments(
  name: string,
  { args: [least, most], options }: Entry,
  rest: readonly string[],
  given: Readonly<Record<string, unknown>>,
): void {
  if (rest.length < least) {
    throw new AishaError('usage', `tenant ${name} needs ${most === 1 ? 'the UUID of a tenant' : 'an identifier'}`, {
      hint: 'aisha-db tenant list shows the tenants.',
    });
  }
  if (rest.length > most) {
    const excess = rest.slice(most).map((arg) => `"${arg}"`);
    throw new AishaError('usage', `tenant ${name} does not take ${excess.join(', ')}`, {
      hint: most === 0 ? 'It takes no identifier.' : 'It takes one UUID: what is done is done to one tenant at a time.',
    });
  }
  const own = ['column', 'stats', 'file', 'dryRun', 'host', 'port'];
  const foreign = own.filter((option) => given[option] !== undefined && !options.includes(option));
  if (foreign.length > 0) {
    const names = foreign.map((option) => (option === 'dryRun' ? '--dry-run' : `--${option}`)).join(', ');
    throw new AishaError('usage', `${names} means nothing to tenant ${name}`, {
      hint: 'aisha-db tenant --help says what belongs to which action.',
    });
  }
}

function readOptions(given: Readonly<Record<string, unknown>>): TenantOptions {
  const text = (name: string) => (typeof given[name] === 'string' ? given[name] : undefined);
  return {
    table: text('table') ?? 'public.tenant',
    column: text('column') ?? 'tenant_id',
    stats: given['stats'] === true,
    file: text('file'),
    dryRun: given['dryRun'] === true,
    host: text('host') ?? '127.0.0.1',
    port: text('port') ?? '4002',
  };
}
