import type { Fault } from '../fault.ts';

export const fault: Fault = {
  summary: 'a table that changed much since it was analysed, where autovacuum is off',
  manual: '10.5',
  foundBy: 'diagnose stale-statistics',
  plant: `
    alter table cash_flow set (autovacuum_enabled = false);
    analyze cash_flow;
    insert into cash_flow (tenant_id, transaction_type, amount, category)
    select t.id, 'expense', n, 'imported'
    from (select id from tenant order by id limit 1) t, generate_series(1, 5000) n`,
  evidence: `
    select relname as object
    from pg_stat_user_tables
    where schemaname = 'public' and n_mod_since_analyze > 1000
      and (last_analyze is not null or last_autoanalyze is not null)
    order by 1`,
};
