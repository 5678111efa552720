-- Title: A right is missing
-- SQLSTATE: 42501
-- Manual: 11.1
-- Matches:
-- - permission denied for table {relation}
-- - permission denied for relation {relation}
-- - permission denied for view {relation}
-- - permission denied for schema {schema}
-- - permission denied for sequence {relation}
-- - permission denied for function {function}
-- - permission denied for database {database}
-- - must be owner of table {relation}
-- - must be owner of {object}
-- - keine Berechtigung für Tabelle {relation}
-- - droit refusé pour la table {relation}
-- - permiso denegado a la tabla {relation}
-- - permesso negato per la tabella {relation}
-- - нет доступа к таблице {relation}
-- - немає дозволу для таблиці {relation}
-- - rättighet saknas för tabell {relation}
-- - テーブル {relation} へのアクセスが拒否されました
-- - {relation} 테이블에 대한 접근 권한 없음
-- - 对表 {relation} 权限不够
-- - permesso negato per la vista {relation}
-- - нет доступа к представлению {relation}
-- - немає дозволу для подання {relation}
-- - rättighet saknas för vy {relation}
-- - ビュー {relation} へのアクセスが拒否されました
-- - {relation} 뷰에 대한 접근 권한 없음
-- - 对视图 {relation} 权限不够
-- - permesso negato per lo schema {schema}
-- - нет доступа к схеме {schema}
-- - немає дозволу для схеми {schema}
-- - rättighet saknas för schema {schema}
-- - スキーマ {schema} へのアクセスが拒否されました
-- - {schema} 스키마(schema) 접근 권한 없음
-- - 对模式 {schema} 权限不够
-- - permesso negato per la sequenza {relation}
-- - нет доступа к последовательности {relation}
-- - немає дозволу для послідовності {relation}
-- - rättighet saknas för sekvens {relation}
-- - シーケンス {relation} へのアクセスが拒否されました
-- - {relation} 시퀀스 접근 권한 없음
-- - 对于序列 {relation}, 权限不够
-- - permesso negato per la funzione {function}
-- - нет доступа к функции {function}
-- - немає дозволу для функції {function}
-- - rättighet saknas för funktion {function}
-- - 関数 {function} へのアクセスが拒否されました
-- - {function} 함수 접근 권한 없음
-- - 对函数 {function} 权限不够
-- - permesso negato per il database {database}
-- - нет доступа к базе данных {database}
-- - немає доступу для бази даних {database}
-- - rättighet saknas för databas {database}
-- - データベース {database} へのアクセスが拒否されました
-- - {database} 데이터베이스 접근 권한 없음
-- - 对数据库 {database} 权限不够
-- - bisogna essere proprietari della tabella {relation}
-- - нужно быть владельцем таблицы {relation}
-- - треба бути власником таблиці {relation}
-- - måste vara ägaren till tabellen {relation}
-- - テーブル {relation} の所有者である必要があります
-- - {relation} 테이블의 소유주여야만 합니다
-- - 必须是表 {relation} 的属主
-- Causes:
-- - The role has no GRANT on the table, or no USAGE on its schema.
-- - It is the wrong role: anon or authenticated where the backend uses service_role.
-- - Row-level security does not raise this error: it hides rows. If a table looks empty, see aisha-db troubleshoot
--   "new row violates row-level security policy".
-- Solutions:
-- - Grant what is missing, as shown below.
-- - Use the service role key in the backend, and nowhere else.
-- - Do not disable row-level security to find out: that opens the table for everyone. aisha-db rls-check --prove
--   asks the policies.

-- Check: Who may do what with it, and is row-level security on?
-- Some: A role that is not in the list has no right of its own; it may have one by a role it is a member of.
-- None: There is no such table in this database, or nobody but its owner may use it.
select n.nspname || '.' || c.relname as relation, pg_catalog.pg_get_userbyid(c.relowner) as owner,
  case when c.relrowsecurity then case when c.relforcerowsecurity then 'on, forced' else 'on' end else 'off' end as rls,
  (select count(*) from pg_catalog.pg_policy p where p.polrelid = c.oid) as policies,
  coalesce(case when a.grantee = 0 then 'public' else pg_catalog.pg_get_userbyid(a.grantee) end, '') as grantee,
  string_agg(a.privilege_type, ', ' order by a.privilege_type) as rights
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
left join lateral pg_catalog.aclexplode(coalesce(c.relacl, pg_catalog.acldefault('r', c.relowner))) a on true
where c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
  and (c.relname = :'relation' or n.nspname || '.' || c.relname = :'relation')
group by 1, 2, 3, 4, 5 order by 1, 5 limit 50;

-- Check: Which policies does it have?
-- Some: Each row has to be let through by one of them.
-- None: There is no policy: with row-level security on nobody but a role with BYPASSRLS sees a row.
select p.schemaname || '.' || p.tablename as relation, p.policyname as policy, p.cmd, p.roles::text, p.qual, p.with_check
from pg_catalog.pg_policies p
where p.tablename = :'relation' or p.schemaname || '.' || p.tablename = :'relation'
order by 1, 2 limit 50;
