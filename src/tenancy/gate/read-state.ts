import { quoteLiteral } from '../../postgres/quote.ts';
import type { Session } from '../../postgres/session.ts';
import type { TenancySettings } from '../settings.ts';
import type { GateState, OpenTable } from './state.ts';

// Every name is written with its schema: what a file leaves in search_path must not decide what is read here. The
// catalog is read as rows, never through what would open a table: no lock is taken on any.

/** OIDs below are the server's own (PostgreSQL source, access/transam.h, FirstNormalObjectId). */
const FIRST_OF_USERS = 16_384;

/**
 * One text for everything that a file could change to make isolation worse. Where no table has RLS there is nothing to
 * make worse, and nothing more is looked at. `xmin` is the transaction that wrote a row: it tells a change of a policy
 * or a function without reading its body.
 */
function keySql(isStrict: boolean): string {
  const list = (entry: string, rest: string) =>
    `(select pg_catalog.string_agg(pg_catalog.concat_ws(':', ${entry}), ',' order by ${entry.split(',')[0]}) ${rest})`;
  const secured = list(
    'oid, relforcerowsecurity, relowner, relnamespace',
    `from pg_catalog.pg_class where relrowsecurity and relpersistence <> 't'`,
  );
  const others = [
    list('oid, xmin', 'from pg_catalog.pg_policy'),
    list(
      'oid, relowner, relnamespace, relacl, reloptions',
      `from pg_catalog.pg_class where oid >= ${FIRST_OF_USERS} and relkind in ('v', 'm')`,
    ),
    // View by view, or the planner reads the columns of every table.
    list(
      'attrelid, attnum, attacl',
      `from (select oid from pg_catalog.pg_class where oid >= ${FIRST_OF_USERS} and relkind in ('v', 'm') offset 0) c
        cross join lateral (
          select a.attrelid, a.attnum, a.attacl from pg_catalog.pg_attribute a
          where a.attrelid = c.oid and a.attacl is not null offset 0
        ) granted`,
    ),
    list('oid, xmin', `from pg_catalog.pg_rewrite where ev_class >= ${FIRST_OF_USERS}`),
    list('oid, xmin', `from pg_catalog.pg_proc where oid >= ${FIRST_OF_USERS}`),
    list('oid, nspacl', 'from pg_catalog.pg_namespace'),
    list('oid, rolname', 'from pg_catalog.pg_roles where rolsuper or rolbypassrls'),
    list('roleid, member', 'from pg_catalog.pg_auth_members'),
  ];
  const open = list(
    'oid, relacl',
    `from pg_catalog.pg_class
      where oid >= ${FIRST_OF_USERS} and relkind in ('r', 'p') and not relrowsecurity and relpersistence <> 't'`,
  );
  return `(
    select pg_catalog.md5(pg_catalog.concat_ws('|', secured.list,
      case when secured.list is not null then pg_catalog.concat_ws('|', ${others.join(', ')}) end
      ${isStrict ? `, ${open}` : ''}))
    from (select ${secured} as list offset 0) secured
  )`;
}

/** Begins what the guard cannot read as a number: its way to fail. */
const CALL = 'aisha-db gate looks closer ';

/** Fails unless everything is as it was when `key` was read. */
export function guardSql(key: string, isStrict: boolean): string {
  return `select case now.key when ${quoteLiteral(key)} then 1 else (${quoteLiteral(CALL)} || now.key)::pg_catalog.int4 end
    from (select ${keySql(isStrict)} as key offset 0) now`;
}

export function isCalledBy(error: Error): boolean {
  return error.message.includes(CALL);
}

/** What there is to compare; `known` are tables that had RLS before. */
export async function readState(
  session: Session,
  { apiRoles, roles }: TenancySettings,
  known: readonly number[],
  isStrict: boolean,
): Promise<GateState> {
  const [row] = await session.query<{ state: GateState }>(stateSql(isStrict), [[...apiRoles, ...roles], known]);
  return row!.state;
}

const INVOKER = '^security_invoker=(t|tr|tru|true|y|ye|yes|on|1)$';

