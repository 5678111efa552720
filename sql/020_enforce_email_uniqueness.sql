-- ============================================
-- Migration: 020_enforce_email_uniqueness.sql
-- Description: Prevent duplicate e-mail addresses across users and employees
-- Date: 2025-04-15
-- Author: Aisha CRM <dba@aishacrm.com>
-- Dependencies: 001_init.sql, 019_cleanup_duplicate_emails.sql
-- Rollback: ROLLBACK_020_enforce_email_uniqueness.sql
-- ============================================
--
-- Breaking Changes:
-- - An e-mail address already in use, in any case, is refused
-- - Upserts name the index expression: on conflict (lower(email))
--
-- New Tables:
-- - None
--
-- Modified Tables:
-- - users: unique on lower(email) in place of users_email_key
-- - employees: unique on lower(email) within the tenant
--
-- Indexes Added:
-- - users_email_unique
-- - employees_email_unique

create unique index if not exists users_email_unique on users (lower(email));
create unique index if not exists employees_email_unique on employees (lower(email), tenant_id);

alter table users
  drop constraint if exists users_email_key;

-- The indexes guard each table; the trigger guards one against the other. Two transactions that bring
-- the same address to the two tables at once do not see each other's row, so they queue for a lock on
-- the address: exclusive for users, shared for employees, who need not wait for one another. The
-- locks are of 1024 kinds, lest loading many accounts in one transaction exhaust the lock table.
create or replace function check_email_uniqueness()
returns trigger
language plpgsql
as $$
declare
  address constant text := lower(new.email);
  bucket constant integer := (hashtextextended(address, 0) & 1023)::integer;
  namespace constant integer := 1162690892;
begin
  if tg_op = 'UPDATE' and lower(old.email) = address then
    return new;
  end if;

  if tg_table_name = 'users' then
    perform pg_advisory_xact_lock(namespace, bucket);
    if exists (select from employees where lower(email) = address) then
      raise exception 'e-mail address % already belongs to an employee', new.email
        using errcode = 'unique_violation';
    end if;
  else
    perform pg_advisory_xact_lock_shared(namespace, bucket);
    if exists (select from users where lower(email) = address) then
      raise exception 'e-mail address % already belongs to a user', new.email
        using errcode = 'unique_violation';
    end if;
  end if;
  return new;
end
$$;

create or replace trigger users_email_uniqueness
  before insert or update of email on users
  for each row execute function check_email_uniqueness();

create or replace trigger employees_email_uniqueness
  before insert or update of email on employees
  for each row execute function check_email_uniqueness();
