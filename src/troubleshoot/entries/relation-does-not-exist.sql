-- Title: A table or view does not exist
-- SQLSTATE: 42P01
-- Manual: 11.1
-- Matches:
-- - relation "{relation}" does not exist
-- - Relation »{relation}« existiert nicht
-- - la relation « {relation} » n'existe pas
-- - no existe la relación «{relation}»
-- - la relazione "{relation}" non esiste
-- - отношение "{relation}" не существует
-- - відношення "{relation}" не існує
-- - relationen "{relation}" existerar inte
-- - リレーション"{relation}"は存在しません
-- - "{relation}" 이름의 릴레이션(relation)이 없습니다
-- - 关系 "{relation}" 不存在
-- Causes:
-- - The table was not created yet: a migration is pending.
-- - It is another database: a local PostgreSQL, or the project for development, is looked at while the data is on
--   Supabase. This is the most common mistake.
-- - It is in another schema than the search path names.
-- - Its name was written with capitals in double quotes when it was made, or differs by a plural s (employees is
--   employee since 051).
-- Solutions:
-- - Look which database answers: aisha-db doctor says whether it is local or Supabase, and which project.
-- - Look what is pending, then apply it: aisha-db status, aisha-db migrate.
-- - Write the schema before the name, or the name in double quotes as it is shown below.

-- Check: Is there such a table, and in which schema?
-- Some: It is there: write it with its schema, as shown, or look at search_path.
-- None: No schema has a table of that name: it was not created, or this is another database.
select n.nspname || '.' || c.relname as relation,
  case c.relkind when 'r' then 'table' when 'p' then 'partitioned table' when 'v' then 'view' when 'm' then 'materialized view'
    when 'f' then 'foreign table' else c.relkind::text end as kind,
  n.nspname = any (pg_catalog.current_schemas(false)) as in_search_path
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p', 'v', 'm', 'f')
  and (lower(c.relname) = lower(:'relation') or lower(n.nspname || '.' || c.relname) = lower(:'relation')
    or lower(c.relname) in (lower(:'relation') || 's', regexp_replace(lower(:'relation'), 's$', '')))
order by 1 limit 20;

-- Check: Which database answers here?
-- Some: This is the one that was asked: compare it with the one you mean.
-- None: 
select current_database() as database, current_user as role, coalesce(host(inet_server_addr()), 'socket') as server, current_setting('search_path') as search_path;
