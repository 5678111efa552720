-- ============================================
-- Migration: 023_comprehensive_rls_security.sql
-- Description: Complete and force RLS on every table of the schema
-- Date: 2025-11-05
-- Author: Aisha CRM <dba@aishacrm.com>
-- Dependencies: 006_tenant_table.sql, 009_complete_schema.sql, 010_multiple_additions.sql, 011_enable_rls.sql, 013_allow_null_tenant_id.sql, 014_conversations.sql, 020_enforce_email_uniqueness.sql, 020_performance_logs.sql, 021_systembranding.sql
-- Rollback: ROLLBACK_023_comprehensive_rls_security.sql
-- ============================================
--
-- Breaking Changes:
-- - Policies bind the owner of the tables too, unless it has BYPASSRLS
-- - anon and authenticated may no longer truncate tables, which no policy can prevent
--
-- New Tables:
-- - None
--
-- Modified Tables:
-- - every table in public: RLS enabled and forced, policies
--
-- Indexes Added:
-- - None

-- Who is asking. The backend is trusted to set these for each transaction; whoever can run arbitrary
-- SQL in its session can set them too.
--   app.current_tenant_id    the tenant: its UUID, or (until 052) its slug
--   app.current_user_id      the user: users.id
--   app.current_user_email   the user: users.email
--   request.jwt.claims       set by PostgREST from a verified token. Only "sub" counts, compared with
--                            users.id: an e-mail address in a token may be one nobody has verified.
-- Unset, empty and malformed settings all mean: nobody. They raise no error and show no rows.

create or replace function try_uuid(input text)
returns uuid
language sql
immutable
parallel safe
set search_path = ''
as $$
  select case
    when input ~* '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$' then input::uuid
  end
$$;

create or replace function claimed_user_id()
returns uuid
language sql
stable
parallel safe
set search_path = ''
as $$
  select case
    when nullif(current_setting('app.current_user_id', true), '') is not null then
      public.try_uuid(current_setting('app.current_user_id', true))
    when current_setting('request.jwt.claims', true) ~ '^\s*\{.*\}\s*$' then
      public.try_uuid(current_setting('request.jwt.claims', true)::jsonb ->> 'sub')
  end
$$;

create or replace function claimed_user_email()
returns text
language sql
stable
parallel safe
set search_path = ''
as $$
  select lower(nullif(current_setting('app.current_user_email', true), ''))
$$;

-- Forced RLS binds the owner as well, and with it the SECURITY DEFINER functions below: without more,
-- the function that asks users "is this a superadmin?" would be shown no row, or ask itself for ever.
-- So a function that looks something up for a policy marks itself with an application_name of its own,
-- which opens users, employees and tenant for reading to their owner, and to no one else. Taking that
-- name gains others nothing, and the owner nothing that ALTER TABLE would not give it anyway. While a
-- lookup runs, the functions the policies call answer "nobody", so that none of them starts another.
-- (A setting under a name of our own would say it better, but only a superuser may attach one to a
-- function, and set_config() in the body would keep every query from running in parallel.)
create or replace function is_schema_owner()
returns boolean
language sql
stable
parallel safe
set search_path = ''
as $$
  select c.relowner = current_user::regrole
  from pg_catalog.pg_class c
  where c.oid = 'public.users'::regclass
$$;

create or replace function in_policy_lookup()
returns boolean
language sql
stable
parallel safe
set search_path = ''
as $$
  select current_setting('application_name') = 'policy lookup' and public.is_schema_owner()
$$;

create or replace function lookup_superadmin(user_id uuid, user_email text)
returns boolean
language sql
stable
security definer
parallel safe
set search_path = ''
set application_name = 'policy lookup'
as $$
  select exists (
    select
    from public.users u
    where u.role = 'superadmin'
      and u.status = 'active'
      and (user_id is null or u.id = user_id)
      and (user_email is null or lower(u.email) = user_email)
      and (user_id is not null or user_email is not null)
  )
$$;

create or replace function lookup_tenant(reference text)
returns table (id uuid, slug text)
language sql
stable
security definer
parallel safe
set search_path = ''
set application_name = 'policy lookup'
as $$
  select t.id, t.tenant_id
  from public.tenant t
  where t.id = public.try_uuid(reference)
     or t.tenant_id = reference
$$;

create or replace function lookup_all_tenants()
returns uuid[]
language sql
stable
security definer
parallel safe
set search_path = ''
set application_name = 'policy lookup'
as $$
  select coalesce(array_agg(t.id), '{}')
  from public.tenant t
$$;

-- True for an active superadmin. Where both an id and an e-mail address are claimed, both must be his.
create or replace function is_superadmin()
returns boolean
language plpgsql
stable
security definer
parallel safe
set search_path = ''
as $$
declare
  user_id constant uuid := public.claimed_user_id();
  user_email constant text := public.claimed_user_email();
