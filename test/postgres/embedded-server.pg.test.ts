import { spawn } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type EmbeddedServer, useEmbeddedServer } from '../../src/postgres/embedded-server.ts';
import { findPostmaster, STOP_AT_ONCE, stopPostmaster, stoppable } from '../../src/postgres/postmaster.ts';
import { isRunning } from '../../src/postgres/process-identity.ts';
import { chooseServerUser, spawnAs } from '../../src/postgres/server-user.ts';
import { makeFolder } from '../support/folder.ts';
import { becomeOrdinaryUser } from '../support/ordinary-user.ts';
import { type Probe, type ProbeOptions, startProbe } from '../support/probe.ts';

describe('one run', () => {
  test('starts the server with an empty database and leaves nothing running', async () => {
    const project = await makeProject();
    const server = await project.use();
    expect(server).toMatchObject({ host: '127.0.0.1', user: 'postgres', database: 'aisha', started: true });
    expect(server.version).toMatch(/^\d+\.\d+$/);
    expect(await ask(server, 'select current_database() as name')).toEqual([{ name: 'aisha' }]);
    const { pid } = project.running()!;
    await server.release();
    expect(isRunning(pid)).toBe(false);
    expect(project.running()).toBeUndefined();
    expect(readdirSync(project.home('users'))).toEqual([]);
    expect(existsSync(project.home('lock'))).toBe(false);
  });

  test('finds the data, the port and the password of the run before', async () => {
    const project = await makeProject();
    const first = await project.use();
    await ask(first, 'create table kept as select 42 as answer');
    await first.release();
    const second = await project.use();
    expect(second).toMatchObject({ started: true, port: first.port, password: first.password });
    expect(await ask(second, 'select answer from kept')).toEqual([{ answer: 42 }]);
  });

  test('keeps its data through a crash of the machine: fsync stays on', async () => {
    const server = await (await makeProject()).use();
    expect(await ask(server, `select current_setting('fsync') || current_setting('full_page_writes') as safe`)).toEqual(
      [{ safe: 'onon' }],
    );
  });

  test('lets only its own user read the password', async () => {
    const project = await makeProject();
    const server = await project.use();
    expect(statSync(project.home('password')).mode & 0o777).toBe(0o600);
    expect(statSync(project.home('data')).mode & 0o777).toBe(0o700);
    expect(readFileSync(`/proc/${project.running()!.pid}/cmdline`, 'utf8')).not.toContain(server.password);
    await expect(ask({ ...server, password: 'wrong' }, 'select 1')).rejects.toMatchObject({ code: '28P01' });
  });

  test('works for an ordinary user as himself', async () => {
    const ordinary = await becomeOrdinaryUser();
    const project = await makeProject();
    chmodSync(project.stateDir, 0o777);
    const probe = project.probe(ordinary);
    expect(await probe.said()).toMatchObject({ started: true });
    const uid = ordinary.user?.uid ?? process.getuid?.();
    expect(statSync(`/proc/${project.running()!.pid}`).uid).toBe(uid);
    expect(statSync(project.home('password')).uid).toBe(uid);
    probe.tell();
    expect(await probe.ended).toBe(0);
    expect(project.running()).toBeUndefined();
  });

  test.runIf(process.getuid?.() === 0)('works for root where the server may not enter the project', async () => {
    const project = await makeProject();
    chmodSync(project.stateDir, 0o700);
    const server = await project.use();
    const [{ folder }] = (await ask(server, `select current_setting('data_directory') as folder`)) as [
      { folder: string },
    ];
    onTestFinished(() => rmSync(join(folder, '..'), { recursive: true, force: true }));
    expect(folder).toMatch(/^\/var\/lib\/aisha-db\/[0-9a-f]{16}\/data$/);
    await server.release();
    expect(findPostmaster(folder)).toBeUndefined();
  });
});

