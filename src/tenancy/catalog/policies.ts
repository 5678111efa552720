import { SQLSTATE, serverError } from '../../postgres/server-error.ts';
import type { Session } from '../../postgres/session.ts';
import { compareNames, readAlike } from './rows.ts';

export interface PolicyRow {
  readonly oid: number;
  readonly name: string;
  readonly table: number;
  readonly command: 'r' | 'a' | 'w' | 'd' | '*';
  readonly permissive: boolean;
  readonly roles: number[];
  /** Hashes of the trees without the places of their words in the text that made them. */
  readonly using_hash: string | null;
  readonly check_hash: string | null;
  /** Columns of its table that it reads by name, by number. */
  readonly columns: number[];
  /** Other relations that it reads. */
  readonly relations: number[];
  /** It reads nothing but columns of its table. */
  readonly is_of_columns: boolean;
}

/**
 * SQL that tells expressions apart by what they are, wherever their words stood in the text that made them. A regular
 * expression over ten thousand trees takes seconds, cutting them up does not. Another place in a tree that tells of the
 * text (PostgreSQL source, primnodes.h) makes two of what is the same, which costs time and nothing else.
 */
export function treeHashSql(tree: string): string {
  return `case when ${tree} is not null then pg_catalog.md5(array(
    select pg_catalog.ltrim(part, '-0123456789')
    from pg_catalog.unnest(pg_catalog.string_to_array(${tree}::pg_catalog.text, ':location ')) part
  )::pg_catalog.text) end`;
}

/**
 * All policies. What they read the server recorded when they were made, so nothing is guessed from
 * their text; that a policy is a part of its table is recorded too, and left out.
 */
export async function readPolicies(session: Session): Promise<PolicyRow[]> {
  // Most trees are letter for letter the same as another's, words' places and all: each is cut up once.
  const rows = await readAlike<PolicyRow, 'oid' | 'name' | 'table'>(
    session,
    `
    with policy as materialized (
      select oid, polname, polrelid, polcmd, polpermissive, polroles,
        pg_catalog.md5(polqual::pg_catalog.text) as using_text,
        pg_catalog.md5(polwithcheck::pg_catalog.text) as check_text
      from pg_catalog.pg_policy
    ),
    using_tree as (
      select using_text as text, ${treeHashSql('polqual')} as hash
      from (select using_text, min(oid) as first from policy where using_text is not null group by 1) alike
      join pg_catalog.pg_policy on oid = first
    ),
    check_tree as (
      select check_text as text, ${treeHashSql('polwithcheck')} as hash
      from (select check_text, min(oid) as first from policy where check_text is not null group by 1) alike
      join pg_catalog.pg_policy on oid = first
    ),
    dependency as (
      select d.objid as policy,
        array_agg(distinct d.refobjsubid) filter (where d.refobjid = p.polrelid and d.refobjsubid > 0) as columns,
        array_agg(distinct d.refobjid::int8) filter (where d.refobjid <> p.polrelid) as relations,
        bool_and(d.refobjid = p.polrelid and d.refobjsubid > 0) as is_of_columns
      from policy p
      join pg_catalog.pg_depend d on d.classid = 'pg_catalog.pg_policy'::regclass and d.objid = p.oid
      where d.refclassid = 'pg_catalog.pg_class'::regclass and d.deptype = 'n'
      group by d.objid
    )
    select p.oid::int8 as oid, p.polname as name, p.polrelid::int8 as "table", p.polcmd as command,
      p.polpermissive as permissive, p.polroles::int8[] as roles, u.hash as using_hash, c.hash as check_hash,
      coalesce(d.columns, '{}') as columns, coalesce(d.relations, '{}') as relations,
      coalesce(d.is_of_columns, true) as is_of_columns
    from policy p
    left join using_tree u on u.text = p.using_text
    left join check_tree c on c.text = p.check_text
    left join dependency d on d.policy = p.oid
  `,
    {
      own: ['oid', 'name', 'table'],
      alike: ['command', 'permissive', 'roles', 'using_hash', 'check_hash', 'columns', 'relations', 'is_of_columns'],
      toRow: (group, at) => ({ ...group, oid: group.oid[at]!, name: group.name[at]!, table: group.table[at]! }),
    },
  );
  return sorted(rows);
}

export function sorted(rows: readonly PolicyRow[]): PolicyRow[] {
  return rows.toSorted((a, b) => a.table - b.table || compareNames(a.name, b.name));
}

/**
 * Policies that use functions, operators or types of somebody's own: what those do, only a statement of the kind that
 * an application sends can tell. What the server itself is made of is recorded nowhere, and enumerations do nothing.
 */
export async function readPoliciesOfOwnMaking(session: Session): Promise<ReadonlySet<number>> {
  const rows = await session.query<{ oid: number }>(`
    select distinct d.objid as oid
    from pg_catalog.pg_depend d
    left join pg_catalog.pg_type t on d.refclassid = 'pg_catalog.pg_type'::regclass and t.oid = d.refobjid
    where d.classid = 'pg_catalog.pg_policy'::regclass and d.refclassid <> 'pg_catalog.pg_class'::regclass
      and t.typtype is distinct from 'e'
  `);
  return new Set(rows.map((row) => row.oid));
}

/** Functions that policies call. */
export async function readPolicyFunctions(session: Session): Promise<ReadonlySet<number>> {
  const rows = await session.query<{ oid: number }>(`
    select distinct refobjid as oid
    from pg_catalog.pg_depend
    where classid = 'pg_catalog.pg_policy'::regclass and refclassid = 'pg_catalog.pg_proc'::regclass
  `);
  return new Set(rows.map((row) => row.oid));
}

export interface PolicyText {
  readonly using: string | undefined;
  readonly check: string | undefined;
}

/**
 * The SQL of policies, every name with its schema. Printing one waits for whoever has locked its table; such policies
 * are left out.
 */
export async function readPolicyTexts(
  session: Session,
  policies: readonly number[],
): Promise<ReadonlyMap<number, PolicyText>> {
  if (policies.length === 0) return new Map();
  try {
    await session.query("begin transaction read only; set local search_path = ''; set local lock_timeout = '250ms'");
    const rows = await session.query<{ oid: number; using: string | null; check: string | null }>(
      `
        select oid, pg_catalog.pg_get_expr(polqual, polrelid) as using,
          pg_catalog.pg_get_expr(polwithcheck, polrelid) as check
        from pg_catalog.pg_policy
        where oid = any ($1::oid[])
      `,
      [policies],
    );
    return new Map(
      rows.map(({ oid, using, check }) => [oid, { using: using ?? undefined, check: check ?? undefined }]),
    );
  } catch (error) {
    if (serverError(error)?.code !== SQLSTATE.lockNotAvailable) throw error;
  } finally {
    await session.undo();
  }
  if (policies.length === 1) return new Map();
  const half = Math.ceil(policies.length / 2);
  const first = await readPolicyTexts(session, policies.slice(0, half));
  return new Map([...first, ...(await readPolicyTexts(session, policies.slice(half)))]);
}
