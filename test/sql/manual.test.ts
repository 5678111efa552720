import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { headerList, headerValue, parseHeader } from '../../src/migrations/header.ts';
import { FILES, hasRollback, SQL_DIR, shipped } from './pack.ts';

/** Chapter 7 of the manual, 7.1 to 7.5, in the order in which the files run: date, name, and what the purpose is about. */
const MANUAL = `
2025-01-15 001_init.sql core schema
2025-01-15 002_seed.sql seed
2025-01-20 003_create_apikey.sql external integrations
2025-01-25 004_tenant_integrations.sql integrations per tenant
2025-02-01 005_bizdev_sources.sql sources
2025-02-05 006_tenant_table.sql tenant
2025-02-10 007_crud_enhancements.sql fields
2025-02-15 008_rls_policies.sql row-level security
2025-02-20 009_complete_schema.sql remaining domain tables
2025-03-01 010_multiple_additions.sql accounts.revenue, leads.created_date and users.role
2025-03-05 011_enable_rls.sql every tenant-scoped table
2025-03-10 012_add_tenant_id_to_users.sql link users to tenants
2025-03-10 012_extend_activities_fields.sql activities
2025-03-15 013_allow_null_tenant_id.sql without a tenant
2025-03-15 013_tighten_data_types.sql stricter data types
2025-03-20 014_conversations.sql conversations
2025-03-25 015_add_job_title_to_leads.sql job title
2025-04-10 019_cleanup_duplicate_emails.sql remove duplicate e-mail addresses
2025-04-15 020_enforce_email_uniqueness.sql across users and employees
2025-04-20 020_performance_logs.sql performance of API endpoints
2025-04-25 021_make_email_optional.sql contacts without an e-mail address
2025-04-25 021_systembranding.sql white-label
2025-05-01 022_secure_performance_logs.sql RLS to performance_logs
2025-11-05 023_comprehensive_rls_security.sql RLS on every table
2025-11-06 024_fix_function_search_path.sql functions
2025-11-07 025_add_foreign_key_indexes.sql index every reference
2025-11-07 025_synchealth.sql synchronization of integrations
2025-11-08 026_create_test_user.sql test user
2025-11-08 027_create_superadmin_user.sql superadmin account
2025-11-08 028_fix_rls_apikey_systembranding.sql api_key and systembranding
2025-11-09 029_enforce_account_name_uniqueness.sql duplicate account names
2025-11-09 030_update_port_references.sql 4000
2025-11-09 031_create_ai_campaigns.sql marketing campaigns
2025-11-09 031_rename_cash_flow_type_to_transaction_type.sql cash_flow
2025-11-10 032_normalize_foreign_keys.sql consistent delete actions
2025-11-10 033_entity_lifecycle_with_id_preservation.sql leads to contacts to opportunities
2025-11-10 034_consolidate_tenant_integrations.sql the one place for integrations
2025-11-10 035_consolidate_ai_campaigns.sql merge
2025-11-11 036_cleanup_ai_campaign_residue.sql obsolete
2025-11-10 037_add_conversation_title_topic.sql a title and a topic
2025-11-11 038_add_tenant_uuid_to_users.sql beside the slug
2025-11-11 039_align_ui_schema.sql user interface
2025-11-11 040_moves_and_views.sql views for common queries
2025-11-11 041_calendar_view_metadata_fallback.sql calendar events
2025-11-11 042_fix_entity_transitions_tenant_id_type.sql entity_transitions
2025-11-12 050_flatten_tenant_metadata.sql from metadata to columns
2025-11-13 051_fix_table_name_consistency.sql singular
2025-11-14 052_tenant_identifiers.sql by UUID
2025-11-16 075_agent_memory_archive.sql memory of agents for the long term
2025-11-16 076_agent_sessions_archive_unique.sql once
2025-11-14 999_enable_rls_policies.sql every table
`
  .trim()
  .split('\n')
  .map((line) => {
    const [, date, file, purpose] = /^(\S+) (\S+) (.+)$/.exec(line)!;
    return { date: date!, file: file!, purpose: purpose! };
  });

