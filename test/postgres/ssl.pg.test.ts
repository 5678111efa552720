import {
  chmodSync,
  chownSync,
  copyFileSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { AishaError } from '../../src/errors.ts';
import { connect } from '../../src/postgres/connect.ts';
import type { LocalSystem } from '../../src/postgres/local-system.ts';
import { type ScratchServer, startScratchServer } from '../../src/postgres/scratch-server.ts';
import { resolveTarget, type Target } from '../../src/postgres/target.ts';
import { type Certificates, makeCertificates } from './certificates.ts';
import { fakeServer, refuseWith } from './fake-server.ts';

const PASSWORD = 'x';
/** Which transport pg_hba.conf lets each role use. */
const RULES = `
hostnossl all plain_only all scram-sha-256
hostssl   all tls_only   all scram-sha-256
hostssl   all with_cert  all cert
hostssl   all plain_only all reject
hostnossl all tls_only   all reject
`;

let server: ScratchServer;
let folder: string;
let certificates: Certificates;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'aisha-ssl-'));
  certificates = makeCertificates(folder, 'with_cert');
  server = await startScratchServer();
  await turnTlsOn(server, certificates);
});

afterAll(async () => {
  await server?.stop();
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
});

/** TLS, rules and roles come with a reload, so that the files can be given to the user the server runs as. */
async function turnTlsOn({ dataDir, url }: ScratchServer, { ca, server: pair }: Certificates): Promise<void> {
  const { uid, gid } = statSync(dataDir);
  for (const [from, to] of [
    [ca, 'root.crt'],
    [pair.cert, 'server.crt'],
    [pair.key, 'server.key'],
  ] as const) {
    copyFileSync(from, join(dataDir, to));
    chownSync(join(dataDir, to), uid, gid);
    chmodSync(join(dataDir, to), 0o600);
  }
  const rules = join(dataDir, 'pg_hba.conf');
  writeFileSync(rules, RULES + readFileSync(rules, 'utf8'));
  const client = new pg.Client({ connectionString: url('postgres') });
  await client.connect();
  for (const role of ['plain_only', 'tls_only', 'with_cert']) {
    await client.query(`create role ${role} login password '${PASSWORD}'`);
  }
  await client.query("alter system set ssl_ca_file = 'root.crt'");
  await client.query('alter system set ssl = on');
  await client.query('select pg_reload_conf()');
  await client.end();
  await untilTls(url('postgres'));
}

/** The postmaster reads its configuration a moment after it was told to. */
async function untilTls(connectionString: string): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const client = new pg.Client({ connectionString, ssl: { rejectUnauthorized: false } });
    const isUp = await client.connect().then(
      () => true,
      () => false,
    );
    await client.end().catch(() => {});
    if (isUp) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('the server does not turn TLS on');
}

/** A machine without certificates of its own: what lies in the home folder of whoever runs the tests must not matter. */
const BARE: LocalSystem = {
  platform: 'linux',
  userName: 'tester',
  passfile: '/none',
  serviceFile: '/none',
  certificateDir: '/none',
  readFile: () => undefined,
  exists: () => false,
};

/** db.test is the name in the certificate; hostaddr leads to the server without a name server. */
function target(parameters: string, user = server.user, password = server.password, host = 'db.test'): Target {
  const databaseUrl = `host=${host} hostaddr=127.0.0.1 port=${server.port} dbname=postgres user=${user} password=${password} ${parameters}`;
  return resolveTarget({ databaseUrl, env: {}, system: BARE });
}

/** Connects and asks the server whether the session is encrypted. */
async function isEncrypted(to: Target): Promise<boolean> {
  const client = await connect(to, { applicationName: 'test' });
  onTestFinished(() => client.end());
  const { rows } = await client.query<{ ssl: boolean }>('select ssl from pg_stat_ssl where pid = pg_backend_pid()');
  return rows[0]!.ssl;
}

async function errorOf(to: Target): Promise<AishaError> {
  const error = await isEncrypted(to).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(AishaError);
  return error as AishaError;
}

