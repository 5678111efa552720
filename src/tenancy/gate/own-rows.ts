import type { KindOfWrite, Watched } from './state.ts';

// What a file's transaction wrote, told by the rows themselves. All of it also runs under the search path that the file
// left behind: functions and operators have no schema here but pg_catalog.

/**
 * True of every row that this transaction wrote, in whatever subtransaction: their numbers are not below its own. What
 * others committed since it began is taken for its own as well, and found out to be none of it when it is judged.
 */
export const isOwn = (row: string) => `pg_catalog.age(${row}.xmin) operator(pg_catalog.<=) 0`;

/** The server's own functions and rules are most of its catalog (access/transam.h, FirstNormalObjectId). */
export const FIRST_OF_USERS = 16_384;

/** True of a table that was there before this transaction: some row about a column of it was. */
export const wasThere = (oid: string) => `(
  select 1 from pg_catalog.pg_attribute a
  where a.attrelid operator(pg_catalog.=) ${oid} and not ${isOwn('a')}
  limit 1
) is not null`;

/** The rows of one's own first, by nothing but their number: a catalog is soon gone through when no column is read. */
export const ownRows = (catalog: Watched, columns: string, where = '') =>
  `(select ${columns} from pg_catalog.${catalog} c where ${where}${isOwn('c')} offset 0) own`;

export const ofUsers = (oid: string) => `${oid} operator(pg_catalog.>=) ${FIRST_OF_USERS} and `;

/**
 * Columns that were granted of what rows of other tables are read through: views, tables with rules, parents, and children
 * without RLS. Their rows are the only ones that tell.
 */
export const OWN_GRANTS = `(
    select r.ev_class as relation from pg_catalog.pg_rewrite r where r.oid operator(pg_catalog.>=) ${FIRST_OF_USERS}
    union all
    select c.oid from pg_catalog.pg_class c
    where ${ofUsers('c.oid')}c.relkind operator(pg_catalog.=) any ('{r,p}') and (c.relhassubclass or not c.relrowsecurity and (
      select 1 from pg_catalog.pg_inherits i where i.inhrelid operator(pg_catalog.=) c.oid limit 1
    ) is not null)
  ) way
  cross join lateral (
    select a.xmin from pg_catalog.pg_attribute a
    where a.attrelid operator(pg_catalog.=) way.relation and a.attacl is not null offset 0
  ) granted
  where ${isOwn('granted')}`;

/** A table, or a view; `place` is its owner and schema. A view is a rule itself. */
export type RelationEntry = readonly [
  oid: number,
  kind: string,
  isSecured: boolean,
  forced: boolean,
  place: string,
  hasRules: boolean,
];
type PolicyEntry = readonly [oid: number, table: number, version: string];
type FunctionEntry = readonly [oid: number, version: string, leavesCaller: boolean];

/** A table that is new, or was renamed, moved or given to another owner. */
type NamedEntry = readonly [oid: number, schema: number, name: string, wasThere: boolean];

/** A table that is a partition or child of another since. */
type InheritsEntry = readonly [oid: number, wasThere: boolean];

/** What the transaction wrote; `null` where there is nothing, or where the catalog was left alone. */
export interface OwnRows {
  /**
   * Views, and tables that were there before and are not both isolated and forced under their name and owner: those are as
   * safe as can be, unless rules do more there, or other tables are read through them.
   */
  readonly relations: readonly RelationEntry[] | null;
  readonly named: readonly NamedEntry[] | null;
  /** All of the tables that have one of the transaction's own. */
  readonly policies: readonly PolicyEntry[] | null;
  readonly functions: readonly FunctionEntry[] | null;
  /** Relations with a rule of the transaction's own: a view is one. */
  readonly rules: readonly number[] | null;
  readonly inherits: readonly InheritsEntry[] | null;
  /** Rights on columns are, of what rows of other tables are read through. */
  readonly grants: boolean;
}

const list = (...columns: readonly string[]) =>
  `pg_catalog.json_agg(pg_catalog.json_build_array(${columns.join(', ')}))`;

