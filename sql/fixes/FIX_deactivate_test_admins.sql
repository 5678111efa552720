-- ============================================
-- Migration: FIX_deactivate_test_admins.sql
-- Description: Deactivate test accounts among the users of a production database
-- Date: 2025-11-14
-- Author: Aisha CRM <dba@aishacrm.com>
-- Dependencies: 007_crud_enhancements.sql, 023_comprehensive_rls_security.sql
-- Rollback: None (set status back to 'active' for the accounts named in audit_log)
-- ============================================
--
-- What it matches, without regard to case:
--   an address whose part before the @ holds the word "test", "tester" or "testing", with or without a
--   number, set off by the beginning, the end, or one of . _ + -
--       test@aishacrm.com, test2@aishacrm.com, qa-test@aishacrm.com, maria+testing@aishacrm.com
--   an address in a domain reserved for examples and tests (RFC 2606 and RFC 6761), or below one:
--   example.com, example.net, example.org, .example, .test, .invalid, .localhost
--       anyone@example.com, anyone@mail.example.org, anyone@shop.test
-- What it does not match: "test" within a word or in a domain of its own.
--       contest@aishacrm.com, latest.news@aishacrm.com, maria@testarossa.com
--
-- Apply it in one transaction. An account that is inactive already is left alone, so that the number
-- of rows updated is the number of accounts deactivated.

select lift_forced_rls('users');

update users
set status = 'inactive'
where status is distinct from 'inactive'
  and (
    email ~* '^([^@]*[._+-])?test(er|ing)?[0-9]*([._+-][^@]*)?@'
    or email ~* '@([^@]+\.)?(example\.(com|net|org)|example|test|invalid|localhost)$'
  );

select restore_forced_rls();
