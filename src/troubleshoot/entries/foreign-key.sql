-- Title: A reference finds nothing, or is still needed
-- SQLSTATE: 23503
-- Manual: 11.5
-- Matches:
-- - insert or update on table "{relation}" violates foreign key constraint "{constraint}"
-- - update or delete on table "{relation}" violates foreign key constraint "{constraint}"
-- - Einfügen oder Aktualisieren in Tabelle »{relation}« verletzt Fremdschlüssel-Constraint »{constraint}«
-- - une instruction insert ou update sur la table « {relation} » viole la contrainte de clé étrangère « {constraint}
--   »
-- - inserción o actualización en la tabla «{relation}» viola la llave foránea «{constraint}»
-- Causes:
-- - The row that is referred to does not exist, is of another tenant and hidden, or is inserted later in the same
--   script.
-- - A row that is to be deleted is still referred to.
-- - A constraint is added while orphaned rows are there.
-- Solutions:
-- - Insert parents before children.
-- - Find orphaned rows and mend them in batches: aisha-db orphans.
-- - Add the constraint as NOT VALID, mend the rows, then alter table ... validate constraint ...;

-- Check: What does the key refer to?
-- Some: Rows of the first table need their row in the second.
-- None: There is no such key in this database: it is another one than the error came from.
select conrelid::regclass::text as "table", confrelid::regclass::text as refers_to, pg_catalog.pg_get_constraintdef(oid) as definition, convalidated as valid
from pg_catalog.pg_constraint where conname = :'constraint' and contype = 'f' order by 1 limit 20;