const headerOf = (path: string) => parseHeader(Buffer.from(shipped(path)));

test('sql/ holds the files of the manual, with their gaps and duplicate numbers, and no other', () => {
  expect(readdirSync(SQL_DIR).sort()).toEqual([...MANUAL.map(({ file }) => file), 'fixes']);
  expect(readdirSync(join(SQL_DIR, 'fixes'))).toEqual(['FIX_deactivate_test_admins.sql']);
  expect(MANUAL).toHaveLength(51);
});

describe('the header block of 12.3', () => {
  test.for(MANUAL)('of $file is complete', ({ file, date, purpose }) => {
    const header = headerOf(`sql/${file}`);
    expect(header.problems).toEqual([]);
    expect(headerValue(header, 'Migration')).toBe(file);
    expect(headerValue(header, 'Description')?.toLowerCase()).toContain(purpose.toLowerCase());
    expect(headerValue(header, 'Date')).toBe(date);
    expect(headerValue(header, 'Author')).toMatch(/^\S.* <\S+@\S+>$/);
    // Whatever a file depends on runs before it.
    const earlier = FILES.slice(0, FILES.indexOf(file));
    expect(earlier).toEqual(expect.arrayContaining(headerList(header, 'Dependencies')));
    expect(headerList(header, 'Dependencies').length > 0).toBe(file !== '001_init.sql');
    expect(headerValue(header, 'Rollback')).toMatch(
      hasRollback(file) ? new RegExp(`^ROLLBACK_${file}$`) : /^None \(.{20,}\)$/,
    );
    for (const block of ['breaking changes', 'new tables', 'modified tables', 'indexes added'])
      expect(header.fields.get(block)?.items.length, block).toBeGreaterThan(0);
  });

  test.for(MANUAL.filter(({ file }) => hasRollback(file)))('of the rollback of $file names it', ({ file, date }) => {
    const header = headerOf(`rollbacks/ROLLBACK_${file}`);
    expect(header.problems).toEqual([]);
    expect(headerValue(header, 'Migration')).toBe(`ROLLBACK_${file}`);
    expect(headerValue(header, 'Reverts')).toBe(file);
    expect(headerValue(header, 'Date')).toBe(date);
    expect(headerValue(header, 'Description')).toMatch(/\S/);
  });

  test('of the fix says what it matches', () => {
    const header = headerOf('sql/fixes/FIX_deactivate_test_admins.sql');
    expect(header.problems).toEqual([]);
    expect(headerValue(header, 'Migration')).toBe('FIX_deactivate_test_admins.sql');
    expect(shipped('sql/fixes/FIX_deactivate_test_admins.sql')).toContain('What it matches');
  });
});

test('rollbacks/ holds no file but the rollbacks of these migrations', () => {
  const rollbacks = MANUAL.map(({ file }) => file).filter(hasRollback);
  expect(readdirSync(join(SQL_DIR, '..', 'rollbacks')).sort()).toEqual(rollbacks.map((file) => `ROLLBACK_${file}`));
});

test('no file holds a password, a hash or a key', () => {
  const paths = [
    ...readdirSync(SQL_DIR, { recursive: true }).map((path) => `sql/${path}`),
    ...readdirSync(join(SQL_DIR, '..', 'rollbacks')).map((path) => `rollbacks/${path}`),
  ].filter((path) => path.endsWith('.sql'));
  expect(paths.length).toBeGreaterThan(100);
  const secret = /\$2[abxy]?\$\d\d\$|\$argon2|\bpassword\s*(=|:)?\s*'|-----BEGIN|\bsk_(live|test)_/i;
  expect(paths.filter((path) => secret.test(shipped(path)))).toEqual([]);
});
