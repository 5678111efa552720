import { quoteIdentifier, quoteLiteral, quoteQualified } from '../../postgres/quote.ts';
import type { Command, ContextName, Named } from '../facts.ts';
import type { Attempt, RowStep, Step, Tried } from './run-probes.ts';

/** What is tried on a row of another tenant, or on the way to it. */
type ProbeKind =
  | 'own rows seen'
  | 'rows seen'
  | 'row inserted'
  | 'row updated'
  | 'row deleted'
  | 'row moved'
  | 'blind update'
  | 'blind delete';

export interface Probe {
  readonly kind: ProbeKind;
  readonly command: Command;
  readonly role: string;
  readonly context: ContextName;
  /** For people to try; a blind statement without the cursor that spares all rows but one. */
  readonly statement: string;
  readonly attempt: Attempt;
  /** Foreign keys that the row it would write is known to satisfy. */
  readonly satisfies?: readonly string[] | undefined;
}

/** The table as probes see it. */
export interface ProbeTable extends Pick<Named, 'schema' | 'name'> {
  readonly tenantColumn: { readonly name: string; readonly type: string };
  /** Foreign keys that hold it. */
  readonly ownerKeys: readonly string[];
  /** Percentage of a large table's pages that is looked at: no table is read to its end for one look. */
  readonly sample: number | undefined;
  /** A tenant's rows are found without reading those of all. */
  readonly isSearchable: boolean;
  /** A tenant has one row at most: to add another's is to found a tenant. */
  readonly isOfTenants: boolean;
}

/** Who tries what. */
export interface ProbeRole {
  readonly name: string;
  readonly commands: ReadonlySet<Command>;
  /** Columns that it may update; the tenant's first if that is one of them. */
  readonly updatable: readonly string[];
  readonly insertable: ReadonlySet<string>;
  /** It may read the column that says whose a row is. */
  readonly readsOwner: boolean;
  /** It may read the table, not only columns of it: only then it may ask for the row at some place. */
  readonly readsPlaces: boolean;
}

/** A tenant with a row of its own; where no row could be made, one that is there already. */
export interface ProbeTenant {
  readonly id: string;
  /** What stands in the column that says whose a row is: the tenant, or the key of a row of its own. */
  readonly key: string;
  /** SQL for each column that an INSERT gives; `undefined` when no row could be made. */
  readonly values: ReadonlyMap<string, string> | undefined;
  /** Columns that say whose a row is only together with that one; `values` has what they hold. */
  readonly beside?: readonly string[] | undefined;
  /** Its rows may be deleted without others going with them. */
  readonly isDeletable: boolean;
  /** The table takes no row of it, as a partition for one tenant takes none of another. */
  readonly isAbsent?: boolean | undefined;
}

export interface ProbeSetup {
  readonly table: ProbeTable;
  readonly role: ProbeRole;
  readonly own: ProbeTenant;
  readonly other: ProbeTenant;
  /** What the session says in a context. */
  settings(context: ContextName): Readonly<Record<string, string>>;
  /** Reads a tenant's rows; locks the one it fetches, and passes by those that others have locked. */
  seer(tenant: string): Omit<Step, 'sql'>;
  /** The tenants were made up: each has just the row that was made. */
  readonly isFresh: boolean;
  /** The seer sees every row, too: what was written can be counted, whosesoever it is. */
  readonly isCountable: boolean;
}

/** In these the session names the tenant that is its own. */
const NAMED: readonly ContextName[] = ['own', 'forged'];

/** All that a role may try in a context. */
export function probesIn(setup: ProbeSetup, context: ContextName): Probe[] {
  const { role } = setup;
  const may = (command: Command) => role.commands.has(command);
  return [
    ...(may('SELECT') ? seen(setup, context) : []),
    ...(may('INSERT') ? inserted(setup, context) : []),
    ...(may('UPDATE') && !setup.other.isAbsent ? updated(setup, context) : []),
    ...(may('DELETE') && !setup.other.isAbsent && setup.other.isDeletable ? deleted(setup, context) : []),
  ];
}

