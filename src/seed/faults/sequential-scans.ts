import type { Fault } from '../fault.ts';

export const fault: Fault = {
  summary: 'a large table that is read from end to end again and again',
  manual: '10.3',
  foundBy: 'diagnose sequential-scans',
  // 12,000 rows of 800 bytes: more than 8 MB, and ten million rows read, below which a look through is no fault. The condition costs nothing and has no index.
  plant: `
    insert into performance_logs (tenant_id, endpoint, method, duration, status_code, error)
    select t.id, '/api/reports', 'GET', n, 500, repeat('timeout ', 90)
    from (select id from tenant order by id limit 1) t, generate_series(1, 12000) n
    where not exists (select from performance_logs where error like 'timeout timeout %');
    analyze performance_logs;
    set local max_parallel_workers_per_gather = 0;
    do $$
    begin
      for i in 1 .. 1000 loop
        perform from performance_logs where tableoid = 0;
      end loop;
    end
    $$`,
  evidence: `
    select relname as object
    from pg_stat_user_tables
    where schemaname = 'public' and seq_scan >= 1000 and seq_tup_read >= 10000 * seq_scan
    order by 1`,
};
