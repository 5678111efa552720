import type { Session } from '../../postgres/session.ts';
import { treeHashSql } from '../catalog/policies.ts';
import { REACHED_CLASSES, reachedSql } from '../catalog/reached.ts';
import type { TenancySettings } from '../settings.ts';
import type { Changes } from './changes.ts';
import { FIRST_OF_USERS, LEAVES_CALLER } from './own-rows.ts';
import { type Focus, type GateState, type Lists, NO_WAYS, type OpenTable, type SessionDefault } from './state.ts';

// Every name is written with its schema: what a file leaves in search_path must not decide what is read here. The
// catalog is read as rows, never through what would open a table: no lock is taken on any.

interface ListsRow {
  readonly secured: string | null;
  readonly policies: string | null;
  readonly functions: string | null;
  readonly rules: string | null;
  readonly surroundings: string;
}

/** OIDs of the tables with RLS. */
export async function readSecured(session: Session): Promise<ReadonlySet<number>> {
  const [row] = await session.query<{ oids: number[] }>(`
    select coalesce(pg_catalog.array_agg(oid), '{}') as oids
    from pg_catalog.pg_class
    where relrowsecurity and relpersistence <> 't'
  `);
  return new Set(row!.oids);
}

/** What there is in short; `xmin` is the transaction that wrote a row, and tells a change without reading the row. */
export async function readLists(session: Session): Promise<Lists> {
  const [row] = await session.query<ListsRow>(LISTS);
  const { secured, policies, functions, rules, surroundings } = row!;
  return {
    secured: byOid(secured, ([forced, ...place]) => ({ forced: forced === 't', place: place.join() })),
    policies: byOid(policies, ([version, table]) => ({ version: version!, table: Number(table) })),
    functions: byOid(functions, ([version, leaves]) => ({ version: version!, leavesCaller: leaves === 't' })),
    rules: byOid(rules, ([version, relation]) => ({ version: version!, relation: Number(relation) })),
    surroundings,
  };
}

function byOid<T>(list: string | null, entryOf: (parts: readonly string[]) => T): ReadonlyMap<number, T> {
  const entries = list === null || list === '' ? [] : list.split(',');
  return new Map(
    entries.map((entry) => {
      const [oid, ...parts] = entry.split(':');
      return [Number(oid), entryOf(parts)];
    }),
  );
}

const list = (entry: string) => `pg_catalog.string_agg(pg_catalog.concat_ws(':', ${entry}), ',' order by oid)`;

/** Views, and tables where rules do more. */
const IS_RULED = `(relkind in ('v', 'm') or relhasrules)`;

/** What views, rules, schemas, roles and memberships come to. */
const SURROUNDINGS = [
  'relations.ruled',
  // One by one, or the planner reads the columns of every table.
  `(
    select pg_catalog.string_agg(pg_catalog.concat_ws(':', attrelid, attnum, attacl), ',' order by attrelid, attnum)
    from (select oid from pg_catalog.pg_class where oid >= ${FIRST_OF_USERS} and ${IS_RULED} offset 0) c
    cross join lateral (
      select a.attrelid, a.attnum, a.attacl from pg_catalog.pg_attribute a
      where a.attrelid = c.oid and a.attacl is not null offset 0
    ) granted
  )`,
  `(select ${list('oid, xmin')} from pg_catalog.pg_rewrite where ev_class >= ${FIRST_OF_USERS})`,
  `(select ${list('oid, nspacl')} from pg_catalog.pg_namespace)`,
  `(select ${list('oid, rolsuper, rolbypassrls, rolinherit')} from pg_catalog.pg_roles)`,
  `(
    select pg_catalog.string_agg(pg_catalog.concat_ws(':', roleid, member, xmin), ',' order by roleid, member, grantor)
    from pg_catalog.pg_auth_members
  )`,
];

const LISTS = `
  select
    relations.secured,
    (select ${list('oid, xmin, polrelid')} from pg_catalog.pg_policy) as policies,
    (select ${list(`oid, xmin, ${LEAVES_CALLER}`)} from pg_catalog.pg_proc where oid >= ${FIRST_OF_USERS}) as functions,
    (select ${list('oid, xmin, ev_class')} from pg_catalog.pg_rewrite where ev_class >= ${FIRST_OF_USERS}) as rules,
    pg_catalog.md5(pg_catalog.concat_ws('|', ${SURROUNDINGS.map((part) => `coalesce(${part}, '')`).join(', ')})) as surroundings
  from (
    select
      ${list('oid, relforcerowsecurity, relowner, relnamespace')} filter (where relrowsecurity) as secured,
      ${list('oid, relowner, relnamespace, relacl, reloptions')} filter (where ${IS_RULED}) as ruled
    from pg_catalog.pg_class
    where relpersistence <> 't' and (relrowsecurity or ${IS_RULED} and oid >= ${FIRST_OF_USERS})
  ) relations
`;