function seen(setup: ProbeSetup, context: ContextName): Probe[] {
  const { table, own, other } = setup;
  const name = sqlName(table);
  const column = quoteIdentifier(table.tenantColumn.name);
  const isOwn = NAMED.includes(context);
  const from = table.sample === undefined ? name : `${name} tablesample system (${table.sample})`;
  const others = isOwn ? ` where ${column} is distinct from ${sqlTenant(table, own.key)}` : '';
  const look = (kind: ProbeKind, sql: string): Probe => ({
    ...about(setup, context, kind, 'SELECT'),
    statement: `${sql};`,
    attempt: attempt(setup, context, sql),
  });
  // Who may not read whose a row is counts: a tenant that was made up has one row.
  if (!setup.role.readsOwner && setup.isCountable)
    return isOwn
      ? [
          look('own rows seen', `select from ${name} limit 1`),
          look('rows seen', `select from ${name} offset 1 limit 1`),
        ]
      : [look('rows seen', `select from ${name} limit 1`)];
  const lookFor = (kind: ProbeKind, of: ProbeTenant): Probe => {
    const probe = look(kind, `select from ${name} where ${column} = ${sqlTenant(table, of.key)} limit 1`);
    if (table.isSearchable || !setup.role.readsPlaces) return probe;
    return { ...probe, attempt: { ...attempt(setup, context, `select from ${name} ${AT}`), row: rowOf(setup, of) } };
  };
  return [
    ...(isOwn && !own.isAbsent ? [lookFor('own rows seen', own)] : []),
    ...(other.isAbsent ? [] : [lookFor('rows seen', other)]),
    look('rows seen', `select from ${from}${others} limit 1`),
  ];
}

function inserted(setup: ProbeSetup, context: ContextName): Probe[] {
  const { table, role, other } = setup;
  if (other.values === undefined || table.isOfTenants) return [];
  const given = [...other.values].filter(([name]) => role.insertable.has(name));
  if (!given.some(([name]) => name === table.tenantColumn.name)) return [];
  const columns = given.map(([name]) => quoteIdentifier(name)).join(', ');
  const sql = `insert into ${sqlName(table)} (${columns}) values (${given.map(([, value]) => value).join(', ')})`;
  return [
    {
      ...about(setup, context, 'row inserted', 'INSERT'),
      statement: `${sql};`,
      attempt: { ...attempt(setup, context, sql), ...counts(setup, 1) },
      satisfies: table.ownerKeys,
    },
  ];
}

/**
 * What was written may have been given to the own tenant by a trigger: then nothing got through. Who sees every row
 * looks for the other's; whom RLS binds looks whether the own tenant has it, since it may be hidden from the other.
 * @param gained rows that the own tenant then has more than before
 */
function counts({ table, own, other, isFresh, isCountable, seer }: ProbeSetup, gained: 0 | 1): Partial<Attempt> {
  if (!isFresh) return {};
  const rowsOf = ({ key }: ProbeTenant) =>
    `select from ${sqlName(table)} where ${quoteIdentifier(table.tenantColumn.name)} = ${sqlTenant(table, key)}`;
  return isCountable
    ? { verify: { ...seer(other.id), sql: `select count(*) > 1 from (${rowsOf(other)} limit 2) found` } }
    : { kept: { ...seer(own.id), sql: `select count(*) from (${rowsOf(own)}) found`, gained } };
}

const AT = 'where ctid = $1 and tableoid = $2';
const BLIND = 'where current of aisha_db_row';

function updated(setup: ProbeSetup, context: ContextName): Probe[] {
  const { table, role, own, other } = setup;
  const name = sqlName(table);
  const [column] = role.updatable;
  if (column === undefined) return [];
  const isTenants = column === table.tenantColumn.name;
  const change = (kind: ProbeKind, of: ProbeTenant, assignment: string, where: string, more = {}): Probe => ({
    ...about(setup, context, kind, 'UPDATE'),
    statement:
      where === AT
        ? `update ${name} set ${assignment} where ${quoteIdentifier(table.tenantColumn.name)} = ${sqlTenant(table, of.key)};`
        : `update ${name} set ${assignment};`,
    attempt: {
      ...attempt(setup, context, `update ${name} set ${assignment} ${where}`),
      row: rowOf(setup, of),
      ...more,
    },
  });
  const set = ({ key, beside = [], values }: ProbeTenant) =>
    [
      `${quoteIdentifier(column)} = ${sqlTenant(table, key)}`,
      ...beside
        .filter((name) => role.updatable.includes(name) && values?.has(name))
        .map((name) => `${quoteIdentifier(name)} = ${values!.get(name)}`),
    ].join(', ');
  const quoted = quoteIdentifier(column);
  const isOwn = NAMED.includes(context);
  return [
    change('row updated', other, `${quoted} = ${quoted}`, AT),
    // A check may refuse the one and let the other pass: rows that stay where they are, and rows that are taken.
    change('blind update', other, isTenants ? set(other) : `${quoted} = default`, BLIND),
    // Where a row cannot go, that is what stops it, before any policy is asked.
    ...(isTenants && isOwn && !own.isAbsent
      ? [
          change('blind update', other, set(own), BLIND),
          change('row moved', own, set(other), AT, counts(setup, 0)),
          change('row moved', own, set(other), BLIND, counts(setup, 0)),
        ]
      : []),
  ];
}

