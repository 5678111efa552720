-- ============================================
-- Migration: 052_tenant_identifiers.sql
-- Description: Identify tenants by UUID in every table; the slug is for display only
-- Date: 2025-11-14
-- Author: Aisha CRM <dba@aishacrm.com>
-- Dependencies: 006_tenant_table.sql, 023_comprehensive_rls_security.sql, 038_add_tenant_uuid_to_users.sql, 040_moves_and_views.sql, 042_fix_entity_transitions_tenant_id_type.sql, 050_flatten_tenant_metadata.sql, 051_fix_table_name_consistency.sql
-- Rollback: ROLLBACK_052_tenant_identifiers.sql
-- ============================================
--
-- Breaking Changes:
-- - tenant_id is a UUID everywhere, in queries, in API calls and in app.current_tenant_id
-- - tenant.tenant_id is now tenant.slug
-- - users.tenant_uuid is gone: users.tenant_id holds it
--
-- New Tables:
-- - None
--
-- Modified Tables:
-- - tenant: tenant_id is now slug
-- - every table with a tenant_id: type uuid, foreign key to tenant(id)
--
-- Indexes Added:
-- - None

-- The setting is a UUID now: no slug is looked up any more, nor trusted.
create or replace function current_tenant_id()
returns uuid
language sql
stable
parallel safe
set search_path = ''
as $$
  select public.try_uuid(current_setting('app.current_tenant_id', true))
$$;

-- For a table that still has a text tenant_id.
create or replace function current_tenant_keys()
returns text[]
language sql
stable
parallel safe
set search_path = ''
as $$
  select array_remove(array[public.current_tenant_id()::text], null)
$$;

do $$
declare
  t record;
  v record;
  problem text;
  problems text[] := '{}';
  dependants jsonb := '[]';
  position integer;
begin
  perform lift_forced_rls();

  -- 1. Every reference to a tenant must find one. All that do not are reported, and nothing is done.
  -- resolve_tenant_id raises an error for an ambiguous identifier; here that is one problem of many.
  for t in
    select c.oid::regclass as target, c.relname, a.atttypid = 'uuid'::regtype as is_uuid
    from pg_class c
    join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped
    where c.relnamespace = 'public'::regnamespace
      and c.relkind in ('r', 'p')
      and not c.relispartition
      and c.relname <> 'tenant'
    order by c.relname
  loop
    if t.is_uuid then
      execute format(
        'select string_agg(distinct quote_literal(x.tenant_id::text), '', '')'
        ' from %s x where x.tenant_id is not null and not exists (select from tenant t where t.id = x.tenant_id)',
        t.target
      ) into problem;
    else
      execute format(
        'select string_agg('
        ' quote_literal(x.tenant_id) || case matches when 0 then '''' else '' (ambiguous)'' end,'
        ' '', '' order by x.tenant_id)'
        ' from (select distinct tenant_id from %s where tenant_id is not null) x,'
        ' lateral (select count(*) as matches from tenant t where %s) m'
        ' where matches <> 1',
        t.target,
        case
          when exists (
            select from pg_attribute
            where attrelid = 'tenant'::regclass and attname = 'slug' and not attisdropped
          )
          then 't.slug = x.tenant_id or t.id = try_uuid(x.tenant_id)'
          else 't.tenant_id = x.tenant_id or t.id = try_uuid(x.tenant_id)'
        end
      ) into problem;
    end if;
    if problem is not null then
      problems := problems || format('%s: %s', t.relname, problem);
    end if;
  end loop;

  if exists (
    select from pg_attribute
    where attrelid = 'users'::regclass and attname = 'tenant_uuid' and not attisdropped
  ) then
    select string_agg(
      format('%s (tenant_id %L, tenant_uuid %s)', u.email, u.tenant_id, u.tenant_uuid), ', ' order by u.email
    )
    into problem
    from users u
    where u.tenant_uuid is not null
      and u.tenant_id is not null
      and u.tenant_uuid not in (
        select own.id
        from tenant own
        where own.tenant_id = u.tenant_id::text
           or own.id::text = u.tenant_id::text
      );
    if problem is not null then
      problems := problems || format('users with two different tenants: %s', problem);
    end if;
  end if;

  if problems <> '{}' then
    raise exception E'tenant_id values that are no tenant:\n%', array_to_string(problems, E'\n')
      using hint = 'Nothing was changed. Create the tenants or correct the rows, then apply the migration again.';
  end if;

  -- 2. Views hold on to the type of the columns they show. They go and come back as they were, in an
  -- order in which each finds the views it is made of.
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
        and a.attname = 'tenant_id'
        and (c.relname = 'tenant' or a.atttypid <> 'uuid'::regtype)
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

  -- 3. Each column changes its type in place: it keeps its position, its indexes and its NOT NULL, and
  -- no trigger takes the conversion for a change of the row. Policies go with the old type.
  for t in
    select c.oid::regclass as target, c.relname
    from pg_class c
    join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped
    where c.relnamespace = 'public'::regnamespace
      and c.relkind in ('r', 'p')
      and not c.relispartition
      and c.relname <> 'tenant'
      and a.atttypid <> 'uuid'::regtype
    order by c.relname
  loop
    execute format('drop policy if exists tenant_isolation on %s', t.target);
    execute format(
      'alter table %s alter column tenant_id type uuid using %s',
      t.target,
      case t.relname
        when 'users' then 'coalesce(public.resolve_tenant_id(tenant_id), tenant_uuid)'
        else 'public.resolve_tenant_id(tenant_id)'
      end
    );
  end loop;

  alter table users
    drop column if exists tenant_uuid;

  -- 4. The slug gets its name.
  if not exists (
    select from pg_attribute
    where attrelid = 'tenant'::regclass and attname = 'slug' and not attisdropped
  ) then
    drop policy if exists tenant_isolation on tenant;
    alter table tenant
      rename column tenant_id to slug;
    alter table tenant
      rename constraint tenant_tenant_id_unique to tenant_slug_unique;
  end if;

  -- 5. Every tenant_id refers to its tenant.
  for t in
    select c.oid::regclass as target, c.relname, 'fk_' || c.relname || '_tenant' as constraint_name
    from pg_class c
    join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped
    where c.relnamespace = 'public'::regnamespace
      and c.relkind in ('r', 'p')
      and not c.relispartition
      and c.relname <> 'tenant'
    order by c.relname
  loop
    if not exists (
      select from pg_constraint
      where conrelid = t.target and conname = t.constraint_name
    ) then
      execute format(
        'alter table %s add constraint %I foreign key (tenant_id) references tenant (id) on delete cascade',
        t.target, t.constraint_name
      );
    else
      execute format('alter table %s validate constraint %I', t.target, t.constraint_name);
    end if;
  end loop;

  -- 6. Views and policies come back.
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
  perform apply_rls_everywhere();
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
  where t.slug = identifier
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
  select t.slug
  from public.tenant t
  where t.id = tenant_uuid
$$;

drop function if exists lookup_tenant(text);
