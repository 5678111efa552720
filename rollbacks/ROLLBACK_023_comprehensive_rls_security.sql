-- ============================================
-- Migration: ROLLBACK_023_comprehensive_rls_security.sql
-- Description: Return to the policies of 011 and 013, which do not bind the owner
-- Date: 2025-11-05
-- Author: Aisha CRM <dba@aishacrm.com>
-- Reverts: 023_comprehensive_rls_security.sql
-- ============================================

set local client_min_messages = warning;

create or replace function apply_tenant_rls(target regclass)
returns void
language plpgsql
set search_path = pg_catalog, public
set client_min_messages = warning
as $$
declare
  setting constant text := 'nullif(current_setting(''app.current_tenant_id'', true), '''')';
  own_rows text;
begin
  own_rows := case
    when target = 'public.tenant'::regclass then
      format('(select %s) in (tenant_id, id::text)', setting)
    when (select atttypid from pg_attribute where attrelid = target and attname = 'tenant_id') = 'uuid'::regtype then
      format('tenant_id = (select t.id from public.tenant t where %s in (t.tenant_id, t.id::text))', setting)
    else
      format('tenant_id = (select %s)', setting)
  end;

  execute format('alter table %s enable row level security', target);
  execute format('drop policy if exists tenant_isolation on %s', target);
  execute format(
    'create policy tenant_isolation on %s for all using (%s) with check (%s)', target, own_rows, own_rows
  );
  execute format('drop policy if exists service_role_access on %s', target);
  if to_regrole('service_role') is not null then
    execute format(
      'create policy service_role_access on %s for all to service_role'
      ' using ((select current_user) = ''service_role'') with check ((select current_user) = ''service_role'')', target
    );
  end if;
end
$$;

-- The trigger functions are made anew, open to whom every new function is open, with their triggers.
drop function if exists log_audit_changes() cascade;
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

do $$
declare
  target text;
begin
  foreach target in array array[
    'users', 'employees', 'tenant', 'accounts', 'contacts', 'leads', 'opportunities', 'activities', 'notes'
  ]
  loop
    execute format(
      'create or replace trigger %I after insert on %I'
      ' referencing new table as new_rows'
      ' for each statement execute function log_audit_changes()',
      target || '_audit_insert', target
    );
    execute format(
      'create or replace trigger %I after update on %I'
      ' referencing old table as old_rows new table as new_rows'
      ' for each statement execute function log_audit_changes()',
      target || '_audit_update', target
    );
    execute format(
      'create or replace trigger %I after delete on %I'
      ' referencing old table as old_rows'
      ' for each statement execute function log_audit_changes()',
      target || '_audit_delete', target
    );
  end loop;
end
$$;

drop function if exists check_email_uniqueness() cascade;
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

create trigger users_email_uniqueness
  before insert or update of email on users
  for each row execute function check_email_uniqueness();

create trigger employees_email_uniqueness
  before insert or update of email on employees
  for each row execute function check_email_uniqueness();

do $$
declare
  target regclass;
  old_policy text;
  grantee text;
begin
  for target in
    select c.oid
    from pg_class c
    where c.relnamespace = 'public'::regnamespace
      and c.relkind in ('r', 'p')
      and pg_has_role(c.relowner, 'usage')
      and not exists (
        select from pg_depend d
        where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e'
      )
    order by c.relname
  loop
    for old_policy in
      select polname
      from pg_policy
      where polrelid = target
        and polname in (
          'tenant_isolation', 'tenant_update', 'superadmin_access', 'own_account', 'policy_lookup',
          'audit_insert', 'service_role_access'
        )
    loop
      execute format('drop policy %I on %s', old_policy, target);
    end loop;
    execute format('alter table %s no force row level security', target);

    if target in ('audit_log'::regclass, 'systembranding'::regclass) then
      execute format('alter table %s disable row level security', target);
    elsif exists (
      select from pg_attribute
      where attrelid = target and attname = 'tenant_id' and not attisdropped
    ) then
      perform apply_tenant_rls(target);
    else
      execute format('alter table %s disable row level security', target);
    end if;

    -- Roles that hold every right on rows were granted all, these rights among them.
    foreach grantee in array array['anon', 'authenticated']
    loop
      if to_regrole(grantee) is not null
         and has_table_privilege(grantee, target, 'select')
         and has_table_privilege(grantee, target, 'insert')
         and has_table_privilege(grantee, target, 'update')
         and has_table_privilege(grantee, target, 'delete') then
        execute format('grant truncate, references, trigger on %s to %I', target, grantee);
      end if;
    end loop;
  end loop;

  drop policy tenant_isolation on users;
  create policy tenant_isolation on users for all
    using (
      tenant_id = (select nullif(current_setting('app.current_tenant_id', true), ''))
      or (
        tenant_id is null
        and lower(email) = (select lower(nullif(current_setting('app.current_user_email', true), '')))
      )
    )
    with check (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')));
end
$$;

drop function if exists apply_rls_everywhere();
drop function if exists lift_forced_rls(text[]);
drop function if exists restore_forced_rls();
drop function if exists visible_tenant_ids();
drop function if exists current_tenant_keys();
drop function if exists current_tenant_id();
drop function if exists is_superadmin();
drop function if exists lookup_all_tenants();
drop function if exists lookup_tenant(text);
drop function if exists lookup_superadmin(uuid, text);
drop function if exists in_policy_lookup();
drop function if exists is_schema_owner();
drop function if exists claimed_user_email();
drop function if exists claimed_user_id();
drop function if exists try_uuid(text);