function deleted(setup: ProbeSetup, context: ContextName): Probe[] {
  const { table, other } = setup;
  const name = sqlName(table);
  const column = quoteIdentifier(table.tenantColumn.name);
  const remove = (kind: ProbeKind, where: string, statement: string): Probe => ({
    ...about(setup, context, kind, 'DELETE'),
    statement,
    attempt: { ...attempt(setup, context, `delete from ${name} ${where}`), row: rowOf(setup, other) },
  });
  return [
    remove('row deleted', AT, `delete from ${name} where ${column} = ${sqlTenant(table, other.key)};`),
    remove('blind delete', BLIND, `delete from ${name};`),
  ];
}

function about({ role }: ProbeSetup, context: ContextName, kind: ProbeKind, command: Command) {
  return { kind, command, role: role.name, context };
}

function attempt({ role, settings }: ProbeSetup, context: ContextName, sql: string): Attempt {
  return { role: role.name, settings: settings(context), sql };
}

function rowOf({ table, seer }: ProbeSetup, { id, key }: ProbeTenant): RowStep {
  const isTenants = `${quoteIdentifier(table.tenantColumn.name)} = ${sqlTenant(table, key)}`;
  const select = (where: string) => `select ctid, tableoid from ${sqlName(table)} ${where} for update skip locked`;
  return {
    ...seer(id),
    sql: select(`where ${isTenants}`),
    name: placeOf(table, key),
    again: select(`${AT} and ${isTenants}`),
  };
}

/** The name under which the place of a tenant's row is kept. */
export function placeOf({ schema, name }: Pick<ProbeTable, 'schema' | 'name'>, key: string): string {
  return `${sqlName({ schema, name })} ${key}`;
}

function sqlName({ schema, name }: Pick<ProbeTable, 'schema' | 'name'>): string {
  return quoteQualified(schema, name);
}

function sqlTenant({ tenantColumn: { type } }: ProbeTable, key: string): string {
  return `${quoteLiteral(key)}::${type}`;
}

/** What an attempt says of the policies: the row got through, was kept back, or it was not decided. */
export type Passage = 'through' | 'refused' | 'no row' | { readonly undecided: string };

const UNDECIDED: Readonly<Record<string, string>> = {
  '55P03': 'somebody holds a lock',
  '57014': 'it takes too long',
  '40P01': 'it met another session half-way',
  '40001': 'it met another session half-way',
  '25006': 'it writes, which it may not here',
};

/**
 * Policies are held against a row before constraints are and after privileges (PostgreSQL docs, CREATE POLICY;
 * ExecInsert and ExecUpdate in the server's nodeModifyTable.c): a row that a constraint refuses was let through by
 * the policies.
 */
export function passageOf({ command, satisfies = [] }: Pick<Probe, 'command' | 'satisfies'>, tried: Tried): Passage {
  if ('missing' in tried) return 'no row';
  if ('rows' in tried) return tried.rows > 0 ? 'through' : 'refused';
  const undecided = UNDECIDED[tried.sqlState];
  if (undecided !== undefined) return { undecided };
  if (command === 'SELECT' || !tried.sqlState.startsWith('23')) return 'refused';
  // A trigger has made it somebody else's row, of a tenant that there is not.
  if (tried.sqlState === '23503' && satisfies.includes(tried.constraint ?? '')) return 'refused';
  return 'through';
}
