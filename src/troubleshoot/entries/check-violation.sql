-- Title: A value is not allowed
-- SQLSTATE: 23514
-- Manual: none
-- Matches:
-- - new row for relation "{relation}" violates check constraint "{constraint}"
-- - check constraint "{constraint}" of relation "{relation}" is violated by some row
-- - no partition of relation "{relation}" found for row
-- - neue Zeile für Relation »{relation}« verletzt Check-Constraint »{constraint}«
-- - la nouvelle ligne de la relation « {relation} » viole la contrainte de vérification « {constraint} »
-- Causes:
-- - The value is outside of what the constraint allows (leads.status, opportunities.probability 0 to 100).
-- - A partition for the value was not created.
-- Solutions:
-- - Look at the definition below and correct the value.
-- - Create the partition before the rows come.

-- Check: What does the constraint demand?
-- Some: Every row has to satisfy this.
-- None: There is no such constraint in this database.
select conrelid::regclass::text as relation, pg_catalog.pg_get_constraintdef(oid) as definition from pg_catalog.pg_constraint where conname = :'constraint' order by 1 limit 20;
