-- Title: There is no room for another connection
-- SQLSTATE: 53300
-- Manual: 11.2
-- Matches:
-- - remaining connection slots are reserved for non-replication superuser connections
-- - remaining connection slots are reserved for roles with
-- - sorry, too many clients already
-- - too many connections for role "{role}"
-- - too many connections for database "{database}"
-- - MaxClientsInSessionMode: max clients reached
-- - tut mir leid, schon zu viele Verbindungen
-- - désolé, trop de clients sont déjà connectés
-- - lo siento, ya tenemos demasiados clientes
-- - i rimanenti slot di connessione sono riservati a connessioni di superutenti non di replica
-- - оставшиеся слоты подключений зарезервированы для подключений суперпользователя (не для репликации)
-- - слоти підключень, які залишились, зарезервовані для підключень суперкористувача (не для реплікації)
-- - resterande anslutningsslottar är reserverade för superuser-anslutningar utan replikering
-- - 残りの接続スロットはレプリケーションユーザーではないスーパーユーザー用に予約されています
-- - 남은 연결 슬롯은 non-replication 슈퍼유저 연결용으로 남겨 놓았음
-- - 已保留的连接位置为执行非复制请求的超级用户预留
-- - spiacente, troppi client già connessi
-- - извините, уже слишком много клиентов
-- - вибачте, вже забагато клієнтів
-- - ledsen, för många klienter
-- - 現在クライアント数が多すぎます
-- - 최대 동시 접속자 수를 초과했습니다.
-- - 对不起, 已经有太多的客户
-- - troppe connessioni per il ruolo "{role}"
-- - слишком много подключений для роли "{role}"
-- - занадто багато підключень для ролі "{role}"
-- - för många uppkopplingar för roll "{role}"
-- - ロール"{role}"からの接続が多すぎます
-- - "{role}" 롤의 최대 동시 접속수를 초과했습니다
-- - 由角色"{role}"发起的连接太多了
-- - troppe connessioni al database "{database}"
-- - слишком много подключений к БД "{database}"
-- - занадто багато підключень до бази даних "{database}"
-- - för många uppkopplingar till databasen "{database}"
-- - データベース"{database}"への接続が多すぎます
-- - "{database}" 데이터베이스 최대 접속수를 초과했습니다
-- - 到数据库 "{database}"的连接太多了
-- Causes:
-- - Pools of several instances together ask for more than max_connections.
-- - Sessions are left idle, or idle in a transaction.
-- - The session pooler of Supabase has as many clients as its pool.
-- Solutions:
-- - Look who holds them: aisha-db connections; end those that are idle in a transaction, not those of the pooler.
-- - Make the pools smaller: instances times pool size has to stay below max_connections. The manual's backend has
--   20.
-- - Send short transactions through the transaction pooler (port 6543), migrations and dumps never.
-- - Raise max_connections; on Supabase: Dashboard, Settings, Database, or a larger tier.

-- Check: Who holds the connections?
-- Some: These are in use now, by role and state.
-- None: 
select coalesce(usename::text, '(background)') as role, coalesce(application_name, '') as application, coalesce(state, '') as state, count(*) as sessions,
  date_trunc('second', max(now() - state_change))::text as longest
from pg_catalog.pg_stat_activity where backend_type = 'client backend'
group by 1, 2, 3 order by sessions desc limit 20;

-- Check: How many may there be?
-- Some: This is the limit of the server, and what it keeps for superusers.
-- None: 
select current_setting('max_connections') as max_connections, current_setting('superuser_reserved_connections') as reserved;
