-- Title: Changes are written to an audit log
-- Category: security
-- Thresholds:
-- - info: absent = 1
-- - warning: absent = 0
-- Message: {object}: {what}
-- Remediation: {fix}
-- Why: Sensitive operations belong into an audit log, and a trigger that is switched off for a bulk load is easily
--   forgotten. A trigger counts as one of the audit when its function is named so or inserts into what is named so. Of a
--   table that has one, each of INSERT, UPDATE and DELETE needs one that fires in ordinary sessions. Who sets
--   session_replication_role = replica, for a role or a database, switches all of them off. The check goes by the state
--   of triggers and fires none; aisha-db security-check --prove does.
-- Manual: 12.4

with audit_functions as (
  select p.oid, p.proname, n.nspname
  from pg_proc p
  join pg_namespace n on n.oid = p.pronamespace
  where p.prorettype = 'trigger'::regtype
    and (p.proname ~* 'audit' or p.prosrc ~* 'insert\s+into\s+\S*audit')
),
audit_triggers as (
  select
    t.tgrelid,
    t.tgname,
    t.tgtype,
    t.tgenabled in ('O', 'A') as fires,
    f.oid as function
  from pg_trigger t
  join audit_functions f on f.oid = t.tgfoid
  where not t.tgisinternal
),
events (bit, name) as (
  values (4, 'INSERT'), (16, 'UPDATE'), (8, 'DELETE')
),
gaps as (
  select
    format('%I.%I', n.nspname, c.relname) as object,
    e.name as event,
    (
      select min(t.tgname)
      from audit_triggers t
      where t.tgrelid = c.oid and t.tgtype & e.bit <> 0
    ) as asleep
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
  cross join events e
  where c.oid in (select tgrelid from audit_triggers)
    and not c.relispartition
    and not exists (
      select
      from audit_triggers t
      where t.tgrelid = c.oid and t.tgtype & e.bit <> 0 and t.fires
    )
)
select
  object,
  0 as absent,
  concat_ws(
    '; ',
    'no trigger writes ' || string_agg(event, ', ' order by event) filter (where asleep is null) || ' to the audit log',
    string_agg(format('%s is not written to it: the trigger %I does not fire', event, asleep), '; ' order by event)
      filter (where asleep is not null)
  ) as what,
  coalesce(
    string_agg(distinct format('alter table %s enable trigger %I;', object, asleep), ' ') filter (where asleep is not null),
    'Add the trigger to ' || object || ' that its other changes have.'
  ) as fix
from gaps
group by object
union all
select
  format('%I.%I()', nspname, proname),
  0,
  'no trigger calls this function of the audit',
  format('Create the triggers that call %I.%I(), or drop it.', nspname, proname)
from audit_functions f
where nspname <> all (current_setting('aisha_db.ignored_schemas')::text[])
  and not exists (select from pg_trigger t where t.tgfoid = f.oid)
union all
select
  place.name,
  0,
  'session_replication_role is replica there: neither triggers nor foreign keys work in its sessions',
  format('alter %s reset session_replication_role;', place.name)
from pg_db_role_setting s
cross join lateral (
  select case
    when s.setrole = 0 then 'database ' || quote_ident(current_database())
    when s.setdatabase = 0 then 'role ' || quote_ident(pg_get_userbyid(s.setrole))
    else format('role %I in database %I', pg_get_userbyid(s.setrole), current_database())
  end as name
) place
where s.setdatabase in (0, (select oid from pg_database where datname = current_database()))
  and 'session_replication_role=replica' = any (s.setconfig)
union all
select
  'database ' || quote_ident(current_database()),
  1,
  'nothing writes down who changed what: no trigger is one of an audit',
  'Write sensitive changes to an audit log, as migration 009 of the shipped schema does.'
where not exists (select from audit_functions)
  -- A database without tables has nothing to audit.
  and exists (
    select
    from pg_class c
    join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p') and n.nspname <> all (current_setting('aisha_db.ignored_schemas')::text[])
  )
order by absent, object;
