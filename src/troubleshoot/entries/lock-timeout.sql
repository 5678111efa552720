-- Title: A lock was not given in time
-- SQLSTATE: 55P03
-- Manual: none
-- Matches:
-- - canceling statement due to lock timeout
-- - could not obtain lock on relation "{relation}"
-- - could not obtain lock on row in relation "{relation}"
-- - storniere Anfrage wegen Zeitüberschreitung einer Sperre
-- - annullamento dell'istruzione a causa di timeout di lock
-- - выполнение оператора отменено из-за тайм-аута блокировки
-- - виконання оператора скасовано через тайм-аут блокування
-- - avbryter sats på grund av lås-timeout
-- - ロックのタイムアウトのためステートメントをキャンセルしています
-- - 잠금 대기 시간 초과로 작업을 취소합니다.
-- - 由于锁超时，取消语句操作
-- - lock della relazione "{relation}" fallito
-- - не удалось получить блокировку таблицы "{relation}"
-- - не вдалося отримати блокування зв'язку "{relation}"
-- - kunde inte ta lås på relationen "{relation}"
-- - リレーション"{relation}"のロックを取得できませんでした
-- - "{relation}" 릴레이션의 잠금 정보를 구할 수 없음
-- - 无法在关系 "{relation}" 上获得锁
-- - lock di riga nella relazione "{relation}" fallito
-- - не удалось получить блокировку строки в таблице "{relation}"
-- - не вдалося отримати блокування у рядку стосовно "{relation}"
-- - kunde inte låsa rad i relationen "{relation}"
-- - リレーション"{relation}"の行ロックを取得できませんでした
-- - 无法在关系 "{relation}"中的记录上获得锁
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
