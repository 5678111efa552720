-- ============================================
-- Migration: ROLLBACK_051_fix_table_name_consistency.sql
-- Description: Name the tables in the plural again
-- Date: 2025-11-13
-- Author: Aisha CRM <dba@aishacrm.com>
-- Reverts: 051_fix_table_name_consistency.sql
-- ============================================

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
      where relnamespace = 'public'::regnamespace and relname = pair.new_name and relkind = 'r'
    ) then
      continue;
    end if;

    execute format('drop view if exists %I', pair.old_name);
    execute format('alter table %I rename to %I', pair.new_name, pair.old_name);

    for item in
      select conname as old_item, pair.old_name || substr(conname, length(pair.new_name) + 1) as new_item
      from pg_constraint
      where conrelid = pair.old_name::regclass and starts_with(conname, pair.new_name || '_')
    loop
      execute format('alter table %I rename constraint %I to %I', pair.old_name, item.old_item, item.new_item);
    end loop;

    for item in
      select c.relname as old_item, replace(c.relname, pair.new_name || '_', pair.old_name || '_') as new_item
      from pg_index i
      join pg_class c on c.oid = i.indexrelid
      where i.indrelid = pair.old_name::regclass
        and (starts_with(c.relname, pair.new_name || '_') or starts_with(c.relname, 'idx_' || pair.new_name || '_'))
    loop
      execute format('alter index %I rename to %I', item.old_item, item.new_item);
    end loop;

    for item in
      select tgname as old_item, pair.old_name || substr(tgname, length(pair.new_name) + 1) as new_item
      from pg_trigger
      where tgrelid = pair.old_name::regclass and not tgisinternal and starts_with(tgname, pair.new_name || '_')
    loop
      execute format('alter trigger %I on %I rename to %I', item.old_item, pair.old_name, item.new_item);
    end loop;
  end loop;

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
    if exists (select from public.employees where lower(email) = address) then
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