describe('with a server that offers both', () => {
  test.each([
    ['disable', false],
    ['allow', false],
    ['prefer', true],
    ['require', true],
  ])('sslmode=%s is encrypted: %s', async (mode, expected) => {
    expect(await isEncrypted(target(`sslmode=${mode}`))).toBe(expected);
  });

  test('no sslmode is prefer', async () => {
    expect(await isEncrypted(target(''))).toBe(true);
  });
});

describe('where the server insists', () => {
  test('allow turns to TLS', async () => {
    expect(await isEncrypted(target('sslmode=allow', 'tls_only', PASSWORD))).toBe(true);
  });

  test('prefer turns to plain text', async () => {
    expect(await isEncrypted(target('sslmode=prefer', 'plain_only', PASSWORD))).toBe(false);
  });

  test('disable fails, and the message says that TLS may be wanted', async () => {
    const error = await errorOf(target('sslmode=disable', 'tls_only', PASSWORD));
    expect(error).toMatchObject({ sqlState: '28000', hint: expect.stringContaining('pg_hba.conf') });
    expect(error.details.filter((line) => line.startsWith('tried'))).toHaveLength(1);
  });

  test('require never turns to plain text', async () => {
    const error = await errorOf(target('sslmode=require', 'plain_only', PASSWORD));
    expect(error.message).toContain('pg_hba.conf');
    expect(error.details.filter((line) => line.startsWith('tried'))).toHaveLength(1);
  });

  test('both attempts are told when both fail', async () => {
    const error = await errorOf(target('sslmode=prefer', 'plain_only', 'wrong'));
    expect(error.sqlState).toBe('28P01');
    expect(error.details.slice(0, 2)).toEqual([
      expect.stringContaining('with TLS (sslmode prefer)'),
      expect.stringContaining('without TLS'),
    ]);
  });

  test('a wrong password is not sent again in plain text', async () => {
    const error = await errorOf(target('sslmode=prefer', server.user, 'wrong'));
    expect(error.details.filter((line) => line.startsWith('tried'))).toHaveLength(1);
  });
});

describe('a server without TLS', () => {
  test('is talked to in plain text with prefer', async () => {
    const { port, connections } = await fakeServer(refuseWith('3D000', 'database "d" does not exist'));
    const to = resolveTarget({ databaseUrl: `postgres://u:x@127.0.0.1:${port}/d`, env: {}, system: BARE });
    expect((await errorOf(to)).sqlState).toBe('3D000');
    expect(connections()).toBe(2);
  });

  test.each(['require', 'verify-ca', 'verify-full'])('is refused with %s', async (mode) => {
    const { port, connections } = await fakeServer(refuseWith('3D000', 'never sent'));
    const databaseUrl = `postgres://u:x@127.0.0.1:${port}/d?sslmode=${mode}&sslrootcert=${certificates.ca}`;
    const error = await errorOf(resolveTarget({ databaseUrl, env: {}, system: BARE }));
    expect(error).toMatchObject({
      kind: 'connection',
      message: expect.stringContaining(`offers no TLS and sslmode is ${mode}`),
    });
    expect(connections()).toBe(1);
  });
});

