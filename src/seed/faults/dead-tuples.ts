import type { Fault } from '../fault.ts';

export const fault: Fault = {
  summary: 'dead rows that nobody vacuums away',
  manual: '10.2',
  foundBy: 'diagnose autovacuum-behind',
  plant: `
    alter table notifications set (autovacuum_enabled = false);
    insert into notifications (tenant_id, title, message)
    select t.id, 'short-lived', repeat('x', 100)
    from (select id from tenant order by id limit 1) t, generate_series(1, 20000);
    delete from notifications where title = 'short-lived'`,
  evidence: `
    select relname as object
    from pg_stat_user_tables
    where schemaname = 'public' and n_dead_tup > 1000 and n_dead_tup > 0.2 * n_live_tup
    order by 1`,
};
