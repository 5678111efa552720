import { quoteIdentifier, quoteLiteral } from '../postgres/quote.ts';

/** A setting of a database: ALTER DATABASE ... SET, or ALTER ROLE ... IN DATABASE ... SET. */
export interface DatabaseSetting {
  /** `null` for every role. */
  readonly role: string | null;
  /** As pg_db_role_setting keeps it: `name=value`. */
  readonly text: string;
}

/** A privilege of a database that somebody else than its owner has. */
export interface DatabaseGrant {
  /** `null` for PUBLIC. */
  readonly role: string | null;
  readonly privilege: 'CONNECT' | 'CREATE' | 'TEMPORARY';
  readonly grantable: boolean;
}

/** What belongs to a database and is in no dump of it. */
export interface DatabaseShell {
  readonly owner: string;
  readonly grants: readonly DatabaseGrant[];
  readonly settings: readonly DatabaseSetting[];
  /** -1 is no limit. */
  readonly connectionLimit: number;
}

/** The names of a swap: all three lie on one server. */
export interface SwapNames {
  /** What the application connects to. */
  readonly current: string;
  /** Where the backup is restored to, until the swap. */
  readonly beside: string;
  /** What the current one is called afterwards. */
  readonly kept: string;
}

/** @param at time of the swap, in milliseconds */
export function swapNames(current: string, at: number): SwapNames {
  const time = new Date(at).toISOString().replaceAll(/[-:]|\.\d+/g, '');
  return { current, beside: fitted(current, '_restored'), kept: fitted(current, `_before_${time}`) };
}

/** SQL, in order, that puts one database in the place of another: for one transaction, so that nothing lies between. */
export function swapSql({ current, beside, kept }: SwapNames, shell: DatabaseShell, note: string): string[] {
  const [old, copy, name] = [kept, beside, current].map(quoteIdentifier) as [string, string, string];
  return [
    `alter database ${name} rename to ${old}`,
    `alter database ${copy} rename to ${name}`,
    `comment on database ${name} is null`,
    `comment on database ${old} is ${quoteLiteral(note)}`,
    ...shell.grants.map((grant) => grantSql(name, grant)),
    `alter database ${name} connection limit ${shell.connectionLimit}`,
    ...shell.settings.map((setting) => settingSql(name, setting)),
    `alter database ${name} owner to ${quoteIdentifier(shell.owner)}`,
  ];
}

function grantSql(name: string, { role, privilege, grantable }: DatabaseGrant): string {
  const to = role === null ? 'public' : quoteIdentifier(role);
  return `grant ${privilege} on database ${name} to ${to}${grantable ? ' with grant option' : ''}`;
}

/** Settings whose value is a list of names, which SET would take for one name if it were quoted (GUC_LIST_QUOTE). */
const LISTS = [
  'local_preload_libraries',
  'search_path',
  'session_preload_libraries',
  'shared_preload_libraries',
  'temp_tablespaces',
  'unix_socket_directories',
];

function settingSql(database: string, { role, text }: DatabaseSetting): string {
  const at = text.indexOf('=');
  const [setting, value] = [text.slice(0, at), text.slice(at + 1)];
  // An extension's setting is written with a dot between two names.
  const name = setting.split('.').map(quoteIdentifier).join('.');
  const written = LISTS.includes(setting.toLowerCase()) ? listOf(value) : quoteLiteral(value);
  const whose =
    role === null ? `alter database ${database}` : `alter role ${quoteIdentifier(role)} in database ${database}`;
  return `${whose} set ${name} to ${written}`;
}

/** `"$user", public` as names that are quoted, each on its own. */
function listOf(value: string): string {
  const items = value.match(/"(?:[^"]|"")*"|[^\s,]+/g) ?? [];
  if (items.length === 0) return "''";
  return items
    .map((item) => (item.startsWith('"') ? item.slice(1, -1).replaceAll('""', '"') : item))
    .map((item) => (item === '' ? "''" : quoteIdentifier(item)))
    .join(', ');
}

/** PostgreSQL cuts names after 63 bytes: ours are made to fit, never in the middle of a character. */
function fitted(name: string, ending: string): string {
  const room = 63 - Buffer.byteLength(ending);
  let start = name;
  while (Buffer.byteLength(start) > room) start = [...start].slice(0, -1).join('');
  return `${start}${ending}`;
}
