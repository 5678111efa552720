import { SQLSTATE, serverError } from '../../postgres/server-error.ts';
import type { Session } from '../../postgres/session.ts';

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

/** Policies, of some tables if told. */
export function readPolicies(session: Session, tables?: readonly number[]): Promise<PolicyRow[]> {
  return session.query(
    `
    select oid, polname as name, polrelid as "table", polcmd as command, polpermissive as permissive,
      polroles as roles, ${treeHashSql('polqual')} as using_hash, ${treeHashSql('polwithcheck')} as check_hash
    from pg_catalog.pg_policy
    ${tables === undefined ? '' : 'where polrelid = any ($1::oid[])'}
    order by polrelid, polname
  `,
    tables === undefined ? [] : [tables],
  );
}

export interface PolicyReadRow {
  readonly policy: number;
  /** Relations with the columns that are read; 0 stands for the whole row. */
  readonly relation: number;
  readonly column: number;
}

/**
 * What policies read: the server records it when they are made, so nothing is guessed from their text. That a policy is
 * a part of its table is recorded too, and left out. Of some policies, if told.
 */
export function readPolicyReads(session: Session, policies?: readonly number[]): Promise<PolicyReadRow[]> {
  return session.query(
    `
    select distinct objid as policy, refobjid as relation, refobjsubid as column
    from pg_catalog.pg_depend
    where classid = 'pg_catalog.pg_policy'::regclass and refclassid = 'pg_catalog.pg_class'::regclass
      and deptype = 'n'
      ${policies === undefined ? '' : 'and objid = any ($1::oid[])'}
    order by 1, 2, 3
  `,
    policies === undefined ? [] : [policies],
  );
}

/**
 * Policies that use functions, operators or types of somebody's own: what those do, only a statement of the kind that
 * an application sends can tell. What the server itself is made of is recorded nowhere, and enumerations do nothing.
 */
export async function readPoliciesOfOwnMaking(
  session: Session,
  policies?: readonly number[],
): Promise<ReadonlySet<number>> {
  const rows = await session.query<{ oid: number }>(
    `
    select distinct d.objid as oid
    from pg_catalog.pg_depend d
    left join pg_catalog.pg_type t on d.refclassid = 'pg_catalog.pg_type'::regclass and t.oid = d.refobjid
    where d.classid = 'pg_catalog.pg_policy'::regclass and d.refclassid <> 'pg_catalog.pg_class'::regclass
      and t.typtype is distinct from 'e'
      ${policies === undefined ? '' : 'and d.objid = any ($1::oid[])'}
  `,
    policies === undefined ? [] : [policies],
  );
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