const stateSql = (isStrict: boolean) => `
  with recursive client as (
    select oid, rolname
    from pg_catalog.pg_roles
    where rolname = any ($1::name[])
  ),
  unbound as (
    select oid from pg_catalog.pg_roles where rolsuper or rolbypassrls
  ),
  place as (
    select oid, nspname
    from pg_catalog.pg_namespace
    where nspname !~ '^pg_' and nspname <> 'information_schema'
  ),
  secured as (
    select c.oid, n.nspname, c.relname, c.relforcerowsecurity, c.relowner
    from pg_catalog.pg_class c
    join place n on n.oid = c.relnamespace
    where c.relrowsecurity and c.relpersistence <> 't'
  ),
  -- Views that read their tables as their owner.
  opaque as (
    select c.oid, c.relkind, c.relowner, c.relname, c.relnamespace, n.nspname
    from pg_catalog.pg_class c
    join place n on n.oid = c.relnamespace
    where c.oid >= ${FIRST_OF_USERS}
      and c.relkind in ('v', 'm')
      and exists (select from secured)
      and (
        c.relkind = 'm'
        or not exists (select from pg_catalog.unnest(c.reloptions) option where option ~* '${INVOKER}')
      )
  ),
  reads as (
    select distinct r.ev_class as view, d.refobjid as relation
    from pg_catalog.pg_rewrite r
    join pg_catalog.pg_depend d
      on d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass
      and d.objid = r.oid
      and d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
      and d.refobjid <> r.ev_class
    where r.ev_class >= ${FIRST_OF_USERS} and exists (select from opaque)
  ),
  behind as (
    select o.oid as view, o.relowner as reader, x.relation
    from opaque o
    join reads x on x.view = o.oid
    union
    select b.view, coalesce(o.relowner, b.reader), x.relation
    from behind b
    join reads x on x.view = b.relation
    left join opaque o on o.oid = b.relation
  ),
  shown as (
    select b.view, pg_catalog.array_agg(distinct s.oid order by s.oid) as tables
    from behind b
    join secured s on s.oid = b.relation
    where b.reader in (select oid from unbound)
      or not s.relforcerowsecurity and pg_catalog.pg_has_role(b.reader, s.relowner, 'usage')
    group by b.view
  ),
  -- By name, since a body names what it calls when it runs: a function that is only mentioned counts as well.
  called as (
    select p.oid, p.xmin::text as version, pg_catalog.lower(p.prosrc) as source
    from pg_catalog.pg_proc p
    where p.oid >= ${FIRST_OF_USERS}
      and p.oid in (
        select d.refobjid from pg_catalog.pg_depend d
        where d.classid = 'pg_catalog.pg_policy'::pg_catalog.regclass
          and d.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass
      )
    union
    select q.oid, q.xmin::text, pg_catalog.lower(q.prosrc)
    from called c
    join pg_catalog.pg_proc q
      on q.oid >= ${FIRST_OF_USERS}
      and (
        pg_catalog.strpos(c.source, pg_catalog.lower(q.proname::text)) > 0
        or exists (
          select from pg_catalog.pg_depend d
          where d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass
            and d.objid = c.oid
            and d.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass
            and d.refobjid = q.oid
        )
      )
  ),
  definer as (
    select p.oid, p.proname, p.proowner, p.pronamespace, n.nspname
    from pg_catalog.pg_proc p
    join place n on n.oid = p.pronamespace
    where p.oid >= ${FIRST_OF_USERS}
      and p.prosecdef
      and p.prorettype not in ('pg_catalog.trigger'::pg_catalog.regtype, 'pg_catalog.event_trigger'::pg_catalog.regtype)
      and exists (select from secured)
      and (
        p.proowner in (select oid from unbound)
        or exists (
          select from secured s
          where not s.relforcerowsecurity and pg_catalog.pg_has_role(p.proowner, s.relowner, 'usage')
        )
      )
      -- What policies call, themselves or through a function, has to be open to everybody; what extensions bring is theirs.
      and not exists (
        select from called c
        where c.oid <> p.oid and pg_catalog.strpos(c.source, pg_catalog.lower(p.proname::text) || '(') > 0
      )
      and not exists (
        select from pg_catalog.pg_depend d
        where d.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass
          and d.refobjid = p.oid
          and d.classid = 'pg_catalog.pg_policy'::pg_catalog.regclass
      )
      and not exists (
        select from pg_catalog.pg_depend d
        where d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass and d.objid = p.oid and d.deptype = 'e'
      )
  ),
  way as (
    select
      case o.relkind when 'm' then 'materialized view' else 'view' end as kind,
      o.oid, o.nspname, o.relname as name, null as arguments, o.relowner as owner, s.tables,
      array(
        select c.rolname from client c
        where pg_catalog.has_schema_privilege(c.oid, o.relnamespace, 'usage')
          and (
            pg_catalog.has_any_column_privilege(c.oid, o.oid, 'select, insert, update')
            or pg_catalog.has_table_privilege(c.oid, o.oid, 'delete')
          )
        order by 1
      ) as roles
    from opaque o
    join shown s on s.view = o.oid
    union all
    select 'function', p.oid, p.nspname, p.proname, pg_catalog.pg_get_function_identity_arguments(p.oid), p.proowner, '{}',
      array(
        select c.rolname from client c
        where pg_catalog.has_schema_privilege(c.oid, p.pronamespace, 'usage')
          and pg_catalog.has_function_privilege(c.oid, p.oid, 'execute')
        order by 1
      )
    from definer p
  )
  select pg_catalog.json_build_object(
    'key', ${keySql(isStrict)},
    'tables', (
      select coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(
        'oid', oid::int8, 'schema', nspname, 'name', relname, 'forced', relforcerowsecurity
      ) order by oid), '[]')
      from secured
    ),
    'policies', (
      select coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(
        'oid', oid::int8, 'version', xmin::text, 'table', polrelid::int8, 'name', polname, 'permissive', polpermissive,
        'command', case polcmd when 'r' then 'SELECT' when 'a' then 'INSERT' when 'w' then 'UPDATE' when 'd' then 'DELETE' else 'ALL' end
      ) order by oid), '[]')
      from pg_catalog.pg_policy
    ),
    'ways', (
      select coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(
        'kind', kind, 'oid', oid::int8, 'schema', nspname, 'name', name, 'arguments', arguments,
        'owner', pg_catalog.pg_get_userbyid(owner), 'roles', roles, 'tables', tables::int8[]
      ) order by oid), '[]')
      from way
      where roles <> '{}'
    ),
    'unbound', (
      select coalesce(pg_catalog.json_agg(rolname order by rolname), '[]')
      from client c
      where exists (select from unbound u where pg_catalog.pg_has_role(c.oid, u.oid, 'member'))
    ),
    'functions', (select coalesce(pg_catalog.json_agg(oid::text || ':' || version order by oid), '[]') from called),
    'disabled', (
      select coalesce(pg_catalog.json_agg(pg_catalog.json_build_object('oid', c.oid::int8, 'schema', n.nspname, 'name', c.relname)), '[]')
      from pg_catalog.pg_class c
      join pg_catalog.pg_namespace n on n.oid = c.relnamespace
      where c.oid = any ($2::oid[]) and not c.relrowsecurity
    )
  ) as state
`;

