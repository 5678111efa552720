-- Title: Row-level security refuses a row
-- SQLSTATE: 42501
-- Manual: 11.4
-- Matches:
-- - new row violates row-level security policy for table "{relation}"
-- - new row violates row-level security policy "{policy}" for table "{relation}"
-- - query would be affected by row-level security policy for table "{relation}"
-- - neue Zeile verletzt Policy für Sicherheit auf Zeilenebene für Tabelle »{relation}«
-- Causes:
-- - app.current_tenant_id is not set in this session, or is another tenant than that of the row.
-- - The policy has no WITH CHECK for this command.
-- - Behind a transaction pooler the setting went to another session: set it with SET LOCAL inside the transaction.
-- - FORCE ROW LEVEL SECURITY binds the owner of the table as well: the bypass is the BYPASSRLS attribute of the
--   role.
-- Solutions:
-- - Set the tenant in the transaction: set local app.current_tenant_id = 'UUID'; a slug is no tenant: aisha-db
--   tenant resolve SLUG.
-- - Prove the policies in a transaction that is rolled back: aisha-db rls-check --prove. Never disable row-level
--   security on a live database to test.
-- - What is meant to see every tenant logs in as a role with BYPASSRLS (service_role).

-- Check: What does this session say about itself?
-- Some: These are the tenant, the role, and whether policies bind it.
-- None: 
select coalesce(nullif(current_setting('app.current_tenant_id', true), ''), '(not set)') as current_tenant,
  current_user as role, rolsuper or rolbypassrls as bypasses_rls
from pg_catalog.pg_roles where rolname = current_user;

-- Check: Which policies does the table have?
-- Some: Each row has to be let through by one of them.
-- None: There is no policy: nobody but a role with BYPASSRLS sees or writes a row.
select p.schemaname || '.' || p.tablename as relation, p.policyname as policy, p.cmd, p.roles::text, p.qual, p.with_check
from pg_catalog.pg_policies p
where p.tablename = :'relation' or p.schemaname || '.' || p.tablename = :'relation'
order by 1, 2 limit 50;
