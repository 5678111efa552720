import { AishaError } from '../errors.ts';
import { quoteIdentifier, quoteQualified } from '../postgres/quote.ts';
import type { Session } from '../postgres/session.ts';

/** What stands in the way of loading many rows, and how it is put back as it was. */
export interface Obstacles {
  /** Statements. */
  readonly clear: readonly string[];
  readonly restore: readonly string[];
}

/** The table as SQL names it. */
export function qualified(table: string): string {
  return quoteQualified('public', table);
}

/**
 * Makes sure that the tables are there, with the columns that will be written, and that the role owns them: who is bound
 * by their policies cannot COPY into them (PostgreSQL docs, COPY, "Notes").
 * @throws AishaError (plan) when migrations are missing or newer, (connection) when the role may not
 */
export async function checkSchema(session: Session, columns: ReadonlyMap<string, readonly string[]>): Promise<void> {
  const found = await session.query<CatalogTable>(
    `select c.relname as name, pg_get_userbyid(c.relowner) as owner, pg_has_role(c.relowner, 'usage') as is_owned,
       array_agg(a.attname::text) as columns,
       coalesce(array_agg(a.attname::text) filter (where a.attnotnull and not a.atthasdef), '{}') as needed
     from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
     where c.relnamespace = to_regnamespace('public') and c.relkind in ('r', 'p') and c.relname = any ($1)
     group by c.oid
     order by c.relname`,
    [[...columns.keys()]],
  );
  const [row] = await session.query<{ can_lift: boolean }>(
    "select to_regprocedure('public.lift_forced_rls(text[])') is not null as can_lift",
  );
  refuseMissing(found, columns, row!.can_lift);
  refuseNeeded(found, columns);
  const foreign = found.find((table) => !table.is_owned);
  if (foreign === undefined) return;
  const { user } = session.target;
  throw new AishaError('connection', `table ${foreign.name} belongs to ${foreign.owner}, not to ${user}`, {
    hint: `Connect as ${foreign.owner}, or as a member of that role: row-level security binds everybody else.`,
  });
}

interface CatalogTable {
  readonly name: string;
  readonly owner: string;
  readonly is_owned: boolean;
  readonly columns: readonly string[];
  /** Those that have to be given a value. */
  readonly needed: readonly string[];
}

function refuseMissing(
  found: readonly CatalogTable[],
  wanted: ReadonlyMap<string, readonly string[]>,
  canLift: boolean,
): void {
  const missing = [...wanted].flatMap(([name, columns]) => {
    const table = found.find((candidate) => candidate.name === name);
    if (table === undefined) return [`table ${name}`];
    return columns.filter((column) => !table.columns.includes(column)).map((column) => `column ${name}.${column}`);
  });
  if (!canLift) missing.push('function lift_forced_rls(text[])');
  if (missing.length === 0) return;
  const more = missing.length > 1 ? ` and ${missing.length - 1} more` : '';
  throw new AishaError('plan', `the schema of the Aisha CRM is not complete: no ${missing[0]}${more}`, {
    details: missing.length > 1 ? missing : [],
    hint: 'Apply its migrations first: aisha-db migrate --dir sql.',
  });
}

function refuseNeeded(found: readonly CatalogTable[], written: ReadonlyMap<string, readonly string[]>): void {
  const problems = found.flatMap(({ name, needed }) =>
    needed.filter((column) => !written.get(name)!.includes(column)).map((column) => `${name}.${column}`),
  );
  if (problems.length === 0) return;
  throw new AishaError('plan', `the seed has no value for ${problems.join(', ')}`, {
    hint: 'The schema is newer than the seed: add the columns in src/seed/tables.',
  });
}

