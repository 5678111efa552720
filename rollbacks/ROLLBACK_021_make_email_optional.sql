-- ============================================
-- Migration: ROLLBACK_021_make_email_optional.sql
-- Description: Require an e-mail address of every contact again
-- Date: 2025-04-25
-- Author: Aisha CRM <dba@aishacrm.com>
-- Reverts: 021_make_email_optional.sql
-- ============================================

-- Contacts without one stand in the way: no address is made up for them.
do $$
declare
  without_address bigint;
begin
  select count(*) into without_address
  from contacts
  where email is null;
  if without_address > 0 then
    raise exception '% contacts have no e-mail address', without_address
      using hint = 'Give them one, or delete them, then roll back again.';
  end if;
end
$$;

alter table contacts
  alter column email set not null;
