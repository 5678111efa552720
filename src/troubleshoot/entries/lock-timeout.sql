-- Title: A lock was not given in time
-- SQLSTATE: 55P03
-- Manual: none
-- Matches:
-- - canceling statement due to lock timeout
-- - could not obtain lock on relation "{relation}"
-- - could not obtain lock on row in relation "{relation}"
-- - storniere Anfrage wegen Zeitüberschreitung einer Sperre
-- Causes:
-- - A long transaction, or one that is left open, holds the table.
-- - Autovacuum against wraparound holds it; that one does not give way.
-- Solutions:
-- - Look who holds it, below, and end that session if nobody needs it: select pg_terminate_backend(PID);
-- - Run it again when less is going on: aisha-db migrate repeats a file by itself (lockRetries).

-- Check: Who holds what others wait for?
-- Some: These sessions are waited for now.
-- None: Nobody is waited for at the moment.
select b.pid, b.usename as role, b.application_name as application, b.state, date_trunc('second', now() - b.xact_start)::text as transaction_since,
  left(b.query, 80) as query
from pg_catalog.pg_stat_activity b
where b.pid in (select unnest(pg_catalog.pg_blocking_pids(pid)) from pg_catalog.pg_stat_activity) order by b.xact_start limit 20;
