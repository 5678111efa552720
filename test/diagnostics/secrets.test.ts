import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { SHIPPED_CHECKS } from '../../src/diagnostics/load.ts';
import { findSecrets } from '../../src/diagnostics/secrets.ts';

/** Put together here, so that nobody takes this file for a leak. */
const RANDOM = ['9fK2', 'xQ7v', 'Lm4Z', 'tR8w', 'Bn3C', 'yH6s', 'Jd5P', 'gA1e', 'Vu0M', 'kE2o'].join('');

/** A token that is meant to be seen. */
function published(role: string, iss: string): string {
  return `eyJ${RANDOM}.${Buffer.from(JSON.stringify({ role, iss })).toString('base64url')}.${RANDOM}`;
}

const ISSUED: readonly (readonly [kind: string, key: string])[] = [
  ['a private key', `-----BEGIN RSA PRIVATE${' '}KEY-----`],
  ['an access key of AWS', `AKIA${'QWERTYUIOP123456'}`],
  ['a token of GitHub', `ghp_${RANDOM.slice(0, 36)}`],
  ['a key of Stripe', `sk_live_${RANDOM}`],
  ['an API key of OpenAI or Anthropic', `sk-ant-${RANDOM}`],
  ['a token of Slack', `xoxb-${RANDOM}`],
  ['an API key of Google', `AIza${RANDOM.slice(0, 35)}`],
  ['a key of Supabase', `sb_secret_${RANDOM}`],
  ['a JSON web token', `eyJ${RANDOM}.eyJ${RANDOM}.${RANDOM}`],
  ['a token of GitLab', `glpat-${RANDOM.slice(0, 20)}`],
  ['a key of Stripe', `whsec_${RANDOM.slice(0, 32)}`],
  ['an API key of SendGrid', `SG.${RANDOM.slice(0, 22)}.${RANDOM}${RANDOM.slice(0, 3)}`],
  ['a token of Slack', `https://hooks.slack.com/services/T${'0A1B2C3D'}/B${'4E5F6G7H'}/${RANDOM.slice(0, 24)}`],
  ['an API key of Google', `GOCSPX-${RANDOM.slice(0, 28)}`],
  ['a password in a connection string', `host=db.internal dbname=crm user=app password=${RANDOM}`],
  ['a password in a URL', `postgresql://postgres:${RANDOM}@db.example.com:5432/postgres`],
];

describe('finds', () => {
  test.each(ISSUED)('%s, on its line', (kind, key) => {
    const text = `-- Migration: 001_a.sql\r\n\r\ncomment on table "it's %" is 'see ${key}';\r\n`;
    expect(findSecrets(text)).toEqual([{ line: 3, kind }]);
  });

  test.each([
    ['the password of a role', `create role app login\n  password 'hunter2';`, 2],
    ['the password of a role', `ALTER USER "my user" WITH PASSWORD 'correct horse'`, 1],
    ['a secret', `insert into webhook (secret) values (jsonb_build_object('api_key', '${RANDOM}'));`, 1],
    ['a secret', `alter database crm set app.jwt_secret to '${RANDOM}';`, 1],
    ['a secret', `select set_config('app.service_role_key', '${RANDOM}', false);`, 1],
    ['the password of a role', `alter role app password 'md5${'9e107d9d372bb6826bd81d3542a419d6'}';`, 1],
    ['a password in options', `create user mapping for public server s options (user 'app', password 'hunter2');`, 1],
    ['a password in options', `create server "s %" foreign data wrapper w\n  options (api_key 'one of % few');`, 2],
    ['a key of encryption', `select pgp_sym_encrypt(note, 'correct horse') from notes;`, 1],
    ['a secret', `declare api_token constant text := '${RANDOM}';`, 1],
    ['a password', `create table t (id int); -- password of the import user: Tr0ub4dor&3`, 1],
    ['a secret', `'{"client_secret": "${RANDOM}"}'`, 1],
  ])('%s: %s', (kind, text, line) => {
    expect(findSecrets(text)).toEqual([{ line, kind }]);
  });

  test('each line once, in their order', () => {
    const text = ISSUED.map(([, key]) => key).join('\n');
    expect(findSecrets(text)).toEqual(ISSUED.map(([kind], index) => ({ line: index + 1, kind })));
  });
});

test.each([
  `create role app login password :'app_password';`,
  `alter role app password '\${APP_PASSWORD}';`,
  `execute format('alter role app password %L', secret);`,
  `create role app login password 'changeme';`,
  `-- postgres://user:<password>@host/db, postgres://user:password@host/db, https://example.com:443/@x`,
  `create table t (password_hash text, api_key_hash text not null default 'no key has been set up for it yet');`,
  `values ('token', '3f2504e0-4f89-11d3-9a0c-0305e82c3301')`,
  `checksum text default '9e107d9d372bb6826bd81d3542a419d6'`,
  `comment on column t.token is 'as the provider gave it in March 2025';`,
  `-- access key of the documentation: AKIA${'IOSFODNN7EXAMPLE'}; sk_live_${'x'.repeat(24)}`,
  `alter role app password 'SCRAM-SHA-256$4096:c2FsdA==$c3RvcmVkS2V5:c2VydmVyS2V5';`,
  `comment on view v is 'postgres://app:app@localhost/crm, host=localhost dbname=x password=\${PGPASSWORD}';`,
  `-- password rules: 12 letters, Digits and so on; password hash = Argon2id; secret: current_setting('app.S3cret')`,
  `create server s foreign data wrapper w options (api_key_id '3f2504e0-4f89-11d3-9a0c-0305e82c3301', host 'x');`,
  `select pgp_sym_encrypt(note, current_setting('app.key')), pgp_sym_decrypt(x, :'key');`,
  published('anon', 'supabase'),
  published('service_role', 'supabase-demo'),
  `secrets constant text[] := array['password_hash', 'key_hash', 'secret', 'api_credentials'];`,
])('leaves alone: %s', (text) => {
  expect(findSecrets(text)).toEqual([]);
});

test('leaves the shipped schema alone', () => {
  const folders = ['sql', 'sql/fixes', 'rollbacks'].map((name) => join(SHIPPED_CHECKS, '..', name));
  const files = folders.flatMap((folder) => readdirSync(folder).map((file) => join(folder, file)));
  const texts = files.filter((file) => file.endsWith('.sql')).map((file) => readFileSync(file, 'utf8'));
  expect(texts.length).toBeGreaterThan(30);
  expect(texts.flatMap(findSecrets)).toEqual([]);
});

test('a long line of anything takes no longer than it should', () => {
  for (const piece of ['a', 'eyJ', 'password ', "role '", '://a:', 'secret = "', '-----BEGIN ']) {
    expect(findSecrets(piece.repeat(200_000 / piece.length))).toEqual([]);
  }
});

test.each(['secret-in-catalog.sql', 'secret-in-cron-job.sql'])('%s knows the same kinds', (file) => {
  const sql = readFileSync(join(SHIPPED_CHECKS, file), 'utf8');
  for (const [kind] of ISSUED) expect(sql).toContain(`('${kind}', `);
});
