-- Title: Read-only roles cannot write
-- Category: security
-- Severity: warning
-- Message: {object} is meant to read only ({reason}) and {powers}
-- Remediation: {fix}
-- Why: Reporting tools get roles of their own that cannot change anything (12.4). A role is meant to read only when its
--   name says so (readonly, read_only, ro, reader, report, reporting, bi, analytics as a word) or when it sets
--   default_transaction_read_only, which anybody in a session can switch off again: privileges decide, not the setting.
-- Manual: 12.4

with readers as (
  select
    r.oid,
    r.rolname,
    r.rolsuper,
    r.rolcreaterole,
    case
      when r.rolname ~* '(^|[^a-z])(readonly|read[_ -]only|ro|reader|reports?|reporting|bi|analytics)([^a-z]|$)'
        then 'by its name'
      else 'by default_transaction_read_only'
    end as reason
  from pg_roles r
  where r.rolname !~ '^pg_'
    and (
      r.rolname ~* '(^|[^a-z])(readonly|read[_ -]only|ro|reader|reports?|reporting|bi|analytics)([^a-z]|$)'
      or exists (
        select
        from pg_db_role_setting s
        where s.setrole = r.oid
          and s.setdatabase in (0, (select oid from pg_database where datname = current_database()))
          and s.setconfig && array['default_transaction_read_only=on', 'default_transaction_read_only=true']
      )
    )
    and not (
      r.rolname ~ '^supabase_'
      and exists (select from pg_roles where rolname = 'supabase_admin')
    )
),
tables as (
  select c.oid, format('%I.%I', n.nspname, c.relname) as name
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
  where c.relkind in ('r', 'p', 'f', 'v')
    and n.nspname <> all (current_setting('aisha_db.ignored_schemas')::text[])
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
    r.oid,
    2,
    format('may write to %s tables, such as %s', count(*), min(t.name)),
    string_agg(
      format('revoke insert, update, delete, truncate on %s from %I;', t.name, r.rolname),
      ' '
      order by t.name
    )
  from readers r
  join tables t on has_table_privilege(r.oid, t.oid, 'insert, update, delete, truncate')
  where not r.rolsuper
  group by r.oid, r.rolname
  union all
  select
    r.oid,
    3,
    format('may create objects in %s', string_agg(quote_ident(n.nspname), ', ' order by n.nspname)),
    string_agg(format('revoke create on schema %I from %I;', n.nspname, r.rolname), ' ' order by n.nspname)
  from readers r
  join pg_namespace n
    on n.nspname <> all (current_setting('aisha_db.ignored_schemas')::text[])
    and has_schema_privilege(r.oid, n.oid, 'create')
  where not r.rolsuper
  group by r.oid
)
select
  quote_ident(r.rolname) as object,
  r.reason,
  string_agg(p.power, ' and ' order by p.place) as powers,
  -- Tables by the thousand are no advice.
  left(string_agg(p.fix, ' ' order by p.place), 20000) as fix
from readers r
join powers p on p.role = r.oid
group by r.rolname, r.reason
order by object;
