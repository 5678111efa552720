-- Title: A schema does not exist
-- SQLSTATE: 3F000
-- Manual: none
-- Matches:
-- - schema "{schema}" does not exist
-- - no schema has been selected to create in
-- - Schema »{schema}« existiert nicht
-- - le schéma « {schema} » n'existe pas
-- - no existe el esquema «{schema}»
-- Causes:
-- - It was not created, or this is another database.
-- - search_path names no schema that exists.
-- Solutions:
-- - Create it: create schema ...; or set search_path.
-- - Look which database answers: aisha-db doctor.

-- Check: Which schemas are there?
-- Some: These are; search_path chooses among them.
-- None: 
select nspname as schema, nspname = any (pg_catalog.current_schemas(false)) as in_search_path from pg_catalog.pg_namespace where nspname !~ '^pg_' order by 1 limit 50;
