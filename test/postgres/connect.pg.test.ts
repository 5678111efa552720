import { inspect } from 'node:util';
import type { Client } from 'pg';
import { describe, onTestFinished, vi } from 'vitest';
import { AishaError } from '../../src/errors.ts';
import { type ConnectOptions, connect } from '../../src/postgres/connect.ts';
import { resolveTarget, type Target } from '../../src/postgres/target.ts';
import { expect, test } from '../support/database.ts';
import { fakeServer, refuseWith } from './fake-server.ts';

const OPTIONS: ConnectOptions = { applicationName: 'aisha-db test' };

/** The target of a URL with some of its parts changed. */
function targetOf(url: string, change: Partial<Record<'username' | 'password' | 'pathname', string>> = {}): Target {
  return resolveTarget({ databaseUrl: Object.assign(new URL(url), change).href, env: {} });
}

async function open(target: Target, options: Partial<ConnectOptions> = {}): Promise<Client> {
  const client = await connect(target, { ...OPTIONS, ...options });
  onTestFinished(() => client.end());
  return client;
}

async function errorOf(target: Target, options: Partial<ConnectOptions> = {}): Promise<AishaError> {
  const error = await open(target, options).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(AishaError);
  return error as AishaError;
}

async function show(client: Client, setting: string): Promise<string> {
  const { rows } = await client.query<{ value: string }>('select current_setting($1) as value', [setting]);
  return rows[0]!.value;
}

describe('a session', () => {
  test('has sent nothing but the log-in', async ({ db }) => {
    const name = `quiet ${db.name}`;
    await open(targetOf(db.url), { applicationName: name });
    const rows = await db.superQuery('select query, state from pg_stat_activity where application_name = $1', [name]);
    expect(rows).toEqual([{ query: '', state: 'idle' }]);
  });

  test("has the command's name unless the user chose one", async ({ db }) => {
    expect(await show(await open(targetOf(db.url)), 'application_name')).toBe('aisha-db test');
    const chosen = targetOf(`${db.url}?application_name=mine`);
    expect(await show(await open(chosen), 'application_name')).toBe('mine');
  });

  test('has the options of the target and the settings of the caller, whatever characters they hold', async ({
    db,
  }) => {
    const target = targetOf(`${db.url}?options=-c%20work_mem%3D5MB`);
    const settings = { 'aisha.seed': 'on', 'aisha.text': "it's a \\ b\tc", search_path: 'a, b' };
    const client = await open(target, { settings });
    expect(await show(client, 'work_mem')).toBe('5MB');
    for (const [name, value] of Object.entries(settings)) expect(await show(client, name)).toBe(value);
  });

  test('takes nothing from the environment of the process behind the back of the target', async ({ db }) => {
    vi.stubEnv('PGOPTIONS', '-c work_mem=7MB');
    vi.stubEnv('PGAPPNAME', 'evil');
    vi.stubEnv('PGSSLMODE', 'require');
    vi.stubEnv('PGSSLNEGOTIATION', 'direct');
    vi.stubEnv('PGPASSWORD', 'evil');
    vi.stubEnv('PGREPLICATION', 'database');
    onTestFinished(() => void vi.unstubAllEnvs());
    const client = await open(targetOf(db.url));
    expect(await show(client, 'work_mem')).toBe('4MB');
    expect(await show(client, 'application_name')).toBe('aisha-db test');
    expect(await errorOf(targetOf(db.url, { password: '' }))).toMatchObject({
      message: expect.stringContaining('password missing'),
    });
  });

  test('hands every notice to its listener', async ({ db }) => {
    const notices: unknown[] = [];
    const client = await open(targetOf(db.url), { onNotice: (notice) => notices.push(notice) });
    await client.query("do $$ begin raise notice 'hello' using hint = 'well'; end $$");
    expect(notices).toMatchObject([{ severity: 'NOTICE', message: 'hello', hint: 'well' }]);
  });

  test('that is ended by the server makes the next query fail and not the process', async ({ db }) => {
    const client = await open(targetOf(db.url));
    const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
    const lost = new Promise((resolve) => client.once('end', resolve));
    await db.superQuery('select pg_terminate_backend($1)', [rows[0]!.pid]);
    await lost;
    await expect(client.query('select 1')).rejects.toThrow();
  });

  test('that is shown on a console does not show the password', async ({ db }) => {
    const { password } = new URL(db.url);
    const client = await open(targetOf(db.url));
    expect(inspect(client, { depth: 6 })).not.toContain(password);
  });
});