/** Whether policies stand on functions, operators, views or tables of users' other than their own. */
export async function standOnAny(session: Session): Promise<boolean> {
  const [row] = await session.query<{ stand: boolean }>(`
    select exists (
      select from pg_catalog.pg_depend d
      join pg_catalog.pg_policy p on p.oid = d.objid
      where d.classid = 'pg_catalog.pg_policy'::pg_catalog.regclass and d.deptype = 'n'
        and d.refobjid >= ${FIRST_OF_USERS} and d.refobjid <> p.polrelid
        and d.refclassid = any (${REACHED_CLASSES})
    ) as stand
  `);
  return row!.stand;
}

/**
 * Whether functions that have one of these names, or triggers of tables that have, change what there is, themselves or by
 * others that they call. A body tells by the words in it.
 * @param names in small letters
 */
export async function changeAny(session: Session, names: readonly string[], writesRows: boolean): Promise<boolean> {
  const [row] = await session.query<{ change: boolean }>(CHANGE, [names, writesRows]);
  return row!.change;
}

const CHANGE = `
  with recursive called as (
    select p.oid, pg_catalog.lower(p.prosrc) as source
    from pg_catalog.pg_proc p
    where p.oid >= ${FIRST_OF_USERS} and (
      pg_catalog.lower(p.proname::text) = any ($1::text[])
      or $2 and p.oid in (
        select t.tgfoid from pg_catalog.pg_trigger t
        join pg_catalog.pg_class c on c.oid = t.tgrelid
        where not t.tgisinternal and pg_catalog.lower(c.relname::text) = any ($1::text[])
      )
    )
    union
    select q.oid, pg_catalog.lower(q.prosrc)
    from called c
    join pg_catalog.pg_proc q
      on q.oid >= ${FIRST_OF_USERS} and pg_catalog.strpos(c.source, pg_catalog.lower(q.proname::text)) > 0
  )
  select exists (
    select from called where source ~ '\\m(create|alter|drop|grant|revoke|execute)\\M'
  ) as change
`;

/** Whether policies stand on some of the functions and views that were changed, themselves or through others. */
export async function standOnChanged(
  session: Session,
  { functions, views }: Pick<Changes, 'functions' | 'views'>,
  newPolicies: readonly number[],
): Promise<boolean> {
  const [row] = await session.query<{ stand: boolean }>(STAND, [functions, views, newPolicies]);
  return row!.stand;
}

// By name, since a body names what it calls when it runs: a function that is only mentioned counts as well.
const CALLED = `
  called as (
    select p.oid, pg_catalog.lower(p.prosrc) as source
    from pg_catalog.pg_proc p
    where p.oid >= ${FIRST_OF_USERS}
      and p.oid in (
        select d.refobjid from pg_catalog.pg_depend d
        where d.classid = 'pg_catalog.pg_policy'::pg_catalog.regclass
          and d.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass
      )
    union
    select q.oid, pg_catalog.lower(q.prosrc)
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
  )`;

const STAND = `
  with recursive ${reachedSql('d.objid <> all ($3::oid[])')}
  select exists (
    select from reached
    where class = 'pg_catalog.pg_proc'::pg_catalog.regclass and oid = any ($1::oid[])
      or class = 'pg_catalog.pg_class'::pg_catalog.regclass and oid = any ($2::oid[])
  ) as stand
`;

/** What the focus asks for. */
export async function readState(session: Session, settings: TenancySettings, focus: Focus): Promise<GateState> {
  const { tables, policies } = await readIsolation(session, focus);
  const clients = [...settings.apiRoles, ...settings.roles];
  const defaults = focus.defaults ? await readDefaults(session, clients, settings.settings) : [];
  if (!focus.ways) return { tables, policies, ...NO_WAYS, defaults };
  const [row] = await session.query<{ state: Pick<GateState, 'ways' | 'objects' | 'unbound' | 'owned' | 'concerned'> }>(
    WAYS,
    [clients],
  );
  return { tables, policies, ...row!.state, defaults };
}

/** Where a token or a user would be named, whatever the application calls its own setting. */
const OF_TOKENS = ['request.jwt.claims', 'request.jwt.claim.sub'];

/**
 * Not those that name none: the empty string, zero, an identifier of nothing but zeros. Of roles those that RLS does not
 * bind.
 */
