import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { withFileLock } from '../../src/postgres/crash-safe-lock.ts';
import { makeFolder } from '../support/folder.ts';
import { startProbe } from '../support/probe.ts';

/** Adds one to a number in a file, slowly, so that two at once would lose one of the additions. */
const ADD = `
  const { withFileLock } = await load('postgres/crash-safe-lock.js');
  const { linkSync, readFileSync, writeFileSync } = await import('node:fs');
  const [folder, times, afterwards] = args;
  for (let i = 0; i < times; i += 1) {
    await withFileLock(folder + '/lock', async () => {
      const count = Number(readFileSync(folder + '/count', 'utf8'));
      await new Promise((resolve) => setTimeout(resolve, 2));
      writeFileSync(folder + '/count', String(count + 1));
    });
    if (afterwards === 'leave a dead lock') {
      try { linkSync(folder + '/dead', folder + '/lock'); } catch {}
    }
  }
`;

test('processes come one after the other, and nothing is left', async () => {
  const folder = await makeFolder({ count: '0' });
  const probes = Array.from({ length: 6 }, () => startProbe(ADD, { args: [folder, 10] }));
  expect(await Promise.all(probes.map((probe) => probe.ended))).toEqual(Array(6).fill(0));
  expect(readFileSync(join(folder, 'count'), 'utf8')).toBe('60');
  expect(readdirSync(folder)).toEqual(['count']);
});

test('the lock of killed processes is broken, by one of those who wait', async () => {
  const folder = await makeFolder({ count: '0' });
  const victims = Array.from({ length: 6 }, () => startProbe(ADD, { args: [folder, 100_000] }));
  await expect.poll(() => Number(readFileSync(join(folder, 'count'), 'utf8')), { timeout: 20_000 }).toBeGreaterThan(20);
  for (const victim of victims) {
    await victim.kill('SIGKILL');
    await sleep(15);
  }
  writeFileSync(join(folder, 'count'), '0');
  const probes = Array.from({ length: 4 }, () => startProbe(ADD, { args: [folder, 10] }));
  expect(await Promise.all(probes.map((probe) => probe.ended))).toEqual(Array(4).fill(0));
  expect(readFileSync(join(folder, 'count'), 'utf8')).toBe('40');
});

test('of all who find the lock of a dead process at once only one goes on', async () => {
  const folder = await makeFolder({ count: '0', dead: '999999999:1:boot' });
  const probes = Array.from({ length: 4 }, () => startProbe(ADD, { args: [folder, 100, 'leave a dead lock'] }));
  expect(await Promise.all(probes.map((probe) => probe.ended))).toEqual(Array(4).fill(0));
  expect(readFileSync(join(folder, 'count'), 'utf8')).toBe('400');
});

test('who waits too long is told who holds it', async () => {
  const folder = await makeFolder();
  const lock = join(folder, 'lock');
  const wait = () => withFileLock(lock, async () => {}, 50);
  await expect(withFileLock(lock, wait)).rejects.toMatchObject({
    kind: 'lock',
    message: expect.stringContaining(`process ${process.pid} has held`),
  });
  await expect(wait()).resolves.toBeUndefined();
});
