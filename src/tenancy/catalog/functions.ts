import type { Session } from '../../postgres/session.ts';
import { type Claim, claimsIn } from '../claim-paths.ts';

interface ArgumentRow {
  /** As a cast writes it. */
  readonly type: string;
  /** `pg_type.typcategory`; of a domain, that of what it is made from. */
  readonly category: string;
  /** Labels of an enumeration. */
  readonly labels: string[];
  readonly has_default: boolean;
  readonly is_variadic: boolean;
}

export interface DefinerRow {
  readonly oid: number;
  readonly namespace: number;
  readonly name: string;
  readonly arguments: string;
  readonly owner: number;
  /** Whom EXECUTE is granted to. */
  readonly executors: number[];
  readonly settings: string[] | null;
  /** SECURITY DEFINER; else it takes a role by its own settings. */
  readonly is_definer: boolean;
  readonly is_trigger: boolean;
  readonly kind: 'f' | 'p' | 'a' | 'w';
  /** Those that a call gives, in their order. */
  readonly given_arguments: ArgumentRow[];
  readonly is_volatile: boolean;
  readonly returns_nothing: boolean;
  /** Its language keeps it within the database (PostgreSQL docs, CREATE LANGUAGE: TRUSTED). */
  readonly is_trusted: boolean;
  readonly source: string;
  /** Relations that a body in standard SQL reads. */
  readonly relations: number[];
  /** What calls it whenever it is used itself: defaults, constraints, indexes, views, functions in standard SQL. */
  readonly users: string[];
}

/** SQL of the relations that the body of the function `p` reads, as far as the server recorded them: in standard SQL. */
export const RELATIONS_READ = `array(
          select distinct d.refobjid from pg_catalog.pg_depend d
          where d.classid = 'pg_catalog.pg_proc'::regclass and d.objid = p.oid
            and d.refclassid = 'pg_catalog.pg_class'::regclass
        )`;

/** SQL, true of `p` in pg_proc that runs as the role that its own settings name: `create function … set role = admin`. */
const TAKES_ROLE = `(p.proconfig is not null and exists (
  select from pg_catalog.unnest(p.proconfig) setting where pg_catalog.left(setting, 5) = 'role='
))`;

/** Functions and procedures that run with other rights than their caller's, and belong to no extension. */
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
        p.proconfig as settings, p.prosecdef as is_definer, p.prorettype in ('trigger'::regtype, 'event_trigger'::regtype) as is_trigger,
        p.prokind as kind, p.provolatile = 'v' as is_volatile,
        (
          select coalesce(
            pg_catalog.json_agg(
              pg_catalog.json_build_object(
                'type', pg_catalog.format_type(t.oid, null), 'category', b.typcategory, 'labels', array(
                  select e.enumlabel::text from pg_catalog.pg_enum e where e.enumtypid = b.oid order by e.enumsortorder
                ),
                'has_default', place > p.pronargs - p.pronargdefaults,
                'is_variadic', p.provariadic <> 0 and place = p.pronargs
              ) order by place
            ), '[]'
          )
          from pg_catalog.unnest(p.proargtypes::oid[]) with ordinality argument (type, place)
          join pg_catalog.pg_type t on t.oid = argument.type
          join pg_catalog.pg_type b on b.oid = coalesce(nullif(t.typbasetype, 0), t.oid)
        ) as given_arguments,
        p.prorettype = 'void'::regtype as returns_nothing, p.prosrc as source, l.lanpltrusted as is_trusted,
        ${RELATIONS_READ} as relations,
        array(
          select distinct case d.classid
            when 'pg_catalog.pg_rewrite'::regclass
            then (select 'view ' || r.ev_class::pg_catalog.regclass from pg_catalog.pg_rewrite r where r.oid = d.objid)
            else used.type || ' ' || used.identity
          end
          from pg_catalog.pg_depend d, pg_catalog.pg_identify_object(d.classid, d.objid, d.objsubid) used
          where d.refclassid = 'pg_catalog.pg_proc'::regclass and d.refobjid = p.oid and d.deptype in ('n', 'a')
            and d.classid in (
              'pg_catalog.pg_attrdef'::regclass, 'pg_catalog.pg_constraint'::regclass, 'pg_catalog.pg_class'::regclass,
              'pg_catalog.pg_rewrite'::regclass, 'pg_catalog.pg_proc'::regclass, 'pg_catalog.pg_type'::regclass
            )
            and (d.classid, d.objid) <> ('pg_catalog.pg_proc'::regclass, p.oid)
          order by 1
        ) as users
      from pg_catalog.pg_proc p
      join pg_catalog.pg_language l on l.oid = p.prolang
      where (p.prosecdef or ${TAKES_ROLE})
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

/** A function and what its definition says. */
export interface BodyRow {
  readonly name: string;
  readonly definition: string;
}

/** Definitions of functions and procedures that somebody wrote in SQL or PL/pgSQL: they may call each other. */
export function readBodies(session: Session): Promise<BodyRow[]> {
  return session.query(`
    select p.proname as name, pg_catalog.pg_get_functiondef(p.oid) as definition
    from pg_catalog.pg_proc p
    join pg_catalog.pg_language l on l.oid = p.prolang and l.lanname in ('sql', 'plpgsql')
    where p.prokind in ('f', 'p') and p.oid >= 16384
      and not exists (
        select from pg_catalog.pg_depend d
        where d.classid = 'pg_catalog.pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e'
      )
    order by p.oid
  `);
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

/** What functions of these schemas take from documents; those first that speak of a token. */
export async function readClaimsOfFunctions(session: Session, schemas: readonly number[]): Promise<Claim[]> {
  const rows = await session.query<{ body: string }>(
    `
      select body
      from pg_catalog.pg_proc p
      join pg_catalog.pg_language l on l.oid = p.prolang and l.lanname in ('sql', 'plpgsql'),
        lateral (select case p.prosrc when '' then pg_catalog.pg_get_functiondef(p.oid) else p.prosrc end) b (body)
      where p.pronamespace = any ($1::oid[]) and p.prokind = 'f' and body ~ '[-#]>'
      order by body ~* 'jwt|claim|token|_metadata' desc, p.oid
      limit 1000
    `,
    [schemas],
  );
  return rows.flatMap(({ body }) => claimsIn(body));
}