describe('the certificate of the server', () => {
  const trusted = () => `sslrootcert=${certificates.ca}`;
  const untrusted = () => `sslrootcert=${certificates.otherCa}`;

  test('is not checked with require alone', async () => {
    expect(await isEncrypted(target('sslmode=require'))).toBe(true);
  });

  test.each(['require', 'verify-ca', 'verify-full'])('of a trusted authority is accepted with %s', async (mode) => {
    expect(await isEncrypted(target(`sslmode=${mode} ${trusted()}`))).toBe(true);
  });

  test.each(['require', 'verify-ca', 'verify-full'])(
    'of another authority is refused with %s and a root',
    async (mode) => {
      const error = await errorOf(target(`sslmode=${mode} ${untrusted()}`));
      expect(error).toMatchObject({
        kind: 'connection',
        message: expect.stringContaining('is not signed by a trusted authority'),
        hint: expect.stringMatching(/sslrootcert.*other-ca\.crt/),
      });
    },
  );

  test.each(['require', 'verify-ca'])('for another host name is accepted with %s', async (mode) => {
    const to = target(`sslmode=${mode} ${trusted()}`, server.user, server.password, 'other.test');
    expect(await isEncrypted(to)).toBe(true);
  });

  test('for another host name is refused with verify-full', async () => {
    const error = await errorOf(target(`sslmode=verify-full ${trusted()}`, server.user, server.password, 'other.test'));
    expect(error).toMatchObject({
      message: expect.stringContaining('is for another host name'),
      hint: expect.stringMatching(/db\.test.*sslmode=verify-ca/),
    });
  });

  test('for a name is refused with verify-full when an address is all that is known', async () => {
    const error = await errorOf(target(`sslmode=verify-full ${trusted()}`, server.user, server.password, '127.0.0.1'));
    expect(error.message).toContain('is for another host name');
  });

  test('that nobody but this test trusts is refused with the roots of the machine', async () => {
    const error = await errorOf(target('sslmode=verify-full sslrootcert=system'));
    expect(error.message).toContain('is not signed by a trusted authority');
  });

  test('that was revoked is refused', async () => {
    const error = await errorOf(target(`sslmode=verify-ca ${trusted()} sslcrl=${certificates.crl}`));
    expect(error.message).toContain('is not valid');
  });

  test('cannot be checked with a root certificate that is not there', async () => {
    const error = await errorOf(target('sslmode=verify-ca sslrootcert=/none.pem'));
    expect(error).toMatchObject({ kind: 'connection', message: 'root certificate "/none.pem" cannot be read' });
  });
});

describe('the certificate of the client', () => {
  const pair = () => `sslmode=require sslcert=${certificates.client.cert} sslkey=${certificates.client.key}`;

  test('logs in without a password', async () => {
    expect(await isEncrypted(target(pair(), 'with_cert', 'unused'))).toBe(true);
  });

  test('is asked for where it is missing', async () => {
    const error = await errorOf(target('sslmode=require', 'with_cert', 'unused'));
    expect(error.hint).toContain('client certificate');
  });

  test('without its key is refused', async () => {
    const error = await errorOf(target(`sslmode=require sslcert=${certificates.client.cert}`));
    expect(error.message).toMatch(/has no private key$/);
  });

  test('with a key that others can read is refused', async () => {
    const key = join(folder, 'open.key');
    copyFileSync(certificates.client.key, key);
    chmodSync(key, 0o644);
    const error = await errorOf(target(`sslmode=require sslcert=${certificates.client.cert} sslkey=${key}`));
    expect(error).toMatchObject({
      message: `private key "${key}" has group or world access`,
      hint: `Run chmod 0600 ${key}.`,
    });
  });

  test('with a file that is no key is refused as a TLS problem', async () => {
    const key = join(folder, 'no.key');
    writeFileSync(key, 'nothing', { mode: 0o600 });
    const error = await errorOf(target(`sslmode=require sslcert=${certificates.client.cert} sslkey=${key}`));
    expect(error).toMatchObject({
      kind: 'connection',
      message: expect.stringContaining('TLS with'),
      hint: expect.stringContaining('sslkey'),
    });
  });
});

describe('channel_binding=require', () => {
  test('logs in with TLS and SCRAM', async () => {
    expect(await isEncrypted(target('sslmode=require channel_binding=require', 'tls_only', PASSWORD))).toBe(true);
  });

  test.each([
    ['in plain text', 'sslmode=disable', 'plain_only'],
    ['with a certificate and no password', '', 'with_cert'],
  ])('refuses to log in %s', async (_, parameters, user) => {
    const more =
      user === 'with_cert'
        ? `sslmode=require sslcert=${certificates.client.cert} sslkey=${certificates.client.key}`
        : '';
    const error = await errorOf(target(`${parameters} ${more} channel_binding=require`, user, PASSWORD));
    expect(error).toMatchObject({
      kind: 'connection',
      message: expect.stringContaining('no log-in with channel binding'),
    });
  });
});
