-- Title: There is no room for another connection
-- SQLSTATE: 53300
-- Manual: 11.2
-- Matches:
-- - remaining connection slots are reserved for non-replication superuser connections
-- - remaining connection slots are reserved for roles with
-- - sorry, too many clients already
-- - too many connections for role "{role}"
-- - too many connections for database "{database}"
-- - MaxClientsInSessionMode: max clients reached
-- - tut mir leid, schon zu viele Verbindungen
-- - désolé, trop de clients sont déjà connectés
-- - lo siento, ya tenemos demasiados clientes
-- Causes:
-- - Pools of several instances together ask for more than max_connections.
-- - Sessions are left idle, or idle in a transaction.
-- - The session pooler of Supabase has as many clients as its pool.
-- Solutions:
-- - Look who holds them: aisha-db connections; end those that are idle in a transaction, not those of the pooler.
-- - Make the pools smaller: instances times pool size has to stay below max_connections. The manual's backend has
--   20.
-- - Send short transactions through the transaction pooler (port 6543), migrations and dumps never.
-- - Raise max_connections; on Supabase: Dashboard, Settings, Database, or a larger tier.

-- Check: Who holds the connections?
-- Some: These are in use now, by role and state.
-- None: 
select coalesce(usename::text, '(background)') as role, coalesce(application_name, '') as application, coalesce(state, '') as state, count(*) as sessions,
  date_trunc('second', max(now() - state_change))::text as longest
from pg_catalog.pg_stat_activity where backend_type = 'client backend'
group by 1, 2, 3 order by sessions desc limit 20;

-- Check: How many may there be?
-- Some: This is the limit of the server, and what it keeps for superusers.
-- None: 
select current_setting('max_connections') as max_connections, current_setting('superuser_reserved_connections') as reserved;
