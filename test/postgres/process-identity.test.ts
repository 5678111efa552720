import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, onTestFinished, test } from 'vitest';
import { isIdentityRunning, isRunning, processIdentity } from '../../src/postgres/process-identity.ts';

test('a running process is known by its identity', () => {
  const identity = processIdentity(process.pid);
  expect(identity).toMatch(new RegExp(`^${process.pid}\\b`));
  expect(isIdentityRunning(identity!)).toBe(true);
});

test('a process that has ended has none, and the one it had is not running', async () => {
  const child = spawn('sleep', ['60']);
  const identity = processIdentity(child.pid!);
  child.kill();
  await once(child, 'exit');
  expect(processIdentity(child.pid!)).toBeUndefined();
  expect(isIdentityRunning(identity!)).toBe(false);
});

test.runIf(process.platform === 'linux')('another process with the same pid is someone else', () => {
  const [pid, startTime, boot] = processIdentity(process.pid)!.split(':');
  expect(startTime).toMatch(/^\d+$/);
  expect(boot).toMatch(/^[0-9a-f-]{36}$/);
  expect(isIdentityRunning(`${pid}:${Number(startTime) - 1}:${boot}`)).toBe(false);
  expect(isIdentityRunning(`${pid}:${startTime}:another-boot`)).toBe(false);
});

test('a zombie does not run', async () => {
  // The shell becomes a program that never asks how its child ended, before it ends: the shell itself might ask.
  const parent = spawn('sh', ['-c', 'sleep 0.2 & echo $!; exec sleep 60']);
  onTestFinished(() => void parent.kill());
  const [chunk] = await once(parent.stdout, 'data');
  const pid = Number(String(chunk));
  await expect.poll(() => isRunning(pid)).toBe(false);
  expect(() => process.kill(pid, 0)).not.toThrow();
});

test.each(['', 'x', '0', '-1', '1e3:x'])('%j names no process', (text) => {
  expect(isIdentityRunning(text)).toBe(false);
});
