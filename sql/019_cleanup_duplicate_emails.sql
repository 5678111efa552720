-- ============================================
-- Migration: 019_cleanup_duplicate_emails.sql
-- Description: Remove duplicate e-mail addresses before uniqueness is enforced
-- Date: 2025-04-10
-- Author: Aisha CRM <dba@aishacrm.com>
-- Dependencies: 001_init.sql, 009_complete_schema.sql, 012_extend_activities_fields.sql
-- Rollback: None (the deleted accounts are gone; audit_log keeps their rows, without password hashes)
-- ============================================
--
-- Breaking Changes:
-- - Of several accounts with one e-mail address, only the oldest remains
--
-- New Tables:
-- - None
--
-- Modified Tables:
-- - users, employees: duplicates deleted
--
-- Indexes Added:
-- - None

-- Addresses are compared without case. What counts as a duplicate is what 020 will refuse: the same
-- address twice in users, twice in one tenant's employees, or in users and in employees. Two tenants
-- may each employ the same person.
-- The audit triggers on both tables write each deletion to audit_log, under the name set here.
do $$
declare
  duplicate record;
  reference record;
begin
  perform set_config('app.current_user_email', '019_cleanup_duplicate_emails.sql', true);

  -- Employees of one tenant: what the younger account owns passes to the oldest.
  for duplicate in
    select id, keeper
    from (
      select id, first_value(id) over (
        partition by lower(email), tenant_id
        order by created_at nulls last, id
      ) as keeper
      from employees
    ) ranked
    where id <> keeper
  loop
    for reference in
      select k.conrelid::regclass as target, a.attname as field
      from pg_constraint k
      join pg_attribute a on a.attrelid = k.conrelid and a.attnum = k.conkey[1]
      where k.contype = 'f'
        and k.confrelid = 'employees'::regclass
    loop
      execute format('update %s set %I = $1 where %I = $2', reference.target, reference.field, reference.field)
      using duplicate.keeper, duplicate.id;
    end loop;
    update accounts set owner_id = duplicate.keeper where owner_id = duplicate.id;
    update contacts set owner_id = duplicate.keeper where owner_id = duplicate.id;
    update leads set owner_id = duplicate.keeper where owner_id = duplicate.id;
    update opportunities set owner_id = duplicate.keeper where owner_id = duplicate.id;
    update activities set owner_id = duplicate.keeper where owner_id = duplicate.id;
    delete from employees where id = duplicate.id;
  end loop;

  -- The same address twice in users.
  delete from users u
  using (
    select id, first_value(id) over (
      partition by lower(email)
      order by created_at nulls last, id
    ) as keeper
    from users
  ) ranked
  where u.id = ranked.id
    and ranked.id <> ranked.keeper;

  -- The same address in both tables: the oldest account of all remains, a user before an employee
  -- of the same age.
  delete from employees e
  using users u
  where lower(u.email) = lower(e.email)
    and coalesce(u.created_at, 'infinity') <= coalesce((
      select min(other.created_at)
      from employees other
      where lower(other.email) = lower(u.email)
    ), 'infinity');

  delete from users u
  using employees e
  where lower(e.email) = lower(u.email);

  perform set_config('app.current_user_email', '', true);
end
$$;
