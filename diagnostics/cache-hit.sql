-- Title: Most pages are found in memory
-- Category: capacity
-- Thresholds:
-- - info: percent <= 90 and bytes_read >= 10 GB
-- Metric: percent:percent
-- Message: {percent:percent} of the pages were found in the server's memory, {bytes_read:bytes} were read from outside of it
-- Remediation: See which queries read (aisha-db queries); more memory helps when what is read again and again does not fit.
-- Table:
-- - percent:percent as In memory
-- - bytes_read:bytes as Read
-- Why: The share says how it develops, not how it is: a report that reads all of a table lowers it, and the cache of the
--   system answers many reads.
-- Manual: 9.1

select
  'database' as object,
  100.0 * blks_hit / nullif(blks_hit + blks_read, 0) as percent,
  blks_read * current_setting('block_size')::integer as bytes_read
from pg_stat_database
where datname = current_database();
