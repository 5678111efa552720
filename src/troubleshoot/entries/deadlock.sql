-- Title: Two transactions wait for each other
-- SQLSTATE: 40P01
-- Manual: none
-- Matches:
-- - deadlock detected
-- - Verkettung blockiert: deadlock entdeckt
-- - interblocage (deadlock) détecté
-- - se ha detectado un deadlock
-- - rilevato deadlock
-- - обнаружена взаимоблокировка
-- - виявлено взаємне блокування
-- - deadlock upptäckt
-- - デッドロックを検出しました
-- - deadlock 발생했음
-- - 检测到死锁
-- Causes:
-- - They lock the same rows or tables in another order.
-- Solutions:
-- - Run the transaction again: the other one is done now.
-- - Lock in the same order everywhere, keep transactions short, change large tables in batches sorted by their key.

-- Check: Who waits for whom now?
-- Some: The deadlock itself is over; these wait at the moment.
-- None: Nobody waits at the moment.
select a.pid, pg_catalog.pg_blocking_pids(a.pid)::text as blocked_by, date_trunc('second', now() - a.xact_start)::text as since, left(a.query, 80) as query
from pg_catalog.pg_stat_activity a where cardinality(pg_catalog.pg_blocking_pids(a.pid)) > 0 order by a.xact_start limit 20;