/** OIDs of the tables that have no RLS: they are none of a later file's doing. */
export async function readUnsecured(session: Session): Promise<readonly number[]> {
  const [row] = await session.query<{ oids: number[] }>(`
    select coalesce(pg_catalog.array_agg(oid), '{}') as oids
    from pg_catalog.pg_class
    where oid >= ${FIRST_OF_USERS} and relkind in ('r', 'p') and not relrowsecurity and relpersistence <> 't'
  `);
  return row!.oids;
}

/**
 * Tables without RLS that are not among the known ones, and that either API roles reach or that have a tenant's column
 * where other tables have RLS: a database that isolates nothing and serves no API is left alone.
 */
export function readOpenTables(
  session: Session,
  { apiRoles, roles, columns, schemas, apiSchemas }: TenancySettings,
  known: readonly number[],
): Promise<OpenTable[]> {
  return session.query<OpenTable>(
    `
      select *
      from (
        select c.oid, n.nspname as schema, c.relname as name,
          array(
            select r.rolname::text
            from pg_catalog.pg_roles r
            where r.rolname = any ($1::name[])
              and ($4::name[] is null or n.nspname = any ($4::name[]))
              and pg_catalog.has_schema_privilege(r.oid, n.oid, 'usage')
              and pg_catalog.has_table_privilege(r.oid, c.oid, 'select, insert, update, delete')
            order by 1
          ) as roles,
          (
            select a.attname::text
            from pg_catalog.pg_attribute a
            where a.attrelid = c.oid and a.attname = any ($2::name[]) and not a.attisdropped
              and exists (select from pg_catalog.pg_class s where s.relrowsecurity and s.relpersistence <> 't')
            order by pg_catalog.array_position($2::name[], a.attname)
            limit 1
          ) as "tenantColumn"
        from pg_catalog.pg_class c
        join pg_catalog.pg_namespace n on n.oid = c.relnamespace
        where c.oid >= ${FIRST_OF_USERS}
          and c.oid <> all ($5::oid[])
          and c.relkind in ('r', 'p')
          and not c.relrowsecurity
          and c.relpersistence <> 't'
          and n.nspname !~ '^pg_'
          and ($3::name[] is null or n.nspname = any ($3::name[]))
          and not exists (
            select from pg_catalog.pg_depend d
            where d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass and d.objid = c.oid and d.deptype = 'e'
          )
      ) open
      where roles <> '{}' or "tenantColumn" is not null
      order by schema, name
    `,
    [[...apiRoles, ...roles], columns, schemas ?? null, apiSchemas ?? null, known],
  );
}
