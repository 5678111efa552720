-- Title: No prepared transaction was forgotten
-- Category: connections
-- Thresholds:
-- - warning: seconds >= 5 min
-- - critical: seconds >= 1 h
-- Metric: seconds:duration
-- Message: {object} was prepared {seconds:duration} ago and not finished; it outlives its session and a restart, with all
--   its locks
-- Remediation: rollback prepared {gid};
-- Why: The first half of a two-phase commit waits for its second half for ever. Whoever prepared it has gone, or forgot.
-- Manual: none

select
  format('prepared transaction %s of %s', quote_literal(p.gid), p.owner) as object,
  quote_literal(p.gid) as gid,
  extract(epoch from clock_timestamp() - p.prepared)::float8 as seconds
from pg_prepared_xacts p
where p.database = current_database()
order by seconds desc;
