-- ============================================
-- Migration: 021_make_email_optional.sql
-- Description: Allow contacts without an e-mail address
-- Date: 2025-04-25
-- Author: Aisha CRM <dba@aishacrm.com>
-- Dependencies: 001_init.sql
-- Rollback: ROLLBACK_021_make_email_optional.sql
-- ============================================
--
-- Breaking Changes:
-- - contacts.email may be null
--
-- New Tables:
-- - None
--
-- Modified Tables:
-- - contacts: email
--
-- Indexes Added:
-- - None

-- "No address" is null from now on. Empty strings of older rows are left as they are.
alter table contacts
  alter column email drop not null;
