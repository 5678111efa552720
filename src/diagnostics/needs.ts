import { quoteIdentifier, quoteQualified } from '../postgres/quote.ts';
import type { Obstacle } from './facts.ts';

/** Something without which a check cannot decide, or has nothing to look at. */
export type Need =
  | { readonly kind: 'extension'; readonly name: string }
  | { readonly kind: 'function'; readonly schema: string; readonly name: string }
  | { readonly kind: 'role'; readonly name: string }
  | { readonly kind: 'setting'; readonly name: string; readonly value: string }
  | { readonly kind: 'table'; readonly schema: string; readonly name: string; readonly columns: readonly string[] };

/** What this role may and has on this server, as far as checks ask for it. */
export interface Capabilities {
  /** `server_version_num`: 150018 */
  readonly versionNumber: number;
  readonly role: string;
  /** Who keeps the superusers of this server, so that nobody else is one: `Supabase`. */
  readonly service: string | undefined;
  readonly bypassesRls: boolean;
  /** Roles whose rights this one has without SET ROLE. */
  readonly roles: ReadonlySet<string>;
  readonly extensions: ReadonlyMap<string, InstalledExtension>;
  readonly settings: ReadonlyMap<string, string>;
  /** Functions without arguments that may be called, `schema.name`. */
  readonly functions: ReadonlySet<string>;
  /** By `schema.name`; absent when there is no such table. */
  readonly tables: ReadonlyMap<string, TableAccess>;
  /** Schemas that belong to PostgreSQL or the platform: their owner looks after them. */
  readonly ignoredSchemas: readonly string[];
}

export interface InstalledExtension {
  readonly schema: string;
  /** This role may use what is in the schema. */
  readonly usage: boolean;
}

export interface TableAccess {
  readonly columns: readonly string[];
  /** Columns that cannot be read. */
  readonly denied: readonly string[];
  readonly usage: boolean;
  /** Row-level security hides rows from this role. */
  readonly filtered: boolean;
}

/**
 * `extension pg_stat_statements`, `role pg_read_all_stats`, `setting track_io_timing = on`, `table public.users (email)`,
 * `function pg_catalog.pg_hba_file_rules()`.
 */
export function parseNeed(item: string): Need | string {
  const [, kind, name] = /^(extension|role) (\w+)$/.exec(item) ?? [];
  if (name !== undefined) return kind === 'role' ? { kind, name } : { kind: 'extension', name };
  const [, setting, value] = /^setting ([\w.]+) = (\S+)$/.exec(item) ?? [];
  if (setting !== undefined && value !== undefined) return { kind: 'setting', name: setting, value };
  const [, home, routine] = /^function (\w+)\.(\w+)\(\)$/.exec(item) ?? [];
  if (home !== undefined && routine !== undefined) return { kind: 'function', schema: home, name: routine };
  const [, schema, table, columns] = /^table (\w+)\.(\w+) \(([\w, ]+)\)$/.exec(item) ?? [];
  if (schema !== undefined && table !== undefined && columns !== undefined) {
    return { kind: 'table', schema, name: table, columns: columns.split(',').map((column) => column.trim()) };
  }
  return `"${item}" is none of: extension NAME, role NAME, setting NAME = VALUE, table SCHEMA.NAME (COLUMN, ...), function SCHEMA.NAME()`;
}

/** A need as documentation writes it. */
export function describeNeed(need: Need): string {
  if (need.kind === 'setting') return `the setting ${need.name} = ${need.value}`;
  if (need.kind === 'function') return `the function ${need.schema}.${need.name}()`;
  if (need.kind === 'table') return `the table ${need.schema}.${need.name} (${need.columns.join(', ')})`;
  return need.kind === 'role' ? `the rights of ${need.name}` : `the extension ${need.name}`;
}

