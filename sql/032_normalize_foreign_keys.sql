-- ============================================
-- Migration: 032_normalize_foreign_keys.sql
-- Description: Give foreign keys consistent delete actions and add the missing ones
-- Date: 2025-11-10
-- Author: Aisha CRM <dba@aishacrm.com>
-- Dependencies: 001_init.sql, 007_crud_enhancements.sql, 009_complete_schema.sql, 011_enable_rls.sql, 023_comprehensive_rls_security.sql, 025_add_foreign_key_indexes.sql
-- Rollback: ROLLBACK_032_normalize_foreign_keys.sql
-- ============================================
--
-- Breaking Changes:
-- - Deleting an account, a contact or an employee clears the references to it
--
-- New Tables:
-- - None
--
-- Modified Tables:
-- - contacts, opportunities, cash_flow: foreign keys to accounts and contacts
-- - accounts, contacts, leads, opportunities, activities: foreign key of owner_id
-- - documents, notes: foreign keys of uploaded_by and created_by
--
-- Indexes Added:
-- - None

-- A reference to a row that is not there is cleared, no row is deleted. The lost id is kept in
-- metadata under orphaned_references, for whoever knows whose it was, and for the rollback.
do $$
declare
  link record;
begin
  perform set_config('client_min_messages', 'warning', true);
  perform lift_forced_rls(
    'accounts', 'contacts', 'leads', 'opportunities', 'activities', 'documents', 'notes', 'cash_flow', 'employees'
  );

  for link in
    select child, field, parent
    from (values
      ('contacts', 'account_id', 'accounts'),
      ('opportunities', 'account_id', 'accounts'),
      ('opportunities', 'contact_id', 'contacts'),
      ('cash_flow', 'account_id', 'accounts'),
      ('accounts', 'owner_id', 'employees'),
      ('contacts', 'owner_id', 'employees'),
      ('leads', 'owner_id', 'employees'),
      ('opportunities', 'owner_id', 'employees'),
      ('activities', 'owner_id', 'employees'),
      ('documents', 'uploaded_by', 'employees'),
      ('notes', 'created_by', 'employees')
    ) as links (child, field, parent)
  loop
    execute format('alter table %I disable trigger user', link.child);
    execute format(
      'update %1$I child'
      ' set %2$I = null,'
      ' metadata = jsonb_set('
      '   coalesce(metadata, ''{}'') || jsonb_build_object('
      '     ''orphaned_references'', coalesce(metadata -> ''orphaned_references'', ''{}'')),'
      '   array[''orphaned_references'', %2$L], to_jsonb(child.%2$I))'
      ' where %2$I is not null'
      ' and not exists (select from %3$I parent where parent.id = child.%2$I)',
      link.child, link.field, link.parent
    );
    execute format('alter table %I enable trigger user', link.child);

    execute format(
      'alter table %1$I'
      ' drop constraint if exists %2$I,'
      ' add constraint %2$I foreign key (%3$I) references %4$I (id) on delete set null',
      link.child, link.child || '_' || link.field || '_fkey', link.field, link.parent
    );
  end loop;

  perform restore_forced_rls();
  perform apply_tenant_checks();
end
$$;
