import { expect, test } from 'vitest';
import { settingsOf } from '../../src/tenancy/contexts.ts';
import { CONTEXTS } from '../../src/tenancy/facts.ts';
import { SUBJECT } from '../../src/tenancy/samples.ts';

const SOURCE = {
  settings: ['app.tenant', 'request.jwt.claim.sub'],
  columns: ['tenant_id'],
  claims: undefined,
  users: ["app.o'user"],
};
const TENANTS = { own: '7', other: '8', unknown: '9' };

// Contexts follow each other in one session, where a setting stays as it was last made.
for (const subject of [undefined, SUBJECT.replace('0', '1'), '42']) {
  const tenants = { ...TENANTS, ...(subject === undefined ? {} : { subject }) };
  const made = CONTEXTS.filter((context) => context !== 'unset').map((context) => ({
    context,
    settings: settingsOf(context, SOURCE, tenants, 'authenticated'),
  }));

  test(`every context says again what another one has said, with the user ${subject}`, () => {
    for (const { settings } of made)
      expect(Object.keys(settings).sort()).toEqual(Object.keys(made[0]!.settings).sort());
  });

  test(`who is not in the tenant is nobody that there is, with the user ${subject}`, () => {
    for (const { context, settings } of made) {
      const isMember = ['own', 'own-uppercase', 'forged', 'reused'].includes(context);
      if (isMember) continue;
      expect(Object.values(settings).join()).not.toContain(subject ?? 'nobody');
    }
  });
}

test('users claim every right that is asked for where they may write themselves, and nowhere else', () => {
  const source = {
    ...SOURCE,
    keys: new Map<string, unknown>([
      ['is_admin', true],
      ['tenant_id', 'x'],
    ]),
  };
  const claims = (context: 'own' | 'forged') =>
    JSON.parse(settingsOf(context, source, TENANTS, 'authenticated')['request.jwt.claims']!);
  expect(claims('forged').user_metadata).toMatchObject({ is_admin: true, tenant_id: '8' });
  expect(JSON.stringify(claims('own'))).not.toContain('is_admin');
});

test('a setting of users is made only where a user is known', () => {
  expect(settingsOf('own', SOURCE, TENANTS, 'authenticated')).not.toHaveProperty(["app.o'user"]);
  expect(settingsOf('own', SOURCE, { ...TENANTS, subject: '42' }, 'authenticated')).toHaveProperty(
    ["app.o'user"],
    '42',
  );
  expect(settingsOf('garbage', SOURCE, { ...TENANTS, subject: '42' }, 'authenticated')).toHaveProperty(
    ["app.o'user"],
    '0',
  );
});
