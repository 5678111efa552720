-- ============================================
-- Migration: ROLLBACK_024_fix_function_search_path.sql
-- Description: Return to the trigger functions as they were before their search_path was pinned
-- Date: 2025-11-06
-- Author: Aisha CRM <dba@aishacrm.com>
-- Reverts: 024_fix_function_search_path.sql
-- ============================================

create or replace function update_updated_at()
returns trigger
language plpgsql
as $$
begin
  new.updated_at = now();
  return new;
end
$$;

create or replace function log_audit_changes()
returns trigger
language plpgsql
as $$
declare
  secrets constant text[] := array['password_hash', 'key_hash', 'secret', 'api_credentials'];
  author constant text := coalesce(
    nullif(current_setting('app.current_user_email', true), ''),
    nullif(current_setting('app.current_user_id', true), ''),
    session_user
  );
begin
  case tg_op
    when 'INSERT' then
      insert into audit_log (action, table_name, record_id, new_data, changed_by)
      select tg_op, tg_table_name, n.id, to_jsonb(n) - secrets, author
      from new_rows n;
    when 'DELETE' then
      insert into audit_log (action, table_name, record_id, old_data, changed_by)
      select tg_op, tg_table_name, o.id, to_jsonb(o) - secrets, author
      from old_rows o;
    when 'UPDATE' then
      insert into audit_log (action, table_name, record_id, old_data, new_data, changed_by)
      select tg_op, tg_table_name, coalesce(n.id, o.id), to_jsonb(o) - secrets, to_jsonb(n) - secrets, author
      from old_rows o
      full join new_rows n on n.id = o.id
      where to_jsonb(o) - 'updated_at' is distinct from to_jsonb(n) - 'updated_at';
  end case;
  return null;
end
$$;

alter function log_audit_changes()
  security definer
  set search_path = pg_catalog, public, pg_temp;

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

alter function check_email_uniqueness()
  security definer
  set search_path = pg_catalog, public, pg_temp
  set application_name = 'policy lookup';

alter function validate_tenant_access()
  reset search_path;
