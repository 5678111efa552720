-- ============================================
-- Migration: 031_rename_cash_flow_type_to_transaction_type.sql
-- Description: Rename cash_flow.type to transaction_type
-- Date: 2025-11-09
-- Author: Aisha CRM <dba@aishacrm.com>
-- Dependencies: 009_complete_schema.sql
-- Rollback: ROLLBACK_031_rename_cash_flow_type_to_transaction_type.sql
-- ============================================
--
-- Breaking Changes:
-- - Queries name cash_flow.transaction_type
--
-- New Tables:
-- - None
--
-- Modified Tables:
-- - cash_flow: type is now transaction_type
--
-- Indexes Added:
-- - None

do $$
begin
  if exists (
    select from pg_attribute
    where attrelid = 'cash_flow'::regclass and attname = 'type' and not attisdropped
  ) then
    alter table cash_flow
      rename column type to transaction_type;
  end if;
end
$$;