function readDefaults(
  session: Session,
  clients: readonly string[],
  settings: readonly string[],
): Promise<SessionDefault[]> {
  return session.query(
    `
      select r.rolname as role, d.datname as database, made.name, made.value
      from pg_catalog.pg_db_role_setting s
      left join pg_catalog.pg_roles r on r.oid = s.setrole
      left join pg_catalog.pg_database d on d.oid = s.setdatabase
      cross join lateral (
        select pg_catalog.split_part(entry, '=', 1) as name,
          pg_catalog.substr(entry, pg_catalog.strpos(entry, '=') + 1) as value
        from pg_catalog.unnest(s.setconfig) entry
      ) made
      where (s.setrole = 0 or r.rolname = any ($1::name[]))
        and (s.setdatabase = 0 or d.datname = pg_catalog.current_database())
        and case pg_catalog.lower(made.name)
          when 'role' then exists (
            select from pg_catalog.pg_roles u where u.rolname = made.value and (u.rolsuper or u.rolbypassrls)
          )
          else pg_catalog.lower(made.name) = any ($2::text[]) and made.value !~ '^[-0]*$'
        end
      order by s.setdatabase, s.setrole, made.name
    `,
    [clients, [...settings, ...OF_TOKENS].map((name) => name.toLowerCase())],
  );
}

/** What the catalog says of tables and policies. */
export type Isolation = Pick<GateState, 'tables' | 'policies'>;

async function readIsolation(session: Session, { tables, policiesOf }: Focus): Promise<Isolation> {
  if (tables.length === 0 && policiesOf.length === 0) return { tables: [], policies: [] };
  const [row] = await session.query<{ isolation: Isolation }>(
    `select ${isolationSql('$1::oid[]', '$2::oid[]')} as isolation`,
    [tables, policiesOf],
  );
  return row!.isolation;
}

/** SQL of one JSON value, the `Isolation` of tables and of the policies of tables; SQL of OIDs. */
export function isolationSql(tables: string, policiesOf: string): string {
  return `pg_catalog.json_build_object(
    'tables', (
      select coalesce(pg_catalog.json_agg(q), '[]')
      from (
        select c.oid::int8 as oid, n.nspname as schema, c.relname as name, c.relrowsecurity as "isSecured",
          c.relforcerowsecurity as forced,
          pg_catalog.md5(pg_catalog.concat_ws('|', c.relowner, c.relacl, c.relnamespace, (
            select pg_catalog.string_agg(pg_catalog.concat_ws(':', a.attnum, a.attname, a.atttypid, a.atttypmod, a.attacl, (
              -- Another label is another value that a row may hold.
              select pg_catalog.string_agg(e.oid::text, '+' order by e.enumsortorder)
              from pg_catalog.pg_enum e where e.enumtypid = a.atttypid
            )), ',' order by a.attnum)
            from pg_catalog.pg_attribute a
            where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
          ))) as shape
        from pg_catalog.pg_class c
        join pg_catalog.pg_namespace n on n.oid = c.relnamespace
        where c.oid = any (${tables})
        order by n.nspname, c.relname
      ) q
    ),
    'policies', (
      select coalesce(pg_catalog.json_agg(q), '[]')
      from (
        select oid::int8 as oid, polrelid::int8 as "table", polname as name, polpermissive as permissive,
          polroles::int8[] as roles, polqual::text as using, polwithcheck::text as check,
          case polcmd when 'r' then 'SELECT' when 'a' then 'INSERT' when 'w' then 'UPDATE' when 'd' then 'DELETE' else 'ALL' end as command,
          pg_catalog.concat_ws('|', polcmd, polpermissive, array(select pg_catalog.unnest(polroles) order by 1)::text,
            coalesce(${treeHashSql('polqual')}, '-'), coalesce(${treeHashSql('polwithcheck')}, '-')) as meaning
        from pg_catalog.pg_policy
        where polrelid = any (${policiesOf})
        order by oid
      ) q
    )
  )`;
}

const INVOKER = '^security_invoker=(t|tr|tru|true|y|ye|yes|on|1)$';

/** SQL, true of a role that may read or write rows of a relation. */
export function mayUse(role: string, relation: string): string {
  return `(
    pg_catalog.has_any_column_privilege(${role}.oid, ${relation}.oid, 'select, insert, update')
    or pg_catalog.has_table_privilege(${role}.oid, ${relation}.oid, 'delete')
  )`;
}

/** SQL, true of a view or materialized view that reads its tables as its owner. */
export function isOpaque(view: string): string {
  return `(
    ${view}.relkind = 'm'
    or not exists (select from pg_catalog.unnest(${view}.reloptions) option where option ~* '${INVOKER}')
  )`;
}

