-- Title: The disk is full
-- SQLSTATE: 53100
-- Manual: 9.1
-- Matches:
-- - could not extend file "{file}": No space left on device
-- - No space left on device
-- - could not write to file "{file}"
-- - keine Speicherplatz mehr auf dem Gerät
-- Causes:
-- - Tables, WAL or temporary files have filled the disk.
-- - A replication slot that nobody reads keeps WAL.
-- Solutions:
-- - Look what is large: aisha-db capacity, aisha-db bloat; drop what nobody needs.
-- - VACUUM FULL needs room for a copy: not now.
-- - On Supabase enlarge the disk: Dashboard, Settings, Compute and Disk.

-- Check: What is large?
-- Some: These are the largest tables, with indexes.
-- None: 
select n.nspname || '.' || c.relname as relation, pg_catalog.pg_size_pretty(pg_catalog.pg_total_relation_size(c.oid)) as size
from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'm') order by pg_catalog.pg_total_relation_size(c.oid) desc limit 10;

-- Check: Do replication slots keep WAL?
-- Some: A slot that is not active keeps it for ever: drop it when nobody comes back.
-- None: No slot keeps any.
select slot_name, active, pg_catalog.pg_size_pretty(pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(), restart_lsn)) as keeps from pg_catalog.pg_replication_slots where not pg_catalog.pg_is_in_recovery() order by 1 limit 20;
