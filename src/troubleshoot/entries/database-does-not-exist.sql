-- Title: The database does not exist
-- SQLSTATE: 3D000
-- Manual: 11.2
-- Matches:
-- - database "{database}" does not exist
-- - Datenbank »{database}« existiert nicht
-- - la base de données « {database} » n'existe pas
-- - no existe la base de datos «{database}»
-- Causes:
-- - The name in the connection string is wrong; on Supabase it is postgres.
-- - It is another server.
-- Solutions:
-- - Correct the name, or create it: createdb NAME. aisha-db doctor says which server answers.

-- Check: Which databases has this server?
-- Some: These.
-- None: 
select datname as database, pg_catalog.pg_get_userbyid(datdba) as owner from pg_catalog.pg_database where datallowconn order by 1 limit 50;
