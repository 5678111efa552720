import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { AishaError } from '../../src/errors.ts';
import type { LocalSystem } from '../../src/postgres/local-system.ts';
import { resolveTarget, type Target } from '../../src/postgres/target.ts';
import type { TargetSources } from '../../src/postgres/target-address.ts';
import { Secret } from '../../src/secret.ts';

/** A machine with these files; modes are 0600. */
function machine(files: Readonly<Record<string, string>> = {}, mode = 0o100600): LocalSystem {
  return {
    platform: 'linux',
    userName: 'osuser',
    passfile: '/home/osuser/.pgpass',
    serviceFile: '/home/osuser/.pg_service.conf',
    certificateDir: '/home/osuser/.postgresql',
    readFile: (path) => (files[path] === undefined ? undefined : { text: files[path], mode }),
    exists: (path) => files[path] !== undefined,
  };
}

function resolve(sources: Partial<TargetSources>): Target {
  return resolveTarget({ env: {}, system: machine(), ...sources });
}

function fromUrl(databaseUrl: string, env: TargetSources['env'] = {}): Target {
  return resolve({ databaseUrl, env });
}

function errorOf(run: () => unknown): AishaError {
  try {
    run();
  } catch (error) {
    if (error instanceof AishaError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('which address is taken', () => {
  const everything: TargetSources = {
    databaseUrl: 'postgres://flag/d',
    environment: 'dev',
    environments: { dev: { url: new Secret('postgres://dev/d'), protected: false } },
    env: { AISHA_DATABASE_URL: 'postgres://aisha/d', DATABASE_URL: 'postgres://url/d', PGHOST: 'pghost' },
  };

  test.each([
    ['--database-url first', everything, 'flag', 'flag'],
    ['then --env', { ...everything, databaseUrl: undefined }, 'dev', 'env:dev'],
    ['then AISHA_DATABASE_URL', { env: everything.env }, 'aisha', 'AISHA_DATABASE_URL'],
    ['then DATABASE_URL', { env: { ...everything.env, AISHA_DATABASE_URL: '' } }, 'url', 'DATABASE_URL'],
    ['then the PG* variables', { env: { PGHOST: 'pghost' } }, 'pghost', 'PG*'],
  ])('%s', (_, sources, host, source) => {
    expect(resolve(sources)).toMatchObject({ host, source });
  });

  test.each([{ PGDATABASE: 'app' }, { PGHOSTADDR: '10.0.0.1' }])('%j alone names a database', (env) => {
    expect(resolve({ env }).source).toBe('PG*');
  });

  test.each([{}, { PGUSER: 'aisha', PGPASSWORD: 'x', PGPORT: '5433' }, { DATABASE_URL: '' }])(
    'given %j nothing is named: refused with every way to do it, never localhost',
    (env) => {
      const error = errorOf(() => resolve({ env }));
      expect(error).toMatchObject({ kind: 'usage', message: 'no database is named' });
      const ways = error.details.join('\n');
      for (const way of ['--database-url', '--env', 'AISHA_DATABASE_URL', 'DATABASE_URL', 'PGHOST', 'PGSERVICE']) {
        expect(ways).toContain(way);
      }
      expect(error.hint).toContain('--embedded');
    },
  );
});

describe('--env NAME', () => {
  test('takes the URL of the variable that urlFrom names', () => {
    const environments = { prod: { urlFrom: 'PROD_URL', protected: true } };
    const target = resolve({ environment: 'prod', environments, env: { PROD_URL: 'postgres://prod/d' } });
    expect(target).toMatchObject({
      host: 'prod',
      source: 'env:prod',
      environment: { name: 'prod', protected: true },
    });
  });

  test.each([
    ['an unknown name', 'prd', { prod: { protected: false } }, 'there is no environment "prd" in the configuration'],
    ['a name of Object.prototype', 'toString', {}, 'there is no environment "toString" in the configuration'],
    ['no address', 'prod', { prod: { protected: false } }, 'environment "prod" does not say where to connect'],
    ['an unset variable', 'prod', { prod: { urlFrom: 'PROD_URL', protected: false } }, 'PROD_URL is not set'],
  ])('%s is refused, even when DATABASE_URL is set', (_, environment, environments, message) => {
    const env = { DATABASE_URL: 'postgres://other/d' };
    expect(errorOf(() => resolve({ environment, environments, env }))).toMatchObject({ kind: 'usage', message });
  });
});

describe('a protected environment', () => {
  const protectedAt = (url: string) => ({ prod: { url: new Secret(url), protected: true } });

  test.each([
    ['the same URL', 'postgres://u:a@db.example.com/app', 'postgres://u:b@DB.example.com:5432/app'],
    [
      'the pooler of the same Supabase project',
      'postgres://postgres:a@db.abcdefgh.supabase.co/postgres',
      'postgres://postgres.abcdefgh:b@aws-0-eu-central-1.pooler.supabase.com:6543/postgres',
    ],
  ])('is recognised by its address in DATABASE_URL: %s', (_, ofConfig, databaseUrl) => {
    const target = resolve({ environments: protectedAt(ofConfig), env: { DATABASE_URL: databaseUrl } });
    expect(target.environment).toEqual({ name: 'prod', protected: true });
  });

  test.each([
    ['another database', 'postgres://u@db.example.com/app', 'postgres://u@db.example.com/other'],
    ['another port', 'postgres://u@db.example.com/app', 'postgres://u@db.example.com:5433/app'],
    [
      'another project behind the same pooler',
      'postgres://postgres.aaaa@aws-0-eu-central-1.pooler.supabase.com/postgres',
      'postgres://postgres.bbbb@aws-0-eu-central-1.pooler.supabase.com/postgres',
    ],
  ])('is not taken for %s', (_, ofConfig, databaseUrl) => {
    expect(resolve({ environments: protectedAt(ofConfig), databaseUrl }).environment).toBeUndefined();
  });

  test('whose variable is not set or not a URL is no obstacle to other targets', () => {
    const environments = { a: { urlFrom: 'A', protected: true }, b: { url: new Secret('nonsense'), protected: true } };
    expect(resolve({ environments, databaseUrl: 'postgres://h/d' }).environment).toBeUndefined();
  });

  test('is recognised under the name of another environment', () => {
    const environments = {
      ...protectedAt('postgres://a/d'),
      dev: { url: new Secret('postgres://a/d'), protected: false },
    };
    const target = resolve({ environment: 'dev', environments });
    expect(target.environment).toEqual({ name: 'prod', protected: true });
  });

  test('that was named with --env stays protected when --database-url says where', () => {
    const sources = { environment: 'prod', environments: protectedAt('postgres://a/d'), databaseUrl: 'postgres://b/d' };
    expect(resolve(sources)).toMatchObject({ host: 'b', environment: { name: 'prod', protected: true } });
  });
});

describe('a connection string', () => {
  test.each([
    ['postgres://u:p@h:5433/d', { host: 'h', port: 5433, database: 'd', user: 'u' }],
    ['postgresql://u@h/d', { host: 'h', port: 5432, database: 'd', user: 'u' }],
    ['POSTGRES://u@h/d', { host: 'h' }],
    ['  postgres://u@h/d\n', { host: 'h', database: 'd' }],
    ['postgres://u@h', { database: 'u' }],
    ['postgres://h', { user: 'osuser', database: 'osuser' }],
    ['postgres://us%40er@h/d%2Fe', { user: 'us@er', database: 'd/e' }],
    ['postgres://u@[::1]:5433/d', { host: '::1', port: 5433 }],
    ['postgres://u@%2Fvar%2Frun%2Fpostgresql/d', { host: '/var/run/postgresql' }],
    ['postgres:///d?host=/tmp&port=5433&user=u', { host: '/tmp', port: 5433, user: 'u', database: 'd' }],
    ['host=h port=5433 dbname=d user=u', { host: 'h', port: 5433, database: 'd', user: 'u' }],
    ["host = h user='a b' dbname = 'it\\'s'", { host: 'h', user: 'a b', database: "it's" }],
    ['host=h dbname=a\\ b', { database: 'a b' }],
    ['postgres://u@h/d?options=-c%20search_path%3Dapp', { options: '-c search_path=app' }],
    [
      'postgres://u@h/d?application_name=deploy&connect_timeout=3',
      { applicationName: 'deploy', connectTimeoutMs: 3000 },
    ],
    ['postgres://u@h/d?connect_timeout=0', { connectTimeoutMs: 0 }],
    ['postgres://u@h/d', { connectTimeoutMs: 10_000 }],
    ['host=h hostaddr=10.0.0.1', { host: 'h', hostAddress: '10.0.0.1' }],
    ['hostaddr=10.0.0.1', { host: '10.0.0.1', hostAddress: '10.0.0.1' }],
  ])('%s is understood', (url, expected) => {
    expect(fromUrl(url)).toMatchObject(expected);
  });

  test.each([
    ['postgres://u:p%40ss%3A@h/d', 'p@ss:'],
    ['postgres://u:p@ss@h/d', 'p@ss'],
    ['postgres://u:a+b@h/d', 'a+b'],
    ["host=h password='a b'", 'a b'],
    ['postgres://u@h/d?password=x', 'x'],
  ])('%s has the password %s', (url, password) => {
    expect(fromUrl(url).password?.reveal()).toBe(password);
  });

  test.each([
    ['mysql://u@h/d', 'is not a PostgreSQL connection string'],
    ['h/d', 'is not a PostgreSQL connection string'],
    ['', 'is not a PostgreSQL connection string'],
    ['postgres://h1,h2/d', 'names several hosts'],
    ['host=h1,h2 dbname=d', 'names several hosts'],
    ['postgres://u@h:port/d', 'has a port that is not a number'],
    ['postgres://u@h:0/d', 'is not a number from 1 to 65535'],
    ['postgres://u@h:65536/d', 'is not a number from 1 to 65535'],
    ['postgres://u@::1/d', 'more than one :'],
    ['postgres://u@[::1/d', 'has an unfinished IPv6 address'],
    ['postgres://u:p%zz@h/d', 'has a password with an invalid percent-encoding'],
    ['postgres://u:p/x@h/d', 'has an @ behind its first /'],
    ['postgres://u@h/d?sslmode', 'has a parameter without a value'],
    ["host=h password='open", 'that is not keyword=value'],
    ['postgres://u@h/d?sslmode=on', 'has an unknown value'],
    ['postgres://u@h/d?sslmode=no-verify', 'has an unknown value'],
    ['postgres://u@h/d?connect_timeout=soon', 'is not a number of seconds'],
    ['postgres://u@h/d?replication=database', 'has a parameter that PostgreSQL does not know'],
    ['host=h hostaddr=elsewhere', 'is not an IP address'],
  ])('%s is refused, naming where it was said', (url, message) => {
    expect(errorOf(() => fromUrl(url))).toMatchObject({
      kind: 'usage',
      message: expect.stringMatching(new RegExp(`--database-url.*${message}`)),
      hint: expect.stringMatching(/\.$/),
    });
  });

  test('a mistyped sslmode is refused with the right name, not ignored', () => {
    const error = errorOf(() => fromUrl('postgres://u@h/d?sslmod=verify-full'));
    expect(error).toMatchObject({ message: expect.stringContaining('"sslmod"'), hint: 'Did you mean "sslmode"?' });
  });

  test('parameters of other drivers and those without meaning here are passed over with a note', () => {
    const target = fromUrl('postgres://u@h/d?target_session_attrs=read-write&schema=public&connection_limit=1');
    expect(target.notes).toEqual([
      'parameter "target_session_attrs" in --database-url is ignored',
      'parameter "schema" in --database-url is ignored',
      'parameter "connection_limit" in --database-url is ignored',
    ]);
  });

  test.each([
    ['postgres://u@h:6543/d', true],
    ['postgres://u@h:5432/d?pgbouncer=true', true],
    ['postgres://postgres.ref@aws-0-eu-central-1.pooler.supabase.com:5432/postgres', false],
  ])('%s is a transaction pooler by its address: %s', (url, isPoolerUrl) => {
    expect(fromUrl(url).isPoolerUrl).toBe(isPoolerUrl);
  });

  test('is described without the password', () => {
    expect(fromUrl('postgres://u:p@h:5433/d').describe()).toBe('h:5433/d as u');
    expect(fromUrl('postgres://u:p@[::1]/d').describe()).toBe('[::1]:5432/d as u');
  });
});

describe('what the connection string leaves open', () => {
  test('comes from the PG* variables', () => {
    const env = { PGUSER: 'aisha', PGPASSWORD: 'x', PGPORT: '5433', PGAPPNAME: 'ci', PGCONNECT_TIMEOUT: '7' };
    const target = fromUrl('postgres://h/d', env);
    expect(target).toMatchObject({ user: 'aisha', port: 5433, applicationName: 'ci', connectTimeoutMs: 7000 });
    expect(target.password?.reveal()).toBe('x');
  });

  test('what it says itself wins over the PG* variables', () => {
    const env = { PGHOST: 'no', PGHOSTADDR: '10.0.0.9', PGUSER: 'no', PGPORT: '1', PGDATABASE: 'no', PGSSLMODE: 'no' };
    const target = fromUrl('postgres://u@h:5433/d?sslmode=require', env);
    expect(target).toMatchObject({ host: 'h', port: 5433, database: 'd', user: 'u', ssl: { mode: 'require' } });
    expect(target.hostAddress).toBeUndefined();
  });

  test('an unusable variable is named', () => {
    expect(errorOf(() => resolve({ env: { PGHOST: 'a,b' } })).message).toBe('PGHOST names several hosts');
    expect(errorOf(() => fromUrl('postgres://h/d', { PGPORT: 'x' })).message).toContain('PGPORT');
    expect(errorOf(() => fromUrl('postgres://h/d', { PGSSLMODE: 'x' })).message).toContain('PGSSLMODE');
  });

  test('the host is the socket of this machine if there is one, else localhost', () => {
    const env = { PGDATABASE: 'app' };
    expect(resolve({ env }).host).toBe('localhost');
    expect(resolve({ env, system: machine({ '/tmp/.s.PGSQL.5432': '' }) }).host).toBe('/tmp');
  });

  test('a machine without a user name needs a role', () => {
    const system = { ...machine(), userName: undefined };
    expect(errorOf(() => resolve({ databaseUrl: 'postgres://h/d', system })).message).toBe('no role is named');
  });
});

describe('the password file', () => {
  const files = { '/home/osuser/.pgpass': 'h:5432:d:u:from-file' };

  test('gives the password that nothing else gives', () => {
    expect(resolve({ databaseUrl: 'postgres://u@h/d', system: machine(files) }).password?.reveal()).toBe('from-file');
    expect(resolve({ databaseUrl: 'postgres://u:url@h/d', system: machine(files) }).password?.reveal()).toBe('url');
    expect(resolve({ databaseUrl: 'postgres://u@other/d', system: machine(files) }).password).toBeUndefined();
  });

  test('PGPASSFILE names another', () => {
    const system = machine({ '/etc/pass': '*:*:*:*:other' });
    const target = resolve({ databaseUrl: 'postgres://u@h/d', env: { PGPASSFILE: '/etc/pass' }, system });
    expect(target.password?.reveal()).toBe('other');
  });

  test('that others can read is not used, and a note says so', () => {
    const target = resolve({ databaseUrl: 'postgres://u@h/d', system: machine(files, 0o100644) });
    expect(target.password).toBeUndefined();
    expect(target.notes).toEqual([expect.stringContaining('.pgpass')]);
  });
});

describe('a service', () => {
  const own = '/home/osuser/.pg_service.conf';

  test('fills in between the connection string and the PG* variables', () => {
    const system = machine({ [own]: '[prod]\nhost=service\nport=5433\nuser=s\npassword=x\n' });
    const target = resolve({ env: { PGSERVICE: 'prod', PGUSER: 'no', PGDATABASE: 'd' }, system });
    expect(target).toMatchObject({ host: 'service', port: 5433, user: 's', database: 'd' });
    expect(target.password?.reveal()).toBe('x');
    expect(resolve({ databaseUrl: 'service=prod host=h', env: {}, system })).toMatchObject({ host: 'h', port: 5433 });
  });

  test('is looked for in PGSERVICEFILE or the own file, then in that of the system', () => {
    const files = { '/svc': '[a]\nhost=named', [own]: '[a]\nhost=own', '/sys/pg_service.conf': '[b]\nhost=system' };
    const env = { PGSYSCONFDIR: '/sys' };
    const hostOf = (more: TargetSources['env']) => resolve({ env: { ...env, ...more }, system: machine(files) }).host;
    expect(hostOf({ PGSERVICE: 'a' })).toBe('own');
    expect(hostOf({ PGSERVICE: 'a', PGSERVICEFILE: '/svc' })).toBe('named');
    expect(hostOf({ PGSERVICE: 'b' })).toBe('system');
  });

  test('that is not defined is refused with the files that were read', () => {
    const error = errorOf(() => resolve({ env: { PGSERVICE: 'x', PGSYSCONFDIR: '/sys' } }));
    expect(error.message).toBe('there is no service "x" (PGSERVICE)');
    expect(error.hint).toContain(own);
    expect(error.hint).toContain('/sys/pg_service.conf');
  });

  test('with a mistyped parameter is refused', () => {
    const system = machine({ [own]: '[a]\nhosst=h' });
    expect(errorOf(() => resolve({ env: { PGSERVICE: 'a' }, system })).message).toContain('"hosst"');
  });
});

describe('sslmode', () => {
  test.each([
    ['', 'prefer'],
    ['?sslmode=disable', 'disable'],
    ['?sslmode=allow', 'allow'],
    ['?sslmode=require', 'require'],
    ['?ssl=true', 'require'],
    ['?ssl=false', 'disable'],
    ['?sslmode=verify-ca&sslrootcert=/ca.pem', 'verify-ca'],
    ['?sslrootcert=system', 'verify-full'],
  ])('of "%s" is %s', (query, mode) => {
    expect(fromUrl(`postgres://u@h/d${query}`).ssl.mode).toBe(mode);
  });

  test('on a Unix socket is disable whatever is said', () => {
    expect(fromUrl('postgres://u@%2Ftmp/d?sslmode=require').ssl.mode).toBe('disable');
  });

  test('verify-full without a root certificate is refused with the three ways to one', () => {
    const error = errorOf(() => fromUrl('postgres://u@h/d?sslmode=verify-full'));
    expect(error.message).toBe('sslmode verify-full needs a root certificate and there is none');
    expect(error.hint).toMatch(/sslrootcert.*\.postgresql\/root\.crt.*sslrootcert=system/);
  });

  test('too weak for the roots of the machine is refused', () => {
    const error = errorOf(() => fromUrl('postgres://u@h/d?sslmode=require&sslrootcert=system'));
    expect(error.message).toBe('sslmode require is too weak for sslrootcert=system');
  });

  test("finds libpq's default files", () => {
    const dir = '/home/osuser/.postgresql';
    const system = machine({
      [`${dir}/root.crt`]: '',
      [`${dir}/root.crl`]: '',
      [`${dir}/postgresql.crt`]: '',
      [`${dir}/postgresql.key`]: '',
    });
    expect(resolve({ databaseUrl: 'postgres://u@h/d?sslmode=verify-ca', system }).ssl).toMatchObject({
      rootCert: `${dir}/root.crt`,
      crl: `${dir}/root.crl`,
      cert: `${dir}/postgresql.crt`,
      key: `${dir}/postgresql.key`,
    });
  });
});

describe('the password', () => {
  const PASSWORD = 's3cr3t-p@ss';
  const forms = (value: unknown) => [
    String(value),
    JSON.stringify(value),
    inspect(value, { depth: null, showHidden: true }),
  ];

  test('of a target appears in no rendering of it', () => {
    const target = fromUrl(`postgres://u:${encodeURIComponent(PASSWORD)}@h/d`);
    expect(target.password?.reveal()).toBe(PASSWORD);
    for (const text of [...forms(target), ...forms(target.password), `${target.password}`, target.describe()]) {
      expect(text).not.toContain('s3cr3t');
    }
  });

  test.each([
    `postgres://u:${PASSWORD}/x@h/d`,
    `postgres://u:${PASSWORD}?x@h/d`,
    `postgres://u:s3cr3t?x=1@h/d`,
    `postgres://u:x?s3cr3t=1@h/d`,
    `postgres://u:1?s3cr3t=1@h/d`,
    `postgres://u:1/s3cr3t@h/d`,
    `postgres://u:s3cr3t`,
    `postgres://u:%zz${PASSWORD}@h/d`,
    `postgres://u:${PASSWORD}@h:port/d`,
    `postgres://u:${PASSWORD}@h1,h2/d`,
    `postgres://u:${PASSWORD}@[::1/d`,
    `postgres://u:${PASSWORD}@::1/d`,
    `postgres://u:${PASSWORD}@h/d?sslmode=x`,
    `postgres://u:${PASSWORD}@h/d?sslmod=x`,
    `postgres://u:${PASSWORD}@h/d?nonsense`,
    `postgres://u@h/d?passwort=${PASSWORD}`,
    `postgres://u@h/d?sslmode=${PASSWORD}`,
    `postgres://u@h/d?connect_timeout=${PASSWORD}`,
    `postgres://u@h/d?port=${PASSWORD}`,
    `postgres:/u:${PASSWORD}@h/d`,
    `postgre://u:${PASSWORD}@h/d`,
    `https://u:${PASSWORD}@h/d`,
    `u:${PASSWORD}@h/d`,
    `host=h password='${PASSWORD}`,
    `host=h password=${PASSWORD} nonsense`,
    `host=h pasword=${PASSWORD}`,
    `password=${PASSWORD} host=a,b`,
    `password=a s3cr3t=x`,
    `host=h port=${PASSWORD}`,
    PASSWORD,
  ])('of the malformed %s appears nowhere in the error', (url) => {
    for (const sources of [{ databaseUrl: url }, { env: { DATABASE_URL: url } }]) {
      const error = errorOf(() => resolve(sources));
      for (const text of [...forms(error), error.hint ?? '', ...error.details]) expect(text).not.toContain('s3cr3t');
    }
  });

  test('of a broken service file or environment appears nowhere in the error', () => {
    const system = machine({ '/home/osuser/.pg_service.conf': `[a]\nhost=h\n${PASSWORD}\n[b]\nport=${PASSWORD}` });
    const environments = { prod: { url: new Secret(`mysql://u:${PASSWORD}@h/d`), protected: true } };
    for (const sources of [
      { env: { PGSERVICE: 'a' }, system },
      { env: { PGSERVICE: 'b' }, system },
      { env: { PGHOST: 'h', PGPORT: PASSWORD } },
      { environment: 'prod', environments },
    ]) {
      const error = errorOf(() => resolve(sources));
      for (const text of [...forms(error), error.hint ?? '']) expect(text).not.toContain('s3cr3t');
    }
  });
});
