import type { Session } from '../../postgres/session.ts';

export interface DefinerRow {
  readonly oid: number;
  readonly namespace: number;
  readonly name: string;
  readonly arguments: string;
  readonly owner: number;
  /** Whom EXECUTE is granted to. */
  readonly executors: number[];
  readonly settings: string[] | null;
  readonly is_trigger: boolean;
  readonly kind: 'f' | 'p' | 'a' | 'w';
  /** Arguments without a default. */
  readonly required_arguments: number;
  readonly is_volatile: boolean;
  readonly returns_nothing: boolean;
  readonly source: string;
  /** Relations that a body in standard SQL reads. */
  readonly relations: number[];
}

/** Functions and procedures that run with the rights of their owner and belong to no extension. */
export function readDefiners(session: Session, schemas: readonly number[]): Promise<DefinerRow[]> {
  return session.query(
    `
      select p.oid, p.pronamespace as namespace, p.proname as name,
        pg_catalog.pg_get_function_identity_arguments(p.oid) as arguments, p.proowner as owner,
        array(
          select distinct a.grantee
          from pg_catalog.aclexplode(coalesce(p.proacl, pg_catalog.acldefault('f', p.proowner))) a
          where a.privilege_type = 'EXECUTE'
          order by 1
        ) as executors,
        p.proconfig as settings, p.prorettype in ('trigger'::regtype, 'event_trigger'::regtype) as is_trigger,
        p.prokind as kind, p.pronargs - p.pronargdefaults as required_arguments, p.provolatile = 'v' as is_volatile,
        p.prorettype = 'void'::regtype as returns_nothing, p.prosrc as source,
        array(
          select distinct d.refobjid from pg_catalog.pg_depend d
          where d.classid = 'pg_catalog.pg_proc'::regclass and d.objid = p.oid
            and d.refclassid = 'pg_catalog.pg_class'::regclass
        ) as relations
      from pg_catalog.pg_proc p
      where p.prosecdef
        and p.pronamespace = any ($1::oid[])
        and not exists (
          select from pg_catalog.pg_depend d
          where d.classid = 'pg_catalog.pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e'
        )
      order by p.pronamespace, p.proname, p.oid
    `,
    [schemas],
  );
}

/** Names of settings that functions of these schemas read: candidates, for evaluation to decide between. */
export async function readSettingsOfFunctions(session: Session, schemas: readonly number[]): Promise<string[]> {
  const rows = await session.query<{ name: string }>(
    `
      select distinct m[1] as name
      from pg_catalog.pg_proc p, pg_catalog.regexp_matches(p.prosrc, $2, 'gi') m
      where p.pronamespace = any ($1::oid[])
      order by 1
    `,
    [schemas, String.raw`current_setting\s*\(\s*'([a-z_][a-z0-9_]*\.[a-z0-9_.]+)'`],
  );
  return rows.map((row) => row.name);
}