describe('a log-in that the server refuses', () => {
  test('for the password says so, once', async ({ db }) => {
    const error = await errorOf(targetOf(db.url, { password: 'wrong' }));
    expect(error).toMatchObject({
      kind: 'connection',
      sqlState: '28P01',
      message: `wrong password for user "app_owner" of ${db.host}:${db.port}`,
      hint: expect.stringMatching(/PGPASSWORD.*\.pgpass.*percent-encoded/),
    });
    expect(error.details.at(-1)).toBe('address from --database-url');
  });

  test('for a password that was not given lists the ways to give one', async ({ db }) => {
    const error = await errorOf(targetOf(db.url, { password: '' }));
    expect(error.message).toBe(`password missing for user "app_owner" of ${db.host}:${db.port}`);
    expect(error.hint).toMatch(/--database-url.*PGPASSWORD.*\.pgpass/);
  });

  test('for the database names it', async ({ db }) => {
    expect(await errorOf(targetOf(db.url, { pathname: '/nowhere' }))).toMatchObject({
      sqlState: '3D000',
      message: `database "nowhere" does not exist on ${db.host}:${db.port}`,
    });
  });

  test('for a role that does not exist is a wrong password: the server does not tell', async ({ db }) => {
    expect(await errorOf(targetOf(db.url, { username: 'nobody_here' }))).toMatchObject({
      sqlState: '28P01',
      message: expect.stringContaining('"nobody_here"'),
    });
  });

  test('for the right to connect says which grant is missing', async ({ db }) => {
    await db.superQuery(`revoke connect on database ${db.name} from public`);
    const error = await errorOf(targetOf(db.readerUrl));
    expect(error).toMatchObject({
      sqlState: '42501',
      hint: expect.stringContaining(`grant connect on database "${db.name}"`),
    });
  });

  test('for too many connections says how to end some', async ({ db }) => {
    await db.superQuery(`alter database ${db.name} connection limit 0`);
    expect(await errorOf(targetOf(db.url))).toMatchObject({
      sqlState: '53300',
      message: expect.stringContaining('too many connections'),
      hint: expect.stringContaining('aisha-db connections'),
    });
  });

  test('for a database that takes no connections says so', async ({ db }) => {
    await db.superQuery('update pg_database set datallowconn = false where datname = current_database()');
    expect(await errorOf(targetOf(db.url))).toMatchObject({
      sqlState: '55000',
      message: expect.stringContaining('takes no connections'),
    });
  });

  test('for a role without the right to log in says so', async ({ db }) => {
    const role = `${db.name}_nologin`;
    await db.superQuery(`create role ${role} nologin password 'x'`);
    const error = await errorOf(targetOf(db.url, { username: role, password: 'x' }));
    await db.superQuery(`drop role ${role}`);
    expect(error.message).toBe(`role "${role}" of ${db.host}:${db.port} may not log in`);
  });

  test.each([
    ['57P03', 'the database system is starting up', /takes no connections yet: the database system is starting up$/],
    ['XX000', 'Tenant or user not found', /knows no project for user "u"/],
    [
      '28000',
      'no pg_hba.conf entry for host "1.2.3.4", user "u", database "d", no encryption',
      /refuses this connection: no pg_hba/,
    ],
    ['28000', 'role "u" does not exist', /role "u" does not exist/],
    ['28000', 'Peer authentication failed for user "u"', /refuses user "u": peer authentication failed/],
    ['08P01', 'Something new', /failed: something new/],
  ])('with %s (%s) is explained', async (code, text, message) => {
    const { port } = await fakeServer(refuseWith(code, text));
    const error = await errorOf(targetOf(`postgres://u:x@127.0.0.1:${port}/d`));
    expect(error).toMatchObject({ kind: 'connection', sqlState: code, message: expect.stringMatching(message) });
    expect(error.hint).toMatch(/^[A-Z].*\.$/s);
  });

  test('is not tried a second time', async () => {
    const server = await fakeServer(refuseWith('28P01', 'password authentication failed'));
    await errorOf(targetOf(`postgres://u:x@127.0.0.1:${server.port}/d?sslmode=allow`));
    expect(server.connections()).toBe(1);
  });
});

