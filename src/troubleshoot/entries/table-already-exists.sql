-- Title: A table, view or index is there already
-- SQLSTATE: 42P07
-- Manual: 11.3
-- Matches:
-- - relation "{relation}" already exists
-- - Relation »{relation}« existiert bereits
-- - la relation « {relation} » existe déjà
-- - la relación «{relation}» ya existe
-- - la relazione "{relation}" esiste già
-- - отношение "{relation}" уже существует
-- - відношення "{relation}" вже існує
-- - relationen "{relation}" finns redan
-- - リレーション"{relation}"はすでに存在します
-- - "{relation}" 이름의 릴레이션(relation)이 이미 있습니다
-- - 关系 "{relation}" 已经存在
-- Causes:
-- - The migration ran before, by hand or in part, and is not in the ledger.
-- - An index or a sequence has the name: they share the names of tables.
-- Solutions:
-- - Make the migration idempotent: create table if not exists ..., create index if not exists ...; that does not
--   compare what is there, so look.
-- - Tell the ledger what is there already: aisha-db baseline --to NUMBER.

-- Check: What has this name?
-- Some: If this is what the migration wants, it has been applied.
-- None: Nothing has this name here: the error came from another database.
select n.nspname || '.' || c.relname as relation, c.relkind::text as kind, pg_catalog.pg_get_userbyid(c.relowner) as owner
from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.relname = :'relation' order by 1 limit 20;
