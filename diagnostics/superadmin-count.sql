-- Title: Few accounts see every tenant
-- Category: users
-- Thresholds:
-- - info: active >= 4
-- - warning: active >= 10
-- - critical: active <= 0
-- Needs:
-- - table public.users (role, status)
-- Metric: active:count
-- Message: {active:count} active accounts have the role superadmin
-- Remediation: update public.users set status = 'inactive' where id = ...; for those who need it no longer. Without one,
--   make one (migration 027).
-- Why: A superadmin passes every policy of isolation; without any, nobody can mend what only they may.
-- Manual: 7.2, 12.4

select 'role superadmin' as object, count(*) as active
from public.users
where role = 'superadmin' and status = 'active';
