-- Title: A column is there already
-- SQLSTATE: 42701
-- Manual: 11.3
-- Matches:
-- - column "{column}" of relation "{relation}" already exists
-- - Spalte »{column}« von Relation »{relation}« existiert bereits
-- - la colonne « {column} » de la relation « {relation} » existe déjà
-- - ya existe la columna «{column}» en la relación «{relation}»
-- - la colonna "{column}" della relazione "{relation}" esiste già
-- - столбец "{column}" отношения "{relation}" уже существует
-- - стовпець "{column}" відношення "{relation}" вже існує
-- - kolumn "{column}" i relation "{relation}" finns redan
-- - リレーション"{relation}"の列"{column}"はすでに存在します
-- - "{column}" 이름의 칼럼은 "{relation}" 릴레이션에 이미 있습니다
-- - 关系 "{column}" 的属性 "{relation}" 已经存在
-- Causes:
-- - The migration ran before, by hand or in part, and is not in the ledger.
-- Solutions:
-- - Make the migration idempotent: alter table ... add column if not exists ...; it does not compare the type, look
--   at it below.
-- - Tell the ledger what is there already: aisha-db baseline --to NUMBER.

-- Check: What is the column now?
-- Some: If this is what the migration wants, it has been applied.
-- None: There is no such column here: the error came from another database.
select n.nspname || '.' || c.relname as relation, a.attname as "column", pg_catalog.format_type(a.atttypid, a.atttypmod) as type,
  a.attnotnull as not_null, pg_catalog.pg_get_expr(d.adbin, d.adrelid) as "default"
from pg_catalog.pg_attribute a
join pg_catalog.pg_class c on c.oid = a.attrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
left join pg_catalog.pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
where a.attname = :'column' and c.relname = :'relation' and not a.attisdropped
order by 1 limit 20;
