-- Title: A constraint is there already
-- SQLSTATE: 42710
-- Manual: 11.3
-- Matches:
-- - constraint "{constraint}" for relation "{relation}" already exists
-- - Constraint »{constraint}« für Relation »{relation}« existiert bereits
-- - la contrainte « {constraint} » de la relation « {relation} » existe déjà
-- - policy "{constraint}" for table "{relation}" already exists
-- - trigger "{constraint}" for relation "{relation}" already exists
-- - type "{constraint}" already exists
-- - extension "{constraint}" already exists
-- - role "{constraint}" already exists
-- Causes:
-- - The migration ran before, by hand or in part, and is not in the ledger.
-- - Two migrations give one name to two things.
-- Solutions:
-- - Ask pg_constraint first, inside do $$ ... $$; constraints have no IF NOT EXISTS. For a table of its own: where
--   conrelid = 'TABLE'::regclass and conname = 'NAME'.
-- - Of a policy or a trigger: drop ... if exists, then create.
-- - Tell the ledger what is there already: aisha-db baseline --to NUMBER.

-- Check: What is the constraint now?
-- Some: If this is what the migration wants, it has been applied.
-- None: No constraint has this name here: it is a policy, a trigger or a type, or the error came from another database.
select conrelid::regclass::text as relation, conname as "constraint", pg_catalog.pg_get_constraintdef(oid) as definition, convalidated as valid
from pg_catalog.pg_constraint where conname = :'constraint' order by 1 limit 20;
