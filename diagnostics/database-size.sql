-- Title: Size of the database
-- Category: capacity
-- Metric: bytes:bytes
-- Table:
-- - database as Database
-- - bytes:bytes as Size
-- - tables:count as Tables
-- - indexes:count as Indexes
-- - temporary:bytes as Temporary files written
-- - since as Since (UTC)
-- Why: What the database takes on disk, all of it, and what queries wrote beside it because work_mem did not hold it. How
--   the size grows is told by runs that are kept: diagnose --save, later --trend.
-- Manual: 9.1, 8.5

select
  'the database' as object,
  d.datname::text as "database",
  pg_database_size(d.datid) as bytes,
  (select count(*) from pg_class where relkind in ('r', 'm', 'p')) as tables,
  (select count(*) from pg_class where relkind in ('i', 'I')) as indexes,
  d.temp_bytes as temporary,
  coalesce(to_char(d.stats_reset, 'YYYY-MM-DD HH24:MI'), 'not known') as since
from pg_stat_database d
where d.datname = current_database();