/** The tables that hold rows. Accounts of no tenant, which migrations make, and the log of them do not count. */
export async function tablesWithRows(session: Session, tables: readonly string[]): Promise<string[]> {
  const counted = tables.filter((table) => table !== 'audit_log');
  const queries = counted.map((table, at) => {
    const condition = table === 'users' ? ' where tenant_id is not null' : '';
    return `select ${at} as at where exists (select from ${qualified(table)}${condition})`;
  });
  const found = await session.query<{ at: number }>(`${queries.join('\nunion all ')}\norder by 1`);
  return found.map(({ at }) => counted[at]!);
}

/**
 * User triggers (the audit log would keep the run's own time), foreign keys (three look-ups for each row cost more than
 * all else; a new key is checked for all rows at once) and indexes that nothing depends on (PostgreSQL docs 14.4.3 and
 * 14.4.4). What cannot be put back exactly as it was, since it has a comment or is more than an index, stays.
 */
export async function readObstacles(session: Session, tables: readonly string[]): Promise<Obstacles> {
  const [triggers, keys, indexes] = [
    await readTriggers(session, tables),
    await readForeignKeys(session, tables),
    await readIndexes(session, tables),
  ];
  return {
    clear: [...triggers.clear, ...keys.clear, ...indexes.clear],
    restore: [...indexes.restore, ...keys.restore, ...triggers.restore],
  };
}

async function readTriggers(session: Session, tables: readonly string[]): Promise<Obstacles> {
  const rows = await session.query<{ table: string; name: string; mode: 'O' | 'A' | 'R' }>(
    `select relname as table, tgname as name, tgenabled as mode
     from pg_trigger t join pg_class c on c.oid = tgrelid
     where relnamespace = 'public'::regnamespace and relname = any ($1) and not tgisinternal and tgenabled <> 'D'
     order by relname, tgname`,
    [tables],
  );
  const enable = { O: 'enable', A: 'enable always', R: 'enable replica' };
  return statements(rows, ({ table, name, mode }) => [
    `alter table ${qualified(table)} disable trigger ${quoteIdentifier(name)}`,
    `alter table ${qualified(table)} ${enable[mode]} trigger ${quoteIdentifier(name)}`,
  ]);
}

/** In the order in which they were made: that is the order in which a deletion follows them. */
async function readForeignKeys(session: Session, tables: readonly string[]): Promise<Obstacles> {
  const rows = await session.query<{ table: string; name: string; definition: string }>(
    `select relname as table, conname as name, pg_get_constraintdef(k.oid) as definition
     from pg_constraint k join pg_class c on c.oid = conrelid
     where relnamespace = 'public'::regnamespace and relname = any ($1) and contype = 'f' and conparentid = 0
       and obj_description(k.oid, 'pg_constraint') is null
     order by k.oid`,
    [tables],
  );
  return statements(rows, ({ table, name, definition }) => [
    `alter table ${qualified(table)} drop constraint ${quoteIdentifier(name)}`,
    `alter table ${qualified(table)} add constraint ${quoteIdentifier(name)} ${definition}`,
  ]);
}

async function readIndexes(session: Session, tables: readonly string[]): Promise<Obstacles> {
  const rows = await session.query<{ name: string; definition: string }>(
    `select x.relname as name, pg_get_indexdef(indexrelid) as definition
     from pg_index i join pg_class c on c.oid = indrelid join pg_class x on x.oid = indexrelid
     where c.relnamespace = 'public'::regnamespace and c.relname = any ($1) and c.relkind = 'r' and not c.relispartition
       and indisvalid and not (indisunique or indisclustered or indisreplident) and x.reltablespace = 0
       and not exists (select from pg_depend d where d.refobjid = indexrelid or d.objid = indexrelid and d.deptype = 'i')
       and obj_description(indexrelid, 'pg_class') is null
     order by indexrelid`,
    [tables],
  );
  return statements(rows, ({ name, definition }) => [`drop index ${qualified(name)}`, definition]);
}

function statements<Row>(rows: readonly Row[], of: (row: Row) => readonly [string, string]): Obstacles {
  return { clear: rows.map((row) => of(row)[0]), restore: rows.map((row) => of(row)[1]) };
}
