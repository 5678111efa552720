-- Title: Checkpoints come by the clock
-- Category: capacity
-- Max-PG: 16
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
  checkpoints_timed + checkpoints_req as checkpoints,
  checkpoints_req as requested,
  100.0 * checkpoints_req / nullif(checkpoints_timed + checkpoints_req, 0) as requested_percent,
  to_char(stats_reset, 'YYYY-MM-DD HH24:MI') as since
from pg_stat_bgwriter;
