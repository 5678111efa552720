-- Title: Nothing can be written
-- SQLSTATE: 25006
-- Manual: none
-- Matches:
-- - cannot execute {command} in a read-only transaction
-- - cannot set transaction read-write mode during recovery
-- - kann {command} nicht in einer Read-Only-Transaktion ausführen
-- - ne peut pas exécuter {command} dans une transaction en lecture seule
-- Causes:
-- - It is a replica.
-- - default_transaction_read_only is on: Supabase sets it when the disk is nearly full.
-- Solutions:
-- - Connect to the primary.
-- - Free space, then: set default_transaction_read_only = off; see aisha-db troubleshoot 53100.

-- Check: Why is it read-only?
-- Some: True in the first column: a replica. On in the second: a setting.
-- None: 
select pg_catalog.pg_is_in_recovery() as replica, current_setting('default_transaction_read_only') as read_only;
