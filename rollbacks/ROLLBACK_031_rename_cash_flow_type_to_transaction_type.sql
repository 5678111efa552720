-- ============================================
-- Migration: ROLLBACK_031_rename_cash_flow_type_to_transaction_type.sql
-- Description: Name the column cash_flow.type again
-- Date: 2025-11-09
-- Author: Aisha CRM <dba@aishacrm.com>
-- Reverts: 031_rename_cash_flow_type_to_transaction_type.sql
-- ============================================

do $$
begin
  if exists (
    select from pg_attribute
    where attrelid = 'cash_flow'::regclass and attname = 'transaction_type' and not attisdropped
  ) then
    alter table cash_flow
      rename column transaction_type to type;
  end if;
end
$$;