begin
  if current_setting('application_name') = 'policy lookup' then
    return false;
  end if;
  if user_id is null and nullif(current_setting('app.current_user_id', true), '') is not null then
    return false;
  end if;
  if user_id is null and user_email is null then
    return false;
  end if;
  return public.lookup_superadmin(user_id, user_email);
end
$$;

create or replace function current_tenant_id()
returns uuid
language plpgsql
stable
security definer
parallel safe
set search_path = ''
as $$
declare
  setting constant text := nullif(current_setting('app.current_tenant_id', true), '');
begin
  if setting is null or current_setting('application_name') = 'policy lookup' then
    return null;
  end if;
  return (select t.id from public.lookup_tenant(setting) t order by t.id::text = setting desc limit 1);
end
$$;

-- What rows of the current tenant hold in a text column tenant_id: the slug, or the UUID as text.
create or replace function current_tenant_keys()
returns text[]
language plpgsql
stable
security definer
parallel safe
set search_path = ''
as $$
declare
  setting constant text := nullif(current_setting('app.current_tenant_id', true), '');
  tenant record;
begin
  if setting is null or current_setting('application_name') = 'policy lookup' then
    return '{}';
  end if;
  select t.id, t.slug into tenant
  from public.lookup_tenant(setting) t
  order by t.id::text = setting desc
  limit 1;
  if tenant.id is null then
    return array[setting];
  end if;
  return array[tenant.slug, tenant.id::text];
end
$$;

-- The tenants whose rows the session may see: its own, or all for a superadmin. A policy that compares
-- with this list can use the index on tenant_id, which "own tenant or superadmin" could not.
create or replace function visible_tenant_ids()
returns uuid[]
language plpgsql
stable
security definer
parallel safe
set search_path = ''
as $$
begin
  if public.is_superadmin() then
    return public.lookup_all_tenants();
  end if;
  return array_remove(array[public.current_tenant_id()], null);
end
$$;

-- Every policy of the schema is written here, once. Each calls its functions in a scalar subquery:
-- once per query, not once per row.
create or replace function apply_tenant_rls(target regclass)
returns void
language plpgsql
set search_path = pg_catalog, public
set client_min_messages = warning
as $$
declare
  name constant text := (select relname from pg_class where oid = target);
  tenant_column record;
  own_rows text;
  grantee text;
  old_policy text;
begin
  select atttypid = 'uuid'::regtype as is_uuid, attnotnull as is_required
  into tenant_column
  from pg_attribute
  where attrelid = target and attname = 'tenant_id' and not attisdropped;

  own_rows := case
    when name = 'tenant' then
      'id = any ((select public.visible_tenant_ids())::uuid[])'
    when name = 'users' then
      -- No tenant makes, changes or sees a superadmin, not even one among its own users.
      format(
        'tenant_id = %s and role <> ''superadmin'' or (select public.is_superadmin())',
        case when tenant_column.is_uuid then '(select public.current_tenant_id())'
        else 'any ((select public.current_tenant_keys())::text[])' end
      )
    when tenant_column.is_uuid then
      'tenant_id = any ((select public.visible_tenant_ids())::uuid[])'
      || case
        when tenant_column.is_required then ''
        else ' or tenant_id is null and (select public.is_superadmin())'
      end
    when not tenant_column.is_uuid then
      'tenant_id = any ((select public.current_tenant_keys())::text[]) or (select public.is_superadmin())'
    else
      '(select public.is_superadmin())'
  end;

  execute format('alter table %s enable row level security', target);
  execute format('alter table %s force row level security', target);

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

  if name = 'tenant' then
    -- A tenant reads and edits its own row; making and removing tenants is for superadmins.
    execute format('create policy tenant_isolation on %s for select using (%s)', target, own_rows);
    execute format(
      'create policy tenant_update on %s for update using (%s) with check (%s)', target, own_rows, own_rows
    );
    execute format(
      'create policy superadmin_access on %s for all'
      ' using ((select public.is_superadmin())) with check ((select public.is_superadmin()))',
      target
    );
  elsif name = 'audit_log' then
    -- Written by the audit triggers, which run as the owner; never changed.
    execute format('create policy superadmin_access on %s for select using (%s)', target, own_rows);
    execute format(
      'create policy audit_insert on %s for insert with check ((select public.is_schema_owner()))', target
    );
  elsif name like '%\_archive' then
    -- Archives are written by the backend; a tenant reads its own.
    execute format('create policy tenant_isolation on %s for select using (%s)', target, own_rows);
    execute format(
      'create policy superadmin_access on %s for all'
      ' using ((select public.is_superadmin())) with check ((select public.is_superadmin()))',
      target
    );
  else
    execute format(
      'create policy %s on %s for all using (%s) with check (%s)',
      case when tenant_column.is_uuid is null then 'superadmin_access' else 'tenant_isolation' end,
      target, own_rows, own_rows
    );
  end if;

  if name = 'users' then
    execute format(
      'create policy own_account on %s for select using ('
      'id = (select public.claimed_user_id()) or lower(email) = (select public.claimed_user_email()))',
      target
    );
  end if;
  if name in ('users', 'employees', 'employee', 'tenant') then
    execute format(
      'create policy policy_lookup on %s for select using ((select public.in_policy_lookup()))', target
    );
  end if;

  -- Supabase's service_role has BYPASSRLS; the policy stands in where the attribute is missing. It is for
  -- sessions that act as service_role, not for every role that has inherited it.
  if to_regrole('service_role') is not null then
    execute format(
      'create policy service_role_access on %s for all to service_role'
      ' using ((select current_user) = ''service_role'') with check ((select current_user) = ''service_role'')', target
    );
  end if;

  -- TRUNCATE ignores policies; REFERENCES and TRIGGER are ways to look past them.
  for grantee in
    select distinct pg_get_userbyid(a.grantee)
    from pg_class c, aclexplode(c.relacl) a
    where c.oid = target
      and a.grantee in (to_regrole('anon'), to_regrole('authenticated'))
      and a.privilege_type in ('TRUNCATE', 'REFERENCES', 'TRIGGER')
  loop
    execute format('revoke truncate, references, trigger on %s from %I', target, grantee);
  end loop;
