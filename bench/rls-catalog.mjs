const SETTING = "nullif(current_setting(''app.current_tenant_id'', true), '''')::uuid";

/**
 * What a large database of tenants looks like: two thirds of the tables share one policy, a quarter have an expression
 * that no other table has (in a word alone, or in what is made of it as well), an eighth a policy for each command; in a fifth the tenant's column stands elsewhere. Each
 * hundredth is open, each fiftieth evaluates its setting per row.
 * @param onDatabase runs SQL in a new session: (database, sql) => Promise
 * @param unlike `words` or `expressions`: what the quarter differs in
 */
export async function makeCatalog(onDatabase, database, count, unlike = 'words') {
  const status = { words: 'status', expressions: 'lower(status)' }[unlike];
  await onDatabase('postgres', `create role authenticated`);
  await onDatabase('postgres', `create database ${database}`);
  await onDatabase(
    database,
    `create table tenant (id uuid primary key);
    insert into tenant select gen_random_uuid() from generate_series(1, 2);
    alter table tenant enable row level security; alter table tenant force row level security;
    create policy own on tenant using (id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));
    grant usage on schema public to authenticated`,
  );
  for (let first = 1; first <= count; first += 500) {
    // A transaction needs a lock for each table and index that it makes.
    await onDatabase(
      database,
      `do $do$
      declare
        own text := 'tenant_id = (select ${SETTING})';
      begin for i in ${first}..least(${first + 499}, ${count}) loop
        execute format('create table t_%1$s (
          id bigint primary key, %2$s tenant_id uuid not null references tenant, email text, status text, payload jsonb)',
          i, case when i % 5 = 0 then 'created_at timestamptz,' end);
        execute format('create index on t_%1$s (tenant_id)', i);
        execute format('alter table t_%1$s enable row level security', i);
        execute format('alter table t_%1$s force row level security', i);
        if i % 8 = 3 then
          execute format('create policy see on t_%1$s for select using (%2$s)', i, own);
          execute format('create policy add on t_%1$s for insert with check (%2$s)', i, own);
          execute format('create policy alter on t_%1$s for update using (%2$s)', i, own);
          execute format('create policy remove on t_%1$s for delete using (%2$s)', i, own);
        else
          execute format('create policy own on t_%1$s using (%2$s)', i, case
            when i % 100 = 0 then 'true'
            when i % 50 = 0 then 'tenant_id = ${SETTING}'
            when i % 4 = 1 then format('%s and ${status} is distinct from ''hidden %s''', own, i)
            else own end);
        end if;
        execute format('grant select, insert, update, delete on t_%1$s to authenticated', i);
      end loop; end $do$`,
    );
  }
  await onDatabase(database, 'analyze');
}
