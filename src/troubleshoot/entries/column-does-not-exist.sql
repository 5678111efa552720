-- Title: A column does not exist
-- SQLSTATE: 42703
-- Manual: 11.1
-- Matches:
-- - column "{column}" does not exist
-- - column {column} does not exist
-- - column "{column}" of relation "{relation}" does not exist
-- - record "new" has no field "{column}"
-- - Spalte »{column}« existiert nicht
-- - la colonne « {column} » n'existe pas
-- - no existe la columna «{column}»
-- - la colonna "{column}" non esiste
-- - столбец "{column}" не существует
-- - стовпця "{column}" не існує
-- - kolumnen "{column}" existerar inte
-- - 列"{column}"は存在しません
-- - "{column}" 이름의 칼럼은 없습니다
-- - 字段 "{column}" 不存在
-- - la colonna "{column}" della relazione "{relation}" non esiste
-- - столбец "{column}" в таблице "{relation}" не существует
-- - стовпець "{column}" зв'язку "{relation}" не існує
-- - kolumn "{column}" i relation "{relation}" existerar inte
-- - リレーション"{relation}"の列"{column}"は存在しません
-- - "{column}" 칼럼은 "{relation}" 릴레이션(relation)에 없음
-- - 关系 "{relation}" 的 "{column}" 字段不存在
-- Causes:
-- - A migration is pending, or the column was renamed (tenant.tenant_id is tenant.slug since 052).
-- - A text was written in double quotes: "abc" is a name, 'abc' is a text.
-- - The name has capitals and was written without double quotes.
-- Solutions:
-- - Look what is pending: aisha-db status.
-- - In the views of statistics the columns are relname and indexrelname, not tablename and indexname.

-- Check: Which tables have such a column?
-- Some: These do; compare the spelling and the table.
-- None: No table has a column of that name.
select n.nspname || '.' || c.relname as relation, a.attname as "column", pg_catalog.format_type(a.atttypid, a.atttypmod) as type
from pg_catalog.pg_attribute a
join pg_catalog.pg_class c on c.oid = a.attrelid and c.relkind in ('r', 'p', 'v', 'm')
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where lower(a.attname) = lower(regexp_replace(:'column', '^.*\.', '')) and not a.attisdropped and n.nspname !~ '^(pg_|information_schema)'
order by 1 limit 20;
