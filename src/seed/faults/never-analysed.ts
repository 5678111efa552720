import type { Fault } from '../fault.ts';

export const fault: Fault = {
  summary: 'a table with rows that was never analysed',
  manual: '10.5',
  foundBy: 'diagnose never-analysed',
  plant: `
    create table if not exists "fault Never </script> analysed" (
      id uuid primary key,
      tenant_id uuid not null references tenant (id) on delete cascade,
      note text
    ) with (autovacuum_enabled = false);
    create index if not exists fault_never_analysed_tenant on "fault Never </script> analysed" (tenant_id);
    select apply_tenant_rls('"fault Never </script> analysed"');
    alter table "fault Never </script> analysed" no force row level security;
    insert into "fault Never </script> analysed"
    select md5('note ' || n)::uuid, t.id, 'note ' || n
    from (select id from tenant order by id limit 1) t, generate_series(1, 3000) n
    on conflict do nothing;
    alter table "fault Never </script> analysed" force row level security`,
  evidence: `
    select relname as object
    from pg_stat_user_tables
    where schemaname = 'public' and n_live_tup > 1000 and last_analyze is null and last_autoanalyze is null
    order by 1`,
};