test.runIf(process.getuid?.() === 0)('what root has made is refused to others with a hint', async () => {
  const project = await makeProject();
  await (await project.use()).release();
  const ordinary = await becomeOrdinaryUser();
  const probe = startProbe(
    `
      const { useEmbeddedServer } = await load('postgres/embedded-server.js');
      await useEmbeddedServer({ stateDir: args[0] }).catch(({ kind, message, hint }) => say({ kind, message, hint }));
    `,
    { ...ordinary, args: [project.stateDir] },
  );
  expect(await probe.said()).toEqual({
    kind: 'usage',
    message: `the private server's folder ${project.home('')} belongs to another user`.replace('/ ', ' '),
    hint: 'Run the command as that user, or name another state folder.',
  });
});

describe('two runs in one project', () => {
  test('share the server, which the last of them stops', async () => {
    const project = await makeProject();
    const [first, second] = [await project.use(), await project.use()];
    expect(second).toMatchObject({ started: false, port: first.port });
    const { pid } = project.running()!;
    await first.release();
    expect(await ask(second, 'select 1 as one')).toEqual([{ one: 1 }]);
    await second.release();
    expect(isRunning(pid)).toBe(false);
  });

  test('eight at the same moment start one server and leave none', async () => {
    const project = await makeProject();
    const probes = Array.from({ length: 8 }, () => project.probe());
    const answers = await Promise.all(probes.map((probe) => probe.said()));
    expect(answers.filter(({ started }) => started)).toHaveLength(1);
    expect(new Set(answers.map(({ port }) => port)).size).toBe(1);
    for (const probe of probes) probe.tell();
    expect(await Promise.all(probes.map((probe) => probe.ended))).toEqual(Array(8).fill(0));
    expect(project.running()).toBeUndefined();
    expect(readdirSync(project.home('.')).sort()).toEqual(['data', 'password', 'port', 'users']);
  });
});

describe('two projects', () => {
  test('have servers of their own at the same time', async () => {
    const [one, other] = [await (await makeProject()).use(), await (await makeProject()).use()];
    expect(other.port).not.toBe(one.port);
    await ask(one, 'create table only_here ()');
    await expect(ask(other, 'table only_here')).rejects.toMatchObject({ code: '42P01' });
    await expect(ask({ ...other, port: one.port }, 'select 1')).rejects.toMatchObject({ code: '28P01' });
  });

  test('a port that someone else has taken meanwhile is given up for another one', async () => {
    const project = await makeProject();
    const first = await project.use();
    await ask(first, 'create table kept as select 42 as answer');
    await first.release();
    await listenOn(first.port);
    const second = await project.use();
    expect(second.port).not.toBe(first.port);
    expect(await ask(second, 'select answer from kept')).toEqual([{ answer: 42 }]);
    await second.release();
    expect(await project.use()).toMatchObject({ port: second.port });
  });
});

