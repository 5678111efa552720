-- Title: Changes are written to an audit log
-- Category: security
-- Thresholds:
-- - info: mild = 1
-- - warning: mild = 0
-- Message: {what}
-- Remediation: {fix}
-- Why: Sensitive operations belong into an audit log, and a trigger that is switched off for a bulk load is easily
--   forgotten. A trigger counts as one of the audit when its function is named so or inserts into what is named so. Of a
--   table that has one, each of INSERT, UPDATE (of whatever column) and DELETE needs one that fires in ordinary sessions,
--   on each of its partitions; TRUNCATE needs one where others than the owner may do it. Who sets
--   session_replication_role = replica, for a role, a database or the server, switches all of them off. The check goes by
--   the state of triggers and fires none; aisha-db security-check --prove does.
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
    -- UPDATE OF names columns: changes of others do not fire it.
    case when cardinality(t.tgattr::int2[]) > 0 then 16 else 0 end as partial,
    t.tgenabled in ('O', 'A') as fires,
    exists (select from pg_trigger up where up.oid = t.tgparentid and up.tgenabled in ('O', 'A')) as fires_above,
    f.oid as function
  from pg_trigger t
  join audit_functions f on f.oid = t.tgfoid
  -- Before PostgreSQL 15 the triggers of partitions that come from the partitioned table count as internal.
  where not t.tgisinternal or t.tgparentid <> 0
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
      where t.tgrelid = c.oid and t.tgtype & e.bit <> 0 and not t.fires
    ) as asleep,
    (
      select min(t.tgname)
      from audit_triggers t
      where t.tgrelid = c.oid and t.tgtype & e.bit <> 0 and t.fires and t.partial = e.bit
    ) as partial
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
  cross join events e
  where c.oid in (select tgrelid from audit_triggers)
    -- Row triggers of a partitioned table are kept, and switched off, partition by partition.
    and (not c.relispartition or exists (
      select
      from audit_triggers t
      where t.tgrelid = c.oid and t.tgtype & e.bit <> 0 and not t.fires and t.fires_above
    ))
    and not exists (
      select
      from audit_triggers t
      where t.tgrelid = c.oid and t.tgtype & e.bit <> 0 and t.fires and t.partial <> e.bit
    )
),
-- Whom the owner lets empty a table of which no trigger writes it down; a superuser needs no leave.
emptied as (
  select
    format('%I.%I', n.nspname, c.relname) as object,
    string_agg(distinct case a.grantee when 0 then 'public' else quote_ident(pg_get_userbyid(a.grantee)) end, ', ') as roles
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
  cross join aclexplode(c.relacl) a
  where c.relkind in ('r', 'p')
    and c.oid in (select tgrelid from audit_triggers)
    and a.privilege_type = 'TRUNCATE'
    and a.grantee <> c.relowner
    and not exists (select from audit_triggers t where t.tgrelid = c.oid and t.tgtype & 32 <> 0 and t.fires)
  group by n.nspname, c.relname
)
select
  object,
  object as key,
  0 as mild,
  concat_ws(
    '; ',
    'no trigger writes ' || string_agg(event, ', ' order by event) filter (where asleep is null and partial is null)
      || ' to the audit log',
    string_agg(distinct format('the trigger %I, which writes %s to the audit log, does not fire', asleep, events), '; ')
      filter (where asleep is not null),
    string_agg(format('the trigger %I writes %s of some columns only to the audit log', partial, event), '; ' order by event)
      filter (where asleep is null and partial is not null)
  ) as what,
  coalesce(
    string_agg(distinct format('alter table %s enable trigger %I;', object, asleep), ' ') filter (where asleep is not null),
    'Let a trigger of the audit fire on ' || object || ' for '
      || string_agg(event || case when partial is null then '' else ' of whatever column' end, ', ' order by event) || '.'
  ) as fix
from (
  select g.*, string_agg(event, ', ') over (
    partition by object, asleep order by event rows between unbounded preceding and unbounded following
  ) as events
  from gaps g
) g
group by object
union all
select
  object,
  object || ' TRUNCATE',
  1,
  format('%s may TRUNCATE it, which no trigger writes to the audit log', roles),
  format('revoke truncate on table %s from %s;', object, roles)
from emptied
union all
select
  format('%I.%I()', nspname, proname),
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
  'the server',
  'the server',
  0,
  'session_replication_role is replica in its configuration: neither triggers nor foreign keys work in any session',
  'alter system reset session_replication_role; select pg_reload_conf();'
from pg_settings
where name = 'session_replication_role' and setting = 'replica' and source in ('configuration file', 'command line')
union all
select
  'database ' || quote_ident(current_database()),
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
order by mild, object, what;
