-- Id: checkpoint-pressure
-- Title: Checkpoints come by the clock
-- Category: capacity
-- Min-PG: 17
-- Thresholds:
-- - info: requested_percent >= 50 and requested >= 30
-- Metric: requested_percent:percent
-- Message: {requested:count} of {checkpoints:count} checkpoints since {since} came because too much was written
-- Remediation: Raise max_wal_size until most checkpoints come by the clock.
-- Table:
-- - checkpoints:count as Checkpoints
-- - requested:count as Requested
-- - requested_percent:percent as Of all
-- Why: A checkpoint writes every changed page, and afterwards each page is written whole into the log once more. The more
--   often, the more is written. Copies of databases ask for them as well.
-- Manual: 9.1

select
  'checkpoints' as object,
  num_timed + num_requested as checkpoints,
  num_requested as requested,
  100.0 * num_requested / nullif(num_timed + num_requested, 0) as requested_percent,
  to_char(stats_reset, 'YYYY-MM-DD HH24:MI') as since
from pg_stat_checkpointer;
