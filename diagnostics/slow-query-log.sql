-- Title: Slow statements are written to the log
-- Category: queries
-- Severity: info
-- Message: {state}: what is slow for one call and fast on average is seen nowhere
-- Remediation: alter database {database} set log_min_duration_statement = '1s'; where that is refused, set it for the
--   server, or on the settings page of the platform.
-- Why: pg_stat_statements only knows sums. The log has the single call, with its values and its time. Some platforms let
--   nobody but themselves change it.
-- Manual: 9.4

select
  'setting log_min_duration_statement' as object,
  'no statement is logged for being slow' as state,
  quote_ident(current_database()) as database
where current_setting('log_min_duration_statement')::interval < interval '0'
  and current_setting('log_min_duration_sample')::interval < interval '0';