const WAYS = `
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
      and ${isOpaque('c')}
  ),
  -- Of views and of tables. What they do beside a SELECT they do as the owner, whatever kind of view it is.
  rule as (
    select r.oid, r.rulename, r.ev_class, r.ev_type, c.relowner, c.relname, c.relnamespace, n.nspname
    from pg_catalog.pg_rewrite r
    join pg_catalog.pg_class c on c.oid = r.ev_class
    join place n on n.oid = c.relnamespace
    where r.oid >= ${FIRST_OF_USERS} and r.ev_type <> '1'
  ),
  reads as (
    select r.oid as rule, r.ev_class as view, r.ev_type = '1' as shows, d.refobjid as relation
    from pg_catalog.pg_rewrite r
    join pg_catalog.pg_depend d
      on d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass
      and d.objid = r.oid
      and d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
      and d.refobjid <> r.ev_class
    -- What is for replicas alone no client sets off.
    where r.oid >= ${FIRST_OF_USERS} and r.ev_enabled in ('O', 'A')
      and (exists (select from opaque) or exists (select from rule))
  ),
  -- A view leads to what it shows, a rule also to what rules do further down.
  behind as (
    select o.oid as way, false as writes, o.relowner as reader, x.relation
    from opaque o
    join reads x on x.view = o.oid and x.shows
    union all
    select u.oid, true, u.relowner, x.relation
    from rule u
    join reads x on x.rule = u.oid
    union
    select b.way, b.writes, coalesce(u.relowner, o.relowner, b.reader), x.relation
    from behind b
    join reads x on x.view = b.relation and (x.shows or b.writes)
    left join rule u on u.oid = x.rule
    left join opaque o on o.oid = b.relation
  ),
  -- Whoever reads a table reads its partitions and children, whatever their own policies say.
  above as (
    select s.oid, i.inhparent as relation
    from secured s
    join pg_catalog.pg_inherits i on i.inhrelid = s.oid
    union
    select a.oid, i.inhparent
    from above a
    join pg_catalog.pg_inherits i on i.inhrelid = a.relation
  ),
  shown as (
    select b.way, b.writes, pg_catalog.array_agg(distinct s.oid::int8) as tables,
      pg_catalog.array_agg(distinct pg_catalog.format('%I.%I', s.nspname, s.relname)) as names
    from (
      select b.way, b.writes, s.oid
      from behind b
      join secured s on s.oid = b.relation
      where b.reader in (select oid from unbound)
        or not s.relforcerowsecurity and pg_catalog.pg_has_role(b.reader, s.relowner, 'usage')
      union all
      select b.way, b.writes, a.oid
      from behind b
      join above a on a.relation = b.relation
      where not exists (select from secured s where s.oid = a.relation)
    ) b
    join secured s on s.oid = b.oid
    group by b.way, b.writes
  ),
  ${CALLED},
  definer as (
    select p.oid, p.proname, p.proowner, runs.role as runs_as, not p.prosecdef as takes_role, p.pronamespace, n.nspname,
      case when runs.role not in (select oid from unbound) then array(
        select s.oid::int8 from secured s
        where not s.relforcerowsecurity and pg_catalog.pg_has_role(runs.role, s.relowner, 'usage')
      ) end as tables,
      -- Itself, or through a function that one calls.
      exists (
        select from pg_catalog.pg_depend d
        where d.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass
          and d.refobjid = p.oid
          and d.classid = 'pg_catalog.pg_policy'::pg_catalog.regclass
      ) or exists (
        select from called c
        where c.oid <> p.oid and pg_catalog.strpos(c.source, pg_catalog.lower(p.proname::text) || '(') > 0
      ) as serves
    from pg_catalog.pg_proc p
    join place n on n.oid = p.pronamespace
    -- Its owner, or the role that its own settings name; within SECURITY DEFINER none can be taken.
    cross join lateral (
      select p.proowner as role where p.prosecdef
      union all
      select r.oid from pg_catalog.pg_roles r where not p.prosecdef and 'role=' || r.rolname::text = any (p.proconfig)
    ) runs
    where p.oid >= ${FIRST_OF_USERS}
      and ${LEAVES_CALLER}
      and p.prorettype not in ('pg_catalog.trigger'::pg_catalog.regtype, 'pg_catalog.event_trigger'::pg_catalog.regtype)
      -- What extensions bring is theirs.
      and not exists (
        select from pg_catalog.pg_depend d
        where d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass and d.objid = p.oid and d.deptype = 'e'
      )
  ),
  way as (
    select
      case o.relkind when 'm' then 'materialized view' else 'view' end as kind, o.oid as view,
      o.oid, o.nspname, o.relname as name, null as arguments, null::pg_catalog.json as rule, o.relowner as owner, s.tables,
      s.names as shows, false as serves,
      array(
        select c.rolname from client c
        where pg_catalog.has_schema_privilege(c.oid, o.relnamespace, 'usage')
          and ${mayUse('c', 'o')}
        order by 1
      ) as roles
    from opaque o
    join shown s on s.way = o.oid and not s.writes
    union all
    select 'rule', null, u.oid, u.nspname, u.relname, null,
      pg_catalog.json_build_object('name', u.rulename, 'command', event.command), u.relowner, s.tables, s.names, false,
      array(
        select c.rolname from client c
        where pg_catalog.has_schema_privilege(c.oid, u.relnamespace, 'usage')
          and case event.command
            when 'DELETE' then pg_catalog.has_table_privilege(c.oid, u.ev_class, 'delete')
            else pg_catalog.has_any_column_privilege(c.oid, u.ev_class, event.command)
          end
        order by 1
      )
    from rule u
    join shown s on s.way = u.oid and s.writes
    cross join lateral (
      select case u.ev_type when '2' then 'UPDATE' when '3' then 'INSERT' else 'DELETE' end as command
    ) event
    union all
    select 'function', null, p.oid, p.nspname, p.proname, pg_catalog.pg_get_function_identity_arguments(p.oid), null, p.runs_as,
      p.tables, '{}', p.serves,
      array(
        select c.rolname from client c
        where pg_catalog.has_schema_privilege(c.oid, p.pronamespace, 'usage')
          and pg_catalog.has_function_privilege(c.oid, p.oid, 'execute')
          -- Whether the role can be taken is asked of who is logged in, such as PostgREST's authenticator.
          and (not p.takes_role or exists (
            select from pg_catalog.pg_roles l
            where l.rolcanlogin and not l.rolsuper and not l.rolbypassrls
              and not pg_catalog.pg_has_role(l.oid, p.proowner, 'usage')
              and pg_catalog.pg_has_role(l.oid, c.oid, 'member') and pg_catalog.pg_has_role(l.oid, p.runs_as, 'member')
          ))
        order by 1
      )
    from definer p
  )
  select pg_catalog.json_build_object(
    'ways', (
      select coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(
        'kind', kind, 'oid', oid::int8, 'schema', nspname, 'name', name, 'arguments', arguments,
        'rule', rule, 'uses', (
          select coalesce(pg_catalog.json_agg(pg_catalog.concat_ws(' ', c.rolname, use.command)), '[]')
          from client c
          cross join pg_catalog.unnest('{SELECT,INSERT,UPDATE,DELETE}'::text[]) use (command)
          where c.rolname = any (roles) and case
            when view is null then false
            when use.command = 'DELETE' then pg_catalog.has_table_privilege(c.oid, view, use.command)
            else pg_catalog.has_any_column_privilege(c.oid, view, use.command)
          end
        ), 'owner', pg_catalog.pg_get_userbyid(owner), 'roles', roles, 'tables', tables, 'shows', shows, 'servesPolicies', serves
      ) order by oid), '[]')
      from way
      where roles <> '{}' and tables is distinct from '{}'
    ),
    'objects', (
      select coalesce(pg_catalog.json_agg(oid::int8), '[]')
      from (select oid from opaque union all select oid from rule union all select oid from definer) object
    ),
    'unbound', (
      select coalesce(pg_catalog.json_agg(rolname order by rolname), '[]')
      from client c
      where exists (select from unbound u where pg_catalog.pg_has_role(c.oid, u.oid, 'member'))
    ),
    'owned', (
      select coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(
        'role', c.rolname, 'oid', s.oid::int8, 'schema', s.nspname, 'name', s.relname
      ) order by c.rolname, s.nspname, s.relname), '[]')
      from client c
      join secured s on pg_catalog.pg_has_role(c.oid, s.relowner, 'member')
      where not exists (select from unbound u where pg_catalog.pg_has_role(c.oid, u.oid, 'member'))
    ),
    'concerned', (
      select coalesce(pg_catalog.json_agg(pg_catalog.json_build_object('role', c.rolname, 'policy', p.oid::int8, 'table', p.polrelid::int8)), '[]')
      from (
        select p.oid, p.polrelid, pg_catalog.unnest(p.polroles) as role
        from pg_catalog.pg_policy p
        where p.polroles <> '{0}'
      ) p
      join client c on c.oid <> p.role and p.role <> 0 and pg_catalog.pg_has_role(c.oid, p.role, 'usage')
      join secured s on s.oid = p.polrelid
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
