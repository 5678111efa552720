-- Title: Statistics of statements are complete
-- Category: queries
-- Thresholds:
-- - info: dropped >= 1
-- - warning: dropped >= 100000
-- Needs:
-- - extension pg_stat_statements
-- Min-PG: 14
-- Metric: dropped:count
-- Message: pg_stat_statements let go of statements {dropped:count} times since {since}: it holds {held:count} of at most
--   {most:count}, and what was seldom asked is missing
-- Remediation: alter system set pg_stat_statements.max = {proposed}; and restart the server; or find who writes values
--   into the text of statements.
-- Why: When there are more kinds of statements than it has room for, the rarest are dropped with their counters, again and
--   again. Then what it says of slow and frequent ones is not the whole.
-- Manual: 9.2

select
  'pg_stat_statements' as object,
  i.dealloc as dropped,
  to_char(i.stats_reset, 'YYYY-MM-DD HH24:MI') as since,
  (select count(*) from pg_stat_statements(false)) as held,
  current_setting('pg_stat_statements.max')::integer as most,
  2 * current_setting('pg_stat_statements.max')::integer as proposed
from pg_stat_statements_info i;