end
$$;

-- Applies the policies to every table in public and fails when one is left without. Tables of
-- extensions are not the schema's; a table of another owner is left alone when it is secured already.
create or replace function apply_rls_everywhere()
returns void
language plpgsql
set search_path = pg_catalog, public
as $$
declare
  target regclass;
  unsecured text;
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
    perform public.apply_tenant_rls(target);
  end loop;

  select string_agg(c.oid::regclass::text, ', ' order by c.relname)
  into unsecured
  from pg_class c
  where c.relnamespace = 'public'::regnamespace
    and c.relkind in ('r', 'p')
    and not exists (
      select from pg_depend d
      where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e'
    )
    and not (
      c.relrowsecurity
      and c.relforcerowsecurity
      and exists (select from pg_policy p where p.polrelid = c.oid)
    );
  if unsecured is not null then
    raise exception 'tables without enabled and forced RLS and a policy: %', unsecured
      using hint = 'They belong to another role. Let their owner secure them, or move them out of public.';
  end if;
end
$$;

-- Forced RLS hides the rows from a migration whose owner has no BYPASSRLS. A data step stands between
-- these two calls; both are in its transaction, so no other session ever sees a table unforced.
create or replace function lift_forced_rls(variadic tables text[] default '{}')
returns void
language plpgsql
set search_path = pg_catalog, public
as $$
declare
  target regclass;
  lifted text := coalesce(current_setting('aisha.lifted_rls', true), '');
begin
  for target in
    select c.oid
    from pg_class c
    where c.relnamespace = 'public'::regnamespace
      and c.relkind in ('r', 'p')
      and c.relforcerowsecurity
      and pg_has_role(c.relowner, 'usage')
      and (tables = '{}' or c.relname = any (tables))
    order by c.relname
  loop
    execute format('alter table %s no force row level security', target);
    lifted := lifted || ' ' || target::oid;
  end loop;
  perform set_config('aisha.lifted_rls', lifted, false);
end
$$;

create or replace function restore_forced_rls()
returns void
language plpgsql
set search_path = pg_catalog, public
as $$
declare
  target oid;
begin
  for target in
    select entry::oid
    from regexp_split_to_table(current_setting('aisha.lifted_rls', true), ' ') entry
    where entry <> ''
  loop
    if exists (select from pg_class where oid = target) then
      execute format('alter table %s force row level security', target::regclass);
    end if;
  end loop;
  perform set_config('aisha.lifted_rls', '', false);
end
$$;

do $$
declare
  helper regprocedure;
begin
  foreach helper in array array[
    'lookup_superadmin(uuid, text)', 'lookup_tenant(text)', 'lookup_all_tenants()',
    'apply_tenant_rls(regclass)', 'apply_rls_everywhere()', 'lift_forced_rls(text[])', 'restore_forced_rls()'
  ]::regprocedure[]
  loop
    perform make_owner_only(helper);
  end loop;
end
$$;

-- Policies call these as whoever runs the query.
grant execute on function
  try_uuid(text), claimed_user_id(), claimed_user_email(), is_schema_owner(), in_policy_lookup(),
  is_superadmin(), current_tenant_id(), current_tenant_keys(), visible_tenant_ids()
to public;

-- Both must see, or write, what the session itself may not. A trigger needs no right to execute its
-- function; whoever has that right could attach it to a table of his own and write audit rows with it.
alter function log_audit_changes()
  security definer
  set search_path = pg_catalog, public, pg_temp;
alter function check_email_uniqueness()
  security definer
  set search_path = pg_catalog, public, pg_temp
  set application_name = 'policy lookup';

do $$
begin
  perform make_owner_only('log_audit_changes()');
  perform make_owner_only('check_email_uniqueness()');
end
$$;

do $$
begin
  perform apply_rls_everywhere();
end
$$;