/** The first need that is not met; nothing to look at comes before a right that is missing. */
export function findObstacle(needs: readonly Need[], capabilities: Capabilities): Obstacle | undefined {
  const obstacles = needs.flatMap((need) => obstacleOf(need, capabilities) ?? []);
  return obstacles.find(({ kind }) => kind === 'not-applicable') ?? obstacles[0];
}

function obstacleOf(need: Need, capabilities: Capabilities): Obstacle | undefined {
  const role = quoteIdentifier(capabilities.role);
  if (need.kind === 'role') {
    if (capabilities.roles.has(need.name)) return undefined;
    return unknown(`${role} has not the rights of ${need.name}`, `grant ${need.name} to ${role};`);
  }
  if (need.kind === 'extension') {
    const extension = capabilities.extensions.get(need.name);
    if (extension === undefined)
      return unknown(`the extension ${need.name} is not installed`, `create extension ${need.name};`);
    return extension.usage ? undefined : hiddenSchema(extension.schema, role);
  }
  if (need.kind === 'setting') {
    const value = capabilities.settings.get(need.name);
    if (value === need.value) return undefined;
    return unknown(
      `the setting ${need.name} is ${value ?? 'not known here'}`,
      `alter system set ${need.name} = ${need.value}; select pg_reload_conf();`,
    );
  }
  if (need.kind === 'function') {
    if (capabilities.functions.has(`${need.schema}.${need.name}`)) return undefined;
    const grant = `grant execute on function ${quoteQualified(need.schema, need.name)}() to ${role};`;
    const what = `call ${need.schema}.${need.name}()`;
    return need.schema === 'pg_catalog'
      ? seenBySuperusers(what, grant, capabilities)
      : unknown(`${role} may not ${what}`, grant);
  }
  return tableObstacle(need, capabilities);
}

/**
 * What the server shows to superusers only: they may let others see it too, unless a service keeps them to itself. Then
 * the answer is the same for all such checks, so that a report gives it once.
 */
function seenBySuperusers(what: string, grant: string, { role, service }: Capabilities): Obstacle {
  if (service === undefined) return unknown(`${quoteIdentifier(role)} may not ${what}`, grant);
  return unknown(
    `only superusers see it, and ${service} keeps those to itself`,
    `Accept that in aisha-db.config.json, for each of these checks: "diagnostics": { "checks": { "CHECK": { "enabled": false, "reason": "only ${service} sees it" } } }.`,
  );
}

function tableObstacle(
  { schema, name, columns }: Extract<Need, { kind: 'table' }>,
  capabilities: Capabilities,
): Obstacle | undefined {
  const { tables, bypassesRls } = capabilities;
  const role = quoteIdentifier(capabilities.role);
  const table = tables.get(`${schema}.${name}`);
  if (table === undefined) return { kind: 'not-applicable', reason: `there is no table ${schema}.${name}` };
  const missing = columns.filter((column) => !table.columns.includes(column));
  if (missing.length > 0) {
    return { kind: 'not-applicable', reason: `${schema}.${name} has no column ${missing.join(', ')}` };
  }
  const qualified = quoteQualified(schema, name);
  if (!table.usage) return hiddenSchema(schema, role);
  if (columns.some((column) => table.denied.includes(column))) {
    const grant = `grant select on ${qualified} to ${role};`;
    const what = `read ${schema}.${name}`;
    return schema === 'pg_catalog'
      ? seenBySuperusers(what, grant, capabilities)
      : unknown(`${role} may not ${what}`, grant);
  }
  if (table.filtered && !bypassesRls) {
    return unknown(
      `row-level security hides rows of ${schema}.${name} from ${role}`,
      `Run it as a role with BYPASSRLS, or: alter role ${role} bypassrls;`,
    );
  }
  return undefined;
}

function hiddenSchema(schema: string, role: string): Obstacle {
  return unknown(
    `${role} may not look into schema ${schema}`,
    `grant usage on schema ${quoteIdentifier(schema)} to ${role};`,
  );
}

function unknown(reason: string, remediation: string): Obstacle {
  return { kind: 'unknown', reason, remediation };
}
