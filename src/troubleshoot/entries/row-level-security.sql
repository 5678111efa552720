-- Title: Row-level security refuses a row
-- SQLSTATE: 42501
-- Manual: 11.4
-- Matches:
-- - new row violates row-level security policy for table "{relation}"
-- - new row violates row-level security policy "{policy}" for table "{relation}"
-- - query would be affected by row-level security policy for table "{relation}"
-- - neue Zeile verletzt Policy für Sicherheit auf Zeilenebene für Tabelle »{relation}«
-- - la nuova riga viola la regola di sicurezza per riga per la tabella "{relation}"
-- - новая строка нарушает политику защиты на уровне строк для таблицы "{relation}"
-- - новий рядок порушує політику захисту на рівні рядків для таблиці "{relation}"
-- - ny rad bryter mot radsäkerhetspolicy i tabell "{relation}"
-- - 新しい行はテーブル"{relation}"の行レベルセキュリティポリシに違反しています
-- - 새 자료가 "{relation}" 테이블의 로우 단위 보안 정책을 위반했습니다.
-- - 新行违背了表"{relation}"的行级安全策略
-- - la nuova riga viola la regola di sicurezza per riga "{policy}" per la tabella "{relation}"
-- - новая строка нарушает политику защиты на уровне строк "{policy}" для таблицы "{relation}"
-- - новий рядок порушує політику захисту на рівні рядків "{policy}" для таблиці "{relation}"
-- - ny rad bryter mot radsäkerhetspolicy "{policy}" i tabell "{relation}"
-- - 新しい行はテーブル"{relation}"行レベルセキュリティポリシ"{policy}"に違反しています
-- - 새 자료가 "{policy}" 로우 단위 보안 정책을 위반했습니다, 해당 테이블: "{relation}"
-- - 新行违背了表"{relation}"的行级安全性策略"{policy}"
-- - la query sarebbe influenzata dalla regola di sicurezza per riga pre la tabella "{relation}"
-- - запрос будет ограничен политикой безопасности на уровне строк для таблицы "{relation}"
-- - запит буде обмежений політикою безпеки на рівні рядків для таблиці "{relation}"
-- - frågan påverkas av radsäkerhetspolicyn för tabell "{relation}"
-- - 問い合わせはテーブル"{relation}"に対する行レベルセキュリティポリシの影響を受けます
-- - "{relation}" 테이블의 로우 단위 보안 정책에 의해 쿼리가 영향을 받음
-- - 查询将被表 "{relation}" 的行级安全性策略所影响
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
