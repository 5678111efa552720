import type { Fault } from '../fault.ts';

export const fault: Fault = {
  summary: 'a table that is read from end to end again and again',
  manual: '10.3',
  plant: `
    do $$
    begin
      for i in 1 .. 1100 loop
        perform from daily_sales_metrics where total_revenue = -1;
      end loop;
    end
    $$`,
  evidence: `
    select relname as object
    from pg_stat_user_tables
    where schemaname = 'public' and seq_scan > 1000 and seq_tup_read >= 10 * seq_scan
    order by 1`,
};
