-- ============================================
-- Migration: ROLLBACK_052_tenant_identifiers.sql
-- Description: Return to slugs in tenant_id and tenant.tenant_id
-- Date: 2025-11-14
-- Author: Aisha CRM <dba@aishacrm.com>
-- Reverts: 052_tenant_identifiers.sql
-- ============================================

-- A row comes back with the slug of its tenant, also one that held the text of the UUID before.

do $$
declare
  -- The tables whose tenant_id was text. The others refer to tenant(id) since they were created.
  tables constant text[] := array[
    'accounts', 'activities', 'ai_campaigns', 'bizdev_source', 'cash_flow', 'contacts', 'cron_job',
    'daily_sales_metrics', 'documents', 'employee', 'leads', 'modulesettings', 'notes', 'notifications',
    'opportunities', 'performance_logs', 'permissions', 'sync_health', 'system_logs', 'systembranding',
    'tenant_integrations', 'users', 'webhook', 'workflow', 'workflow_execution'
  ];
  target text;
  v record;
  dependants jsonb := '[]';
  position integer;
begin
  if not exists (
    select from pg_attribute
    where attrelid = 'tenant'::regclass and attname = 'slug' and not attisdropped
  ) then
    return;
  end if;

  perform lift_forced_rls();

  -- 1. Views go, and come back as they were.
  for v in
    with recursive dependent (view_id, depth) as (
      select distinct r.ev_class, 1
      from pg_depend d
      join pg_rewrite r on r.oid = d.objid and d.classid = 'pg_rewrite'::regclass
      join pg_attribute a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid
      join pg_class c on c.oid = d.refobjid
      where d.refclassid = 'pg_class'::regclass
        and c.relnamespace = 'public'::regnamespace
        and c.relkind in ('r', 'p')
        and (a.attname = 'tenant_id' and c.relname = any (tables) or a.attname = 'slug' and c.relname = 'tenant')
      union
      select r.ev_class, dependent.depth + 1
      from dependent
      join pg_depend d on d.refobjid = dependent.view_id and d.refclassid = 'pg_class'::regclass
      join pg_rewrite r on r.oid = d.objid and d.classid = 'pg_rewrite'::regclass
      where r.ev_class <> dependent.view_id
    )
    select view_id::regclass as name, c.relkind, c.reloptions, c.relacl, c.relowner, max(depth) as depth
    from dependent
    join pg_class c on c.oid = view_id
    group by view_id, c.relkind, c.reloptions, c.relacl, c.relowner
    order by max(depth), view_id::regclass::text
  loop
    if v.relkind <> 'v' then
      raise exception 'the materialized view % shows a tenant_id', v.name
        using hint = 'Drop it, apply the migration, and create it again.';
    end if;
    dependants := dependants || jsonb_build_object(
      'name', v.name::text,
      'definition', pg_get_viewdef(v.name),
      'options', array_to_string(v.reloptions, ', '),
      'comment', obj_description(v.name, 'pg_class'),
      'grants', (
        select jsonb_agg(format(
          'grant %s on %s to %s%s', a.privilege_type, v.name,
          case a.grantee when 0 then 'public' else quote_ident(pg_get_userbyid(a.grantee)) end,
          case when a.is_grantable then ' with grant option' else '' end
        ))
        from aclexplode(v.relacl) a
        where a.grantee <> v.relowner
      )
    );
  end loop;
  for position in reverse jsonb_array_length(dependants) - 1 .. 0
  loop
    execute format('drop view %s', dependants -> position ->> 'name');
  end loop;

  -- 2. A user keeps the UUID in the column that 038 added.
  alter table users
    add column if not exists tenant_uuid uuid
      constraint fk_users_tenant_uuid references tenant (id) on delete cascade;
  alter table users disable trigger user;
  update users
  set tenant_uuid = tenant_id
  where tenant_id is not null;
  alter table users enable trigger user;
  create index if not exists idx_users_tenant_uuid on users (tenant_uuid);

  -- 3. Each tenant_id becomes the slug.
  foreach target in array tables
  loop
    execute format('drop policy if exists tenant_isolation on %I', target);
    execute format('alter table %I drop constraint if exists %I', target, 'fk_' || target || '_tenant');
    execute format('alter table %I alter column tenant_id type text using public.tenant_slug(tenant_id)', target);
  end loop;

  alter table tenant
    rename column slug to tenant_id;
  alter table tenant
    rename constraint tenant_slug_unique to tenant_tenant_id_unique;

  -- 4. Views come back.
  for position in 0 .. jsonb_array_length(dependants) - 1
  loop
    execute format(
      'create view %s %s as %s',
      dependants -> position ->> 'name',
      coalesce('with (' || nullif(dependants -> position ->> 'options', '') || ')', ''),
      dependants -> position ->> 'definition'
    );
    if dependants -> position ->> 'comment' is not null then
      execute format(
        'comment on view %s is %L',
        dependants -> position ->> 'name', dependants -> position ->> 'comment'
      );
    end if;
    for v in
      select jsonb_array_elements_text(dependants -> position -> 'grants') as command
      where jsonb_typeof(dependants -> position -> 'grants') = 'array'
    loop
      execute v.command;
    end loop;
  end loop;

  perform restore_forced_rls();
end
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

create or replace function resolve_tenant_id(identifier text)
returns uuid
language plpgsql
stable
set search_path = ''
as $$
declare
  found uuid[];
begin
  select array_agg(t.id)
  into found
  from public.tenant t
  where t.tenant_id = identifier
     or t.id = public.try_uuid(identifier);
  if cardinality(found) > 1 then
    raise exception 'the tenant identifier "%" is ambiguous: %', identifier, found
      using errcode = 'cardinality_violation';
  end if;
  return found[1];
end
$$;

create or replace function tenant_slug(tenant_uuid uuid)
returns text
language sql
stable
set search_path = ''
as $$
  select t.tenant_id
  from public.tenant t
  where t.id = tenant_uuid
$$;

do $$
begin
  perform make_owner_only('lookup_tenant(text)');
  perform apply_rls_everywhere();
end
$$;