describe('after a crash', () => {
  test('of the run (kill -9) the next one takes over its server and stops it at its end', async () => {
    const project = await makeProject();
    const probe = project.probe();
    const { port } = await probe.said();
    const { pid } = project.running()!;
    await probe.kill('SIGKILL');
    expect(isRunning(pid)).toBe(true);
    const next = await project.use();
    expect(next).toMatchObject({ started: false, port });
    expect(await ask(next, 'select 1 as one')).toEqual([{ one: 1 }]);
    await next.release();
    expect(isRunning(pid)).toBe(false);
  });

  test('of the run at any moment of its start, the next one works', async () => {
    for (const delayMs of [60, 120, 250, 500, 750, 1_000]) {
      const project = await makeProject();
      const probe = project.probe();
      await sleep(delayMs);
      await probe.kill('SIGKILL');
      const server = await project.use();
      expect(await ask(server, 'select current_database() as name')).toEqual([{ name: 'aisha' }]);
      await server.release();
      expect(project.running()).toBeUndefined();
      expect(readdirSync(project.home('.')).filter((name) => name.startsWith('data'))).toEqual(['data']);
    }
  });

  test('a server that has just made its postmaster.pid, and written nothing into it, is waited for', async () => {
    const project = await makeProject();
    await (await project.use()).release();
    const pidFile = join(project.dataDir, 'postmaster.pid');
    writeFileSync(pidFile, '');
    const { uid, gid } = statSync(project.dataDir);
    chownSync(pidFile, uid, gid);
    setTimeout(() => rmSync(pidFile), 1_000);
    const server = await project.use();
    expect(await ask(server, 'select current_database() as name')).toEqual([{ name: 'aisha' }]);
  });

  test('of the server its stale postmaster.pid is no obstacle', async () => {
    const project = await makeProject();
    const first = await project.use();
    await ask(first, 'create table kept as select 42 as answer');
    await stopPostmaster(stoppable(project.running()!.pid, project.dataDir), [['SIGKILL', 5_000]]);
    expect(existsSync(join(project.dataDir, 'postmaster.pid'))).toBe(true);
    const second = await project.use();
    expect(second.started).toBe(true);
    expect(await ask(second, 'select answer from kept')).toEqual([{ answer: 42 }]);
  });

  test('a stranger who got the pid of the dead server is left alone', async () => {
    const project = await makeProject();
    const first = await project.use();
    const pidFile = join(project.dataDir, 'postmaster.pid');
    const content = readFileSync(pidFile, 'utf8');
    await first.release();
    const stranger = spawn('sleep', ['60'], { cwd: project.dataDir, ...spawnAs(chooseServerUser()) });
    onTestFinished(() => void stranger.kill());
    writeFileSync(pidFile, content.replace(/^\d+/, String(stranger.pid)));
    const second = await project.use();
    expect(second.started).toBe(true);
    await second.release();
    expect(isRunning(stranger.pid!)).toBe(true);
  });

  test('a lock and the marks of runs that died count for nothing', async () => {
    const project = await makeProject();
    const dead = startProbe(`
      const { processIdentity } = await load('postgres/process-identity.js');
      say(processIdentity(process.pid));
    `);
    const identity = await dead.said();
    await dead.ended;
    mkdirSync(project.home('users'), { recursive: true });
    for (const name of ['lock', 'lock.break', 'users/1-dead']) writeFileSync(project.home(name), identity);
    const server = await project.use();
    await server.release();
    expect(project.running()).toBeUndefined();
  });

  test('a lost password file is named, and nothing is overwritten', async () => {
    const project = await makeProject();
    await (await project.use()).release();
    writeFileSync(project.home('password'), '');
    await expect(useEmbeddedServer(project)).rejects.toMatchObject({
      kind: 'usage',
      message: expect.stringContaining(project.home('password')),
    });
    expect(existsSync(join(project.dataDir, 'PG_VERSION'))).toBe(true);
  });
});

interface Project {
  readonly stateDir: string;
  readonly dataDir: string;
  home(name: string): string;
  /** Uses the server in this process until the test ends. */
  use(): Promise<EmbeddedServer>;
  /** Uses it in another process, which releases it when told. */
  probe(options?: Omit<ProbeOptions, 'args'>): Probe;
  running(): ReturnType<typeof findPostmaster>;
}

async function makeProject(): Promise<Project> {
  const stateDir = await makeFolder();
  const home = (name: string) => join(stateDir, 'postgres', name);
  const dataDir = home('data');
  onTestFinished(async () => {
    const left = findPostmaster(dataDir);
    if (left) await stopPostmaster(stoppable(left.pid, dataDir), STOP_AT_ONCE);
  });
  return {
    stateDir,
    dataDir,
    home,
    running: () => findPostmaster(dataDir),
    use: async () => {
      const server = await useEmbeddedServer({ stateDir });
      onTestFinished(() => server.release());
      return server;
    },
    probe: (options = {}) => startProbe(USE, { ...options, args: [stateDir] }),
  };
}

const USE = `
  const { useEmbeddedServer } = await load('postgres/embedded-server.js');
  const server = await useEmbeddedServer({ stateDir: args[0] });
  say(server);
  await heard();
  await server.release();
`;

async function ask(server: EmbeddedServer, sql: string): Promise<readonly unknown[]> {
  const { host, port, user, password, database } = server;
  const client = new pg.Client({ host, port, user, password, database });
  try {
    await client.connect();
    return (await client.query(sql)).rows;
  } finally {
    await client.end().catch(() => {});
  }
}

async function listenOn(port: number): Promise<void> {
  const listener = createServer().listen(port, '127.0.0.1');
  await new Promise((resolve, reject) => listener.once('listening', () => resolve(undefined)).once('error', reject));
  onTestFinished(() => void listener.close());
}
