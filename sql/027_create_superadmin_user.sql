-- ============================================
-- Migration: 027_create_superadmin_user.sql
-- Description: Create the first superadmin account
-- Date: 2025-11-08
-- Author: Aisha CRM <dba@aishacrm.com>
-- Dependencies: 010_multiple_additions.sql, 023_comprehensive_rls_security.sql
-- Rollback: ROLLBACK_027_create_superadmin_user.sql
-- ============================================
--
-- Breaking Changes:
-- - None
--
-- New Tables:
-- - None
--
-- Modified Tables:
-- - users: admin@aishacrm.com
--
-- Indexes Added:
-- - None

-- No password and no hash stands in a file. Give the hash when applying:
--   PGOPTIONS='-c aisha.superadmin_password_hash=...'
-- in single quotes: in double quotes a shell takes each $ of a hash for a variable.
-- Without it the account has no password and nobody can log in with one until it is set.
-- An account that has the address already is not promoted: whoever made it may not be the admin.
do $$
declare
  hash constant text := nullif(current_setting('aisha.superadmin_password_hash', true), '');
  address constant text := 'admin@aishacrm.com';
  found_role text;
begin
  -- Whole, in the forms that crypt and the PHC string format give them.
  if hash !~ '^\$(2[abxy]?\$\d\d\$[./A-Za-z0-9]{53}|(argon2(id|i|d)|scrypt)(\$[A-Za-z0-9+/=.,-]+){3,})$' then
    raise exception 'aisha.superadmin_password_hash is not a bcrypt, argon2 or scrypt hash'
      using hint = 'Give the hash of the password, not the password.';
  end if;

  perform lift_forced_rls('users', 'employees');
  select role into found_role from users where lower(email) = address;

  if exists (select from employees where lower(email) = address) then
    raise warning '% belongs to an employee: no superadmin was created', address;
  elsif found_role is null then
    insert into users (id, email, first_name, last_name, role, password_hash)
    values ('d0000000-0000-4000-8000-000000000004', address, 'Aisha', 'Administrator', 'superadmin', hash);
  elsif found_role <> 'superadmin' then
    raise warning 'the account % has the role %: it was left as it is', address, found_role;
  end if;
  perform restore_forced_rls();
end
$$;
