-- Title: Transaction ids are running out
-- SQLSTATE: 54000
-- Manual: none
-- Matches:
-- - database is not accepting commands to avoid wraparound data loss in database "{database}"
-- - database is not accepting commands that assign new transaction IDs
-- - database "{database}" must be vacuumed within {count} transactions
-- Causes:
-- - VACUUM could not freeze old rows for very long: a transaction, a replication slot or a prepared transaction
--   holds it back.
-- Solutions:
-- - End what holds it back: aisha-db diagnose vacuum-horizon transaction-id-age.
-- - Then VACUUM the oldest tables as their owner; single-user mode is not needed since PostgreSQL 14.

-- Check: How old are the oldest?
-- Some: 2,100 million is the end.
-- None: 
select datname as database, pg_catalog.age(datfrozenxid) as age from pg_catalog.pg_database order by 2 desc limit 10;
