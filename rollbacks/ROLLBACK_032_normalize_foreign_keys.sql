-- ============================================
-- Migration: ROLLBACK_032_normalize_foreign_keys.sql
-- Description: Return to the foreign keys before 032 and to the references it cleared
-- Date: 2025-11-10
-- Author: Aisha CRM <dba@aishacrm.com>
-- Reverts: 032_normalize_foreign_keys.sql
-- ============================================

do $$
declare
  link record;
begin
  perform set_config('client_min_messages', 'warning', true);
  perform lift_forced_rls(
    'accounts', 'contacts', 'leads', 'opportunities', 'activities', 'documents', 'notes', 'cash_flow'
  );

  for link in
    select child, field, parent
    from (values
      ('contacts', 'account_id', 'accounts'),
      ('opportunities', 'account_id', 'accounts'),
      ('opportunities', 'contact_id', 'contacts'),
      ('cash_flow', 'account_id', 'accounts'),
      ('accounts', 'owner_id', null),
      ('contacts', 'owner_id', null),
      ('leads', 'owner_id', null),
      ('opportunities', 'owner_id', null),
      ('activities', 'owner_id', null),
      ('documents', 'uploaded_by', null),
      ('notes', 'created_by', null)
    ) as links (child, field, parent)
  loop
    execute format(
      'alter table %I drop constraint if exists %I', link.child, link.child || '_' || link.field || '_fkey'
    );

    execute format('alter table %I disable trigger user', link.child);
    execute format(
      'update %1$I'
      ' set %2$I = coalesce(%2$I, (metadata #>> array[''orphaned_references'', %2$L])::uuid),'
      ' metadata = case (metadata -> ''orphaned_references'') - %2$L'
      '   when ''{}'' then metadata - ''orphaned_references'''
      '   else metadata #- array[''orphaned_references'', %2$L]'
      ' end'
      ' where metadata -> ''orphaned_references'' ? %2$L',
      link.child, link.field
    );
    execute format('alter table %I enable trigger user', link.child);

    if link.parent is not null then
      execute format(
        'alter table %I add constraint %I foreign key (%I) references %I (id)',
        link.child, link.child || '_' || link.field || '_fkey', link.field, link.parent
      );
    end if;
  end loop;

  perform restore_forced_rls();
  perform apply_tenant_checks();
end
$$;
