import type { Fault } from '../fault.ts';

export const fault: Fault = {
  summary: 'a table and its indexes that are mostly empty pages, also after a vacuum',
  manual: '10.4',
  foundBy: 'diagnose table-bloat',
  inRows: true,
  plant: `
    insert into system_logs (tenant_id, message, source, created_at)
    select t.id, repeat('filler ', 30), 'seed ' || n % 20, timestamptz '2025-01-01 00:00Z' + n * interval '1 minute'
    from (select id from tenant order by id limit 1) t, generate_series(1, 40000) n;
    delete from system_logs where source like 'seed %' and source <> 'seed 0'`,
  outside: [{ sql: 'vacuum (analyze) public.system_logs' }],
  // What the rows need by their average width, beside what they take: at least 50 pages, and five times too many.
  evidence: `
    select c.relname as object
    from pg_class c
    join (select tablename, sum((1 - null_frac) * avg_width) as width from pg_stats where schemaname = 'public' group by 1) s
      on s.tablename = c.relname
    where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' and c.relpages > 50
      and c.relpages > 5 * ceil(greatest(c.reltuples, 1) * (s.width + 32) / 8192)
    union all
    select x.relname
    from pg_class x
    join pg_index i on i.indexrelid = x.oid
    join pg_class c on c.oid = i.indrelid
    join pg_am m on m.oid = x.relam and m.amname = 'btree'
    where x.relnamespace = 'public'::regnamespace and x.relpages > 50
      and x.relpages > 5 * ceil(greatest(c.reltuples, 1) * 48 / 8192)
    order by 1`,
};
