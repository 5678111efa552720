-- Title: Nobody but a replica's login reads the stream of changes
-- Category: security
-- Thresholds:
-- - info: writes = 0
-- - warning: writes = 1
-- Message: {object} can log in and {power}: a base backup or logical decoding gives it every tenant's rows, whatever is
--   granted{also}
-- Remediation: {fix}
-- Why: REPLICATION is past every privilege and policy: a base backup copies the whole cluster, and logical decoding, for
--   which an ordinary session will do, tells every row that is written to any table. It belongs to a login that does
--   nothing else, that of a replica or of a tool for backups or changes: declare that one an exception, by a mute or with
--   the severity of the check. Who may take such a role with SET ROLE counts as well. Superusers are told by
--   privileged-login; the roles of Supabase's platform are left out. Whom pg_hba.conf lets in for base backups only
--   pg-hba-rule could say.
-- Manual: 12.4

with logins as materialized (
  select r.oid, r.rolname, r.rolreplication
  from pg_roles r
  where r.rolcanlogin
    and not r.rolsuper
    and not (
      r.rolname ~ '^(postgres|supabase_.*|pgbouncer|authenticator|dashboard_user|cli_login_.*)$'
      and exists (select from pg_roles where rolname = 'supabase_admin')
    )
),
-- A superuser that somebody may become is a superuser's login.
given as (
  select l.oid, l.rolname, 'has REPLICATION' as power, format('alter role %I noreplication;', l.rolname) as fix
  from logins l
  where l.rolreplication
  union all
  select
    l.oid,
    l.rolname,
    'may become ' || string_agg(distinct quote_ident(g.rolname), ', ') || ', with REPLICATION',
    string_agg(distinct format('revoke %I from %I;', door.rolname, l.rolname), ' ')
  from logins l
  join pg_roles g
    on g.rolreplication
    and not g.rolsuper
    and g.oid <> l.oid
    and pg_has_role(
      l.oid,
      g.oid,
      case when current_setting('server_version_num')::int < 160000 then 'MEMBER' else 'SET' end
    )
  -- The memberships of its own that lead there.
  join pg_auth_members m on m.member = l.oid
  join pg_roles door on door.oid = m.roleid and (door.oid = g.oid or pg_has_role(door.oid, g.oid, 'member'))
  where not l.rolreplication
  group by l.oid, l.rolname
),
judged as (
  select
    v.*,
    case when exists (
      select
      from pg_class c
      join pg_namespace n on n.oid = c.relnamespace
      where c.relkind in ('r', 'p')
        and n.nspname <> all (current_setting('aisha_db.ignored_schemas')::text[])
        and has_table_privilege(v.oid, c.oid, 'insert, update, delete')
    ) then 1 else 0 end as writes
  from given v
)
select
  quote_ident(rolname) as object,
  writes,
  power,
  case writes when 1 then '; it also writes to tables here, as no replica does' else '' end as also,
  fix
from judged
order by writes desc, object;
