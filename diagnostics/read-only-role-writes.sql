-- Title: Read-only roles cannot write
-- Category: security
-- Severity: warning
-- Message: {object} is meant to read only ({reason}) and {powers}
-- Remediation: {fix}
-- Why: Reporting tools get roles of their own that cannot change anything (12.4). A role is meant to read only when its
--   name says so (readonly, read_only, ro, reader, viewer, report, reporting, bi, analytics as a word) or when it sets
--   default_transaction_read_only, which anybody in a session can switch off again: privileges decide, not the setting.
--   Those on single columns and sequences count, those on tables that will be made (default privileges), those of PUBLIC,
--   and those of every role that it has or may become with SET ROLE. A VOLATILE SECURITY DEFINER function that it was
--   granted may write with its owner's rights; one that only reads is declared STABLE, and the server sees to it. Those that
--   everybody may execute are told by public-privilege.
-- Manual: 12.4

with readers as (
  select
    r.oid,
    r.rolname,
    r.rolsuper,
    r.rolcreaterole,
    case when n.says then 'by its name' else 'by default_transaction_read_only' end as reason
  from pg_roles r
  cross join lateral (
    select r.rolname
      ~* 'read[_ -]?only|(^|[^a-z])(ro|readers?|viewers?|reports?|reporting|bi|analytics)([^a-z]|$)' as says
  ) n
  where r.rolname !~ '^pg_'
    and (
      n.says
      or exists (
        select
        from pg_db_role_setting s
        cross join unnest(s.setconfig) setting
        where s.setrole = r.oid
          and s.setdatabase in (0, (select oid from pg_database where datname = current_database()))
          and setting ~* '^default_transaction_read_only=(on|true|t|yes|y|1)$'
      )
    )
    and not (
      r.rolname ~ '^supabase_'
      and exists (select from pg_roles where rolname = 'supabase_admin')
    )
),
grants as materialized (
  select
    'table' as kind,
    format('%I.%I', n.nspname, c.relname) as name,
    c.relowner as owner,
    a.grantee
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
  cross join aclexplode(coalesce(c.relacl, acldefault('r', c.relowner))) a
  where c.relkind in ('r', 'p', 'f', 'v')
    and a.privilege_type in ('INSERT', 'UPDATE', 'DELETE', 'TRUNCATE')
    and n.nspname <> all (current_setting('aisha_db.ignored_schemas')::text[])
  union
  select 'table', format('%I.%I', n.nspname, c.relname), c.relowner, x.grantee
  from pg_attribute a
  join pg_class c on c.oid = a.attrelid
  join pg_namespace n on n.oid = c.relnamespace
  cross join aclexplode(a.attacl) x
  where a.attacl is not null
    and not a.attisdropped
    and x.privilege_type in ('INSERT', 'UPDATE')
    and n.nspname <> all (current_setting('aisha_db.ignored_schemas')::text[])
  union
  select 'sequence', format('%I.%I', n.nspname, c.relname), c.relowner, a.grantee
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
  cross join aclexplode(c.relacl) a
  where c.relkind = 'S'
    and a.privilege_type in ('USAGE', 'UPDATE')
    and a.grantee <> c.relowner
    and n.nspname <> all (current_setting('aisha_db.ignored_schemas')::text[])
  union
  select
    'routine',
    format('%I.%I(%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)),
    p.proowner,
    a.grantee
  from pg_proc p
  join pg_namespace n on n.oid = p.pronamespace
  cross join aclexplode(p.proacl) a
  where p.prosecdef
    and p.provolatile = 'v'
    and p.prorettype not in ('trigger'::regtype, 'event_trigger'::regtype)
    and a.grantee not in (0, p.proowner)
    and n.nspname <> all (current_setting('aisha_db.ignored_schemas')::text[])
  union
  select
    'default',
    format('for role %I%s', pg_get_userbyid(d.defaclrole), coalesce(' in schema ' || quote_ident(n.nspname), '')),
    d.defaclrole,
    a.grantee
  from pg_default_acl d
  left join pg_namespace n on n.oid = d.defaclnamespace
  cross join aclexplode(d.defaclacl) a
  where d.defaclobjtype = 'r'
    and a.privilege_type in ('INSERT', 'UPDATE', 'DELETE', 'TRUNCATE')
    and a.grantee <> d.defaclrole
    and (n.nspname is null or n.nspname <> all (current_setting('aisha_db.ignored_schemas')::text[]))
  union
  select 'database', quote_ident(d.datname), d.datdba, a.grantee
  from pg_database d
  cross join aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a
  where a.privilege_type = 'CREATE' and d.datname = current_database()
  union
  select 'schema', quote_ident(n.nspname), n.nspowner, a.grantee
  from pg_namespace n
  cross join aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) a
  where a.privilege_type = 'CREATE' and n.nspname <> all (current_setting('aisha_db.ignored_schemas')::text[])
),
-- Whom a reader is, or may become: since 16 a membership says for itself whether it can be used.
reached as materialized (
  select r.oid as reader, g.oid as role
  from readers r
  cross join pg_roles g
  where not r.rolsuper
    and g.oid <> r.oid
    and (
      pg_has_role(r.oid, g.oid, 'USAGE')
      or pg_has_role(r.oid, g.oid, case when current_setting('server_version_num')::int < 160000 then 'MEMBER' else 'SET' end)
    )
),
-- The memberships of its own that lead there.
leaving as materialized (
  select
    t.reader,
    t.role,
    string_agg(distinct format('revoke %I from %I;', d.rolname, r.rolname), ' ') as fix
  from reached t
  join readers r on r.oid = t.reader
  join pg_auth_members m on m.member = t.reader
  join pg_roles d on d.oid = m.roleid and (d.oid = t.role or pg_has_role(d.oid, t.role, 'MEMBER'))
  group by t.reader, t.role
),
holders as (
  select reader, role as grantee from reached
  union all
  select oid, oid from readers where not rolsuper
  union all
  select oid, 0::oid from readers where not rolsuper
),
held as materialized (
  select h.reader, h.grantee, g.kind, g.name, g.owner
  from holders h
  join grants g on g.grantee = h.grantee
),
fixes as (
  select
    h.reader,
    h.kind,
    case
      when h.kind = 'default' then format(
        'alter default privileges %s revoke insert, update, delete, truncate on tables from %s;',
        h.name,
        case h.grantee when 0 then 'public' else quote_ident(pg_get_userbyid(h.grantee)) end
      )
      when h.owner = h.grantee then format('alter %s %s owner to current_user;', h.kind, h.name)
      else format(
        'revoke %s on %s %s from %s;',
        case h.kind
          when 'table' then 'insert, update, delete, truncate'
          when 'sequence' then 'usage, update'
          when 'routine' then 'execute'
          else 'create'
        end,
        h.kind,
        h.name,
        case h.grantee when 0 then 'public' else quote_ident(pg_get_userbyid(h.grantee)) end
      )
    end as fix
  from held h
  where h.grantee in (0, h.reader)
  union
  select h.reader, h.kind, l.fix
  from held h
  join leaving l on l.reader = h.reader and l.role = h.grantee
),
powers as (
  select
    r.oid as role,
    1 as place,
    format('is %s', case when r.rolsuper then 'a superuser' else 'able to make roles (CREATEROLE)' end) as power,
    format('alter role %I nosuperuser nocreaterole;', r.rolname) as fix
  from readers r
  where r.rolsuper or r.rolcreaterole
  union all
  select
    t.reader,
    2,
    case
      when g.rolsuper then format('may become %I, a superuser', g.rolname)
      else format('may write to every table (%I)', g.rolname)
    end,
    l.fix
  from reached t
  join pg_roles g on g.oid = t.role and (g.rolsuper or g.rolname = 'pg_write_all_data')
  join leaving l on l.reader = t.reader and l.role = t.role
  union all
  select
    w.reader,
    case w.kind when 'table' then 3 when 'default' then 4 when 'sequence' then 5 when 'routine' then 6 else 7 end,
    w.power || coalesce(' as ' || w.roles, ''),
    f.fix
  from (
    select
      h.reader,
      h.kind,
      case h.kind
        when 'table' then 'may write to ' || case count(distinct h.name)
          when 1 then min(h.name)
          else format('%s tables, such as %s', count(distinct h.name), min(h.name))
        end
        when 'default' then 'may write to tables that are made later (default privileges '
          || string_agg(distinct h.name, ', ') || ')'
        when 'sequence' then format('may advance or set %s', case count(distinct h.name)
          when 1 then min(h.name)
          else format('%s sequences, such as %s', count(distinct h.name), min(h.name))
        end)
        when 'routine' then format(
          'may call %s, which may write with the rights of the owner',
          case count(distinct h.name)
            when 1 then min(h.name)
            else format('%s functions, such as %s', count(distinct h.name), min(h.name))
          end
        )
        when 'database' then 'may create schemas in the database'
        else format('may create objects in %s', string_agg(distinct h.name, ', '))
      end as power,
      string_agg(distinct quote_ident(pg_get_userbyid(h.grantee)), ', ') filter (where h.grantee not in (0, h.reader)) as roles
    from held h
    group by h.reader, h.kind
  ) w
  join (select reader, kind, string_agg(fix, ' ' order by fix) as fix from fixes group by reader, kind) f
    on f.reader = w.reader and f.kind = w.kind
)
select
  quote_ident(r.rolname) as object,
  r.reason,
  string_agg(p.power, ' and ' order by p.place, p.power) as powers,
  -- Tables by the thousand are no advice.
  left(string_agg(p.fix, ' ' order by p.place, p.power), 20000) as fix
from readers r
join powers p on p.role = r.oid
group by r.rolname, r.reason
order by object;
