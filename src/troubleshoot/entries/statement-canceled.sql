-- Title: A statement was cancelled
-- SQLSTATE: 57014
-- Manual: none
-- Matches:
-- - canceling statement due to statement timeout
-- - canceling statement due to user request
-- - storniere Anfrage wegen Zeitüberschreitung der Anfrage
-- - annulation de la requête à cause du délai écoulé
-- - cancelando la sentencia debido a que se agotó el tiempo de espera de sentencias
-- Causes:
-- - statement_timeout is shorter than the statement needs; Supabase sets it per role (anon 3 s, authenticated 8 s).
-- - Somebody cancelled it.
-- Solutions:
-- - Find out why it is slow: aisha-db queries.
-- - Long work belongs on port 5432 as a role with a longer limit: set statement_timeout = '10min'; for one session.

-- Check: Which limits hold for which role?
-- Some: These are the roles with a limit of their own.
-- None: No role has a limit of its own; the server's holds for all.
select r.rolname as role, s.setting
from pg_catalog.pg_roles r, unnest(r.rolconfig) s (setting) where s.setting like '%timeout%' order by 1, 2 limit 30;