const RELATION = [
  'oid::pg_catalog.int8',
  'relkind',
  'relrowsecurity',
  'relforcerowsecurity',
  `pg_catalog.concat_ws(',', relowner, relnamespace)`,
  'relhasrules',
];
const POLICY = ['oid::pg_catalog.int8', 'polrelid::pg_catalog.int8', 'xmin::pg_catalog.text'];
/** True of a function that does not run as its caller: SECURITY DEFINER, or it takes a role by its own settings. */
export const LEAVES_CALLER = `(
  prosecdef or coalesce(pg_catalog.array_to_string(proconfig, ','), '') operator(pg_catalog.~) '(^|,)role='
)`;

const FUNCTION = ['oid::pg_catalog.int8', 'xmin::pg_catalog.text', LEAVES_CALLER];

export const RELATIONS_OF = (condition: string) =>
  `(select ${list(...RELATION)} from pg_catalog.pg_class where ${condition})`;
export const POLICIES_OF = (condition: string) =>
  `(select ${list(...POLICY)} from pg_catalog.pg_policy where ${condition})`;
export const FUNCTIONS_OF = (condition: string) =>
  `(select ${list(...FUNCTION)} from pg_catalog.pg_proc where ${condition})`;

/** The name, schema and owner of a table are also those of the type of its rows. */
const isTypeOwn = `(
  select 1 from pg_catalog.pg_type t where t.oid operator(pg_catalog.=) own.reltype and ${isOwn('t')}
) is not null`;

const IS_TABLE = `relkind operator(pg_catalog.=) any ('{r,p}') and relpersistence operator(pg_catalog.<>) 't'`;

export const OWN_RELATIONS = `(select ${list(...RELATION)}
  from ${ownRows('pg_class', 'oid, relkind, relpersistence, relrowsecurity, relforcerowsecurity, relowner, relnamespace, reltype, relhasrules, relhassubclass')}
  where relkind operator(pg_catalog.=) any ('{v,m}')
    or ${IS_TABLE} and ${wasThere('own.oid')} and not (
      relrowsecurity and relforcerowsecurity and not relhasrules and not relhassubclass and not ${isTypeOwn}
    ))`;

const OWN_NAMED = `(select ${list('oid::pg_catalog.int8', 'relnamespace::pg_catalog.int8', 'relname', wasThere('own.oid'))}
  from ${ownRows('pg_class', 'oid, relkind, relpersistence, relname, relnamespace, reltype')}
  where ${IS_TABLE} and ${isTypeOwn})`;

/** Tables with policies of the transaction's own. */
const OWN_TABLES = `array(select p.polrelid from pg_catalog.pg_policy p where ${isOwn('p')})`;

const OWN_INHERITS = `(select ${list('inhrelid::pg_catalog.int8', wasThere('own.inhrelid'))}
  from ${ownRows('pg_inherits', 'inhrelid')}
  where (
    select 1 from pg_catalog.pg_class t
    where t.oid operator(pg_catalog.=) own.inhrelid and t.relkind operator(pg_catalog.=) any ('{r,p,f}')
  ) is not null)`;

/**
 * SQL of one JSON value, the `OwnRows` of the transaction.
 * @param isUntouched SQL, true when nothing was written to the catalog, or nothing of that kind
 * @param known SQL of what is read already: relations, and the tables of policies
 */
export function ownRowsSql(
  isUntouched: (catalog: Watched, ...whats: readonly KindOfWrite[]) => string,
  { relations = OWN_RELATIONS, tables = OWN_TABLES }: { readonly relations?: string; readonly tables?: string } = {},
): string {
  const where = (catalog: Watched, sql: string) => `case when ${isUntouched(catalog)} then null else ${sql} end`;
  const some = (rows: string) => `(select 1 from ${rows} limit 1) is not null`;
  return `pg_catalog.json_build_object(
    'relations', ${relations},
    'named', ${where('pg_class', OWN_NAMED)},
    'policies', ${where('pg_policy', POLICIES_OF(`polrelid operator(pg_catalog.=) any (${tables})`))},
    'functions', ${where('pg_proc', FUNCTIONS_OF(`${ofUsers('oid')}${isOwn('pg_proc')}`))},
    'rules', ${where('pg_rewrite', `(select pg_catalog.json_agg(ev_class::pg_catalog.int8) from ${ownRows('pg_rewrite', 'ev_class', ofUsers('c.oid'))})`)},
    'inherits', ${where('pg_inherits', OWN_INHERITS)},
    'grants', case when ${isUntouched('pg_attribute', 'updated')} then false else ${some(OWN_GRANTS)} end
  )`;
}
