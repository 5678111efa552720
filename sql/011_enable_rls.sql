-- ============================================
-- Migration: 011_enable_rls.sql
-- Description: Enable RLS on every tenant-scoped table and check references across tenants
-- Date: 2025-03-05
-- Author: Aisha CRM <dba@aishacrm.com>
-- Dependencies: 008_rls_policies.sql, 009_complete_schema.sql
-- Rollback: ROLLBACK_011_enable_rls.sql
-- ============================================
--
-- Breaking Changes:
-- - Every table with a tenant_id is closed to sessions that set no tenant
-- - A row may no longer refer to a row of another tenant
--
-- New Tables:
-- - None
--
-- Modified Tables:
-- - every table with a column tenant_id: policies
-- - contacts, opportunities, cash_flow, workflow_execution: triggers that check references
--
-- Indexes Added:
-- - None

-- Takes a function away from everyone but its owner. Supabase grants new functions in public to
-- its API roles by name, so revoking from PUBLIC is not enough.
create or replace function make_owner_only(target regprocedure)
returns void
language plpgsql
set search_path = ''
as $$
declare
  grantee text;
begin
  execute format('revoke all on function %s from public', target);
  foreach grantee in array array['anon', 'authenticated', 'service_role']
  loop
    if to_regrole(grantee) is not null then
      execute format('revoke all on function %s from %I', target, grantee);
    end if;
  end loop;
end
$$;

-- Gives a table with a tenant_id its policies. A text column holds the slug that the setting holds;
-- a uuid column is compared with the tenant of that slug. 023 replaces this function.
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

-- Foreign keys are checked past every policy: without this, a tenant could attach its rows to the
-- rows of another. Its arguments are pairs: a column, and the table it refers to. It looks at
-- references a statement has set or changed, with the rights of whoever runs the statement.
create or replace function validate_tenant_access()
returns trigger
language plpgsql
as $$
declare
  foreign_id uuid;
begin
  for i in 0 .. tg_nargs - 1 by 2
  loop
    execute format(
      'select n.%1$I from new_rows n'
      ' where n.%1$I is not null%3$s'
      ' and not exists (select from public.%2$I p where p.id = n.%1$I and p.tenant_id = n.tenant_id)'
      ' limit 1',
      tg_argv[i],
      tg_argv[i + 1],
      case tg_op
        when 'UPDATE' then format(
          ' and not exists (select from old_rows o'
          ' where o.id = n.id and o.%1$I = n.%1$I and o.tenant_id is not distinct from n.tenant_id)',
          tg_argv[i]
        )
        else ''
      end
    ) into foreign_id;

    if foreign_id is not null then
      raise exception '%.% refers to %, which is no row of % of the same tenant',
        tg_table_name, tg_argv[i], foreign_id, tg_argv[i + 1]
        using errcode = 'foreign_key_violation';
    end if;
  end loop;
  return null;
end
$$;

-- Attaches that check to each foreign key between two tables that have a tenant_id, and takes it off a
-- table that has none any more.
create or replace function apply_tenant_checks()
returns void
language plpgsql
set search_path = pg_catalog, public
set client_min_messages = warning
as $$
declare
  t record;
begin
  for t in
    select
      c.oid::regclass as target,
      string_agg(format('%L, %L', a.attname, parent.relname), ', ' order by a.attname)
        filter (where k.oid is not null) as arguments
    from pg_class c
    left join pg_constraint k
      on k.conrelid = c.oid
      and k.contype = 'f'
      and array_length(k.conkey, 1) = 1
      and k.confrelid <> 'public.tenant'::regclass
      and exists (select from pg_attribute x where x.attrelid = c.oid and x.attname = 'tenant_id')
      and exists (select from pg_attribute x where x.attrelid = k.confrelid and x.attname = 'tenant_id')
    left join pg_attribute a on a.attrelid = c.oid and a.attnum = k.conkey[1]
    left join pg_class parent on parent.oid = k.confrelid
    where c.relnamespace = 'public'::regnamespace
      and c.relkind = 'r'
      and not c.relispartition
      and pg_has_role(c.relowner, 'usage')
      and (
        k.oid is not null
        or exists (
          select from pg_trigger g
          where g.tgrelid = c.oid and g.tgfoid = 'public.validate_tenant_access()'::regprocedure
        )
      )
    group by c.oid, c.relname
    order by c.relname
  loop
    if t.arguments is null then
      execute format('drop trigger if exists tenant_references_insert on %s', t.target);
      execute format('drop trigger if exists tenant_references_update on %s', t.target);
      continue;
    end if;
    execute format(
      'create or replace trigger tenant_references_insert after insert on %s'
      ' referencing new table as new_rows'
      ' for each statement execute function public.validate_tenant_access(%s)',
      t.target, t.arguments
    );
    execute format(
      'create or replace trigger tenant_references_update after update on %s'
      ' referencing old table as old_rows new table as new_rows'
      ' for each statement execute function public.validate_tenant_access(%s)',
      t.target, t.arguments
    );
  end loop;
end
$$;

do $$
declare
  target regclass;
begin
  perform make_owner_only('make_owner_only(regprocedure)');
  perform make_owner_only('apply_tenant_rls(regclass)');
  perform make_owner_only('apply_tenant_checks()');

  for target in
    select c.oid
    from pg_class c
    join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped
    where c.relnamespace = 'public'::regnamespace
      and c.relkind in ('r', 'p')
    order by c.relname
  loop
    perform apply_tenant_rls(target);
  end loop;

  perform apply_tenant_checks();
end
$$;