describe('a server that is not there', () => {
  test('says that nothing listens, and what was tried', async () => {
    const error = await errorOf(targetOf('postgres://u:x@127.0.0.1:1/d'));
    expect(error).toMatchObject({ kind: 'connection', message: 'nothing listens at 127.0.0.1:1' });
    expect(error.details).toEqual([
      'tried 127.0.0.1:1/d as u, with TLS (sslmode prefer)',
      'address from --database-url',
    ]);
    expect(error.sqlState).toBeUndefined();
  });

  test('says the same of a name with several addresses', async () => {
    expect((await errorOf(targetOf('postgres://u:x@localhost:1/d'))).message).toBe('nothing listens at localhost:1');
  });

  test('says that the name cannot be found', async () => {
    const error = await errorOf(targetOf('postgres://u:x@no-such-host.invalid/d'));
    expect(error).toMatchObject({ message: 'host "no-such-host.invalid" cannot be found (DNS)' });
  });

  test('says which socket was looked for', async () => {
    const error = await errorOf(targetOf('postgres://u:x@%2Ftmp%2Fno-such-folder/d'));
    expect(error.message).toContain('/tmp/no-such-folder/.s.PGSQL.5432');
  });

  test('that never answers is given up after the time-out', async () => {
    const { port } = await fakeServer(() => {});
    const startedAt = performance.now();
    const error = await errorOf(targetOf(`postgres://u:x@127.0.0.1:${port}/d`), { connectTimeoutMs: 300 });
    expect(performance.now() - startedAt).toBeLessThan(5_000);
    expect(error.message).toBe(`connection to 127.0.0.1:${port} timed out`);
    expect(error.hint).toMatch(/firewall.*paused/);
  });

  test('that is another service is told from PostgreSQL', async () => {
    const { port } = await fakeServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    const error = await errorOf(targetOf(`postgres://u:x@127.0.0.1:${port}/d`));
    expect(error.hint).toContain('PostgreSQL server');
  });

  test('that hangs up is not reported as a defect', async () => {
    const { port } = await fakeServer((socket) => socket.destroy());
    const error = await errorOf(targetOf(`postgres://u:x@127.0.0.1:${port}/d`));
    expect(error).toMatchObject({ kind: 'connection', message: expect.stringContaining('closed the connection') });
  });
});

test('an interrupted attempt ends at once and is no connection error', async () => {
  const { port } = await fakeServer(() => {});
  const controller = new AbortController();
  const startedAt = performance.now();
  setTimeout(() => controller.abort(), 100);
  const error = await errorOf(targetOf(`postgres://u:x@127.0.0.1:${port}/d`), { signal: controller.signal });
  expect(error).toMatchObject({ kind: 'interrupted' });
  expect(performance.now() - startedAt).toBeLessThan(5_000);
});

test('after an interruption nothing is tried at all', async ({ db }) => {
  expect(await errorOf(targetOf(db.url), { signal: AbortSignal.abort() })).toMatchObject({ kind: 'interrupted' });
});

test('the password appears nowhere in the errors of failed connections', async ({ db }) => {
  const password = 's3cr3t-p@ss';
  const refusing = await fakeServer(refuseWith('57P03', 'starting up'));
  const silent = await fakeServer(() => {});
  const strange = await fakeServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
  const origin = (port: number) => `postgres://u@127.0.0.1:${port}/d`;
  for (const url of [
    db.url,
    `${db.url}?sslmode=require`,
    `${db.url}?channel_binding=require`,
    origin(refusing.port),
    origin(silent.port),
    origin(strange.port),
    origin(1),
    'postgres://u@no-such-host.invalid/d',
    'postgres://u@%2Ftmp%2Fno-such-folder/d',
  ]) {
    const error = await errorOf(targetOf(url, { password }), { connectTimeoutMs: 1_000 });
    const shown = [
      inspect(error, { depth: null, showHidden: true }),
      JSON.stringify(error),
      error.hint,
      ...error.details,
    ];
    expect(shown.join('\n')).not.toContain('s3cr3t');
  }
});
