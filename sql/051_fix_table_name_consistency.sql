-- ============================================
-- Migration: 051_fix_table_name_consistency.sql
-- Description: Name tables in the singular; the old names stay as views
-- Date: 2025-11-13
-- Author: Aisha CRM <dba@aishacrm.com>
-- Dependencies: 001_init.sql, 005_bizdev_sources.sql, 009_complete_schema.sql, 011_enable_rls.sql, 023_comprehensive_rls_security.sql, 024_fix_function_search_path.sql, 032_normalize_foreign_keys.sql
-- Rollback: ROLLBACK_051_fix_table_name_consistency.sql
-- ============================================
--
-- Breaking Changes:
-- - Commands on the tables themselves (alter, truncate, copy to) need the new names
--
-- New Tables:
-- - None
--
-- Modified Tables:
-- - employees is now employee
-- - bizdev_sources is now bizdev_source
-- - workflows is now workflow
--
-- Indexes Added:
-- - None

-- Each old name becomes a view that reads and writes the table with the rights, and under the
-- policies, of whoever uses it. A migration that adds a column to a table replaces its view too.
do $$
declare
  pair record;
  item record;
begin
  for pair in
    select old_name, new_name
    from (values
      ('employees', 'employee'),
      ('bizdev_sources', 'bizdev_source'),
      ('workflows', 'workflow')
    ) as pairs (old_name, new_name)
  loop
    if not exists (
      select from pg_class
      where relnamespace = 'public'::regnamespace and relname = pair.old_name and relkind = 'r'
    ) then
      continue;
    end if;

    execute format('alter table %I rename to %I', pair.old_name, pair.new_name);

    for item in
      select conname as old_item, pair.new_name || substr(conname, length(pair.old_name) + 1) as new_item
      from pg_constraint
      where conrelid = pair.new_name::regclass and starts_with(conname, pair.old_name || '_')
    loop
      execute format('alter table %I rename constraint %I to %I', pair.new_name, item.old_item, item.new_item);
    end loop;

    for item in
      select c.relname as old_item, replace(c.relname, pair.old_name || '_', pair.new_name || '_') as new_item
      from pg_index i
      join pg_class c on c.oid = i.indexrelid
      where i.indrelid = pair.new_name::regclass
        and (starts_with(c.relname, pair.old_name || '_') or starts_with(c.relname, 'idx_' || pair.old_name || '_'))
    loop
      execute format('alter index %I rename to %I', item.old_item, item.new_item);
    end loop;

    for item in
      select tgname as old_item, pair.new_name || substr(tgname, length(pair.old_name) + 1) as new_item
      from pg_trigger
      where tgrelid = pair.new_name::regclass and not tgisinternal and starts_with(tgname, pair.old_name || '_')
    loop
      execute format('alter trigger %I on %I rename to %I', item.old_item, pair.new_name, item.new_item);
    end loop;

    execute format(
      'create view %I with (security_invoker = true) as select * from %I', pair.old_name, pair.new_name
    );
    execute format(
      'comment on view %I is %L', pair.old_name, format('the former name of the table %s', pair.new_name)
    );

    -- Whoever could use the table under its old name still can.
    for item in
      select
        case a.grantee when 0 then 'public' else quote_ident(pg_get_userbyid(a.grantee)) end as grantee,
        a.privilege_type,
        case when a.is_grantable then ' with grant option' else '' end as option
      from pg_class c, aclexplode(c.relacl) a
      where c.oid = pair.new_name::regclass
        and a.grantee <> c.relowner
        and a.privilege_type in ('SELECT', 'INSERT', 'UPDATE', 'DELETE')
    loop
      execute format('grant %s on %I to %s%s', item.privilege_type, pair.old_name, item.grantee, item.option);
    end loop;
  end loop;

  -- The triggers that check references across tenants name the table they look into.
  perform apply_tenant_checks();
end
$$;

create or replace function check_email_uniqueness()
returns trigger
language plpgsql
security definer
set search_path = ''
set application_name = 'policy lookup'
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
    if exists (select from public.employee where lower(email) = address) then
      raise exception 'e-mail address % already belongs to an employee', new.email
        using errcode = 'unique_violation';
    end if;
  else
    perform pg_advisory_xact_lock_shared(namespace, bucket);
    if exists (select from public.users where lower(email) = address) then
      raise exception 'e-mail address % already belongs to a user', new.email
        using errcode = 'unique_violation';
    end if;
  end if;
  return new;
end
$$;
