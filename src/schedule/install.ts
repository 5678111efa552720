import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { AishaError, messageOf } from '../errors.ts';
import { putBlock, takeBlock } from './crontab.ts';
import { WORKFLOW_MARK } from './github.ts';
import { type Unit, unitMark } from './systemd.ts';

/** What was done to the machine, or would be. */
export interface Installed {
  readonly changed: boolean;
  /** The places: `crontab of root`, files. */
  readonly places: readonly string[];
  /** Commands that are still to be run, because this run could not. */
  readonly left: readonly string[];
}

// ── crontab ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/**
 * Puts the block into the crontab of this user, or takes it out (`undefined`). Bytes of others stay what they are.
 * @throws AishaError (tool) without a crontab program, (usage) when cron refuses the lines or the marks are damaged
 */
export function installCrontab(name: string, block: string | undefined, dryRun: boolean): Installed {
  const before = readCrontab();
  // One character for each byte: what is no UTF-8 comes back as it was.
  const after =
    block === undefined ? takeBlock(before, asBytes(name)) : putBlock(before, asBytes(name), asBytes(block));
  const changed = before !== after;
  if (changed && !dryRun) {
    run(['-'], after);
    const written = readCrontab();
    if (written !== after) {
      throw new AishaError('usage', 'the crontab is not what was written: somebody else changes it', {
        hint: 'Look at it with crontab -l, and run this again.',
      });
    }
  }
  return { changed, places: [`crontab of ${process.env['USER'] ?? `uid ${process.getuid?.()}`}`], left: [] };
}

function asBytes(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

function readCrontab(): string {
  const { status, stdout, stderr } = spawn(['-l'], undefined);
  if (status === 0) return stdout;
  if (/no crontab for/i.test(stderr)) return '';
  throw new AishaError('usage', `the crontab cannot be read: ${stderr.trim()}`, {
    hint: 'Run crontab -l as this user: cron.allow and cron.deny say who may have one.',
  });
}

function run(args: readonly string[], input: string): void {
  const { status, stderr } = spawn(args, input);
  if (status === 0) return;
  throw new AishaError('usage', `crontab refused the new table: ${stderr.trim()}`, {
    hint: 'The old one is still in place.',
  });
}

function spawn(args: readonly string[], input: string | undefined) {
  const { error, status, stdout, stderr } = spawnSync('crontab', args, {
    ...(input === undefined ? {} : { input: Buffer.from(input, 'latin1') }),
    // Messages are looked at.
    env: { ...process.env, LC_ALL: 'C' },
  });
  if (error !== undefined) {
    throw new AishaError('tool', `crontab cannot be run: ${messageOf(error)}`, {
      hint: 'Install cron, or use another way: aisha-db schedule systemd, kubernetes, github or pg_cron.',
      cause: error,
    });
  }
  return { status, stdout: stdout.toString('latin1'), stderr: stderr.toString() };
}

// ── systemd ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Where units of this user belong. */
export function unitFolder(): string {
  return process.getuid?.() === 0 ? '/etc/systemd/system' : join(homedir(), '.config/systemd/user');
}

/**
 * Writes the units and takes away those of the same schedule that are no longer in it; another's file is refused.
 * @param isOwnFolder false for a folder that was named: systemd is not told of it
 */
export function installUnits(
  name: string,
  units: readonly Unit[],
  { folder, isOwnFolder, dryRun }: { readonly folder: string; readonly isOwnFolder: boolean; readonly dryRun: boolean },
): Installed {
  const ours = readdirOrNone(folder).filter((file) => isOurs(join(folder, file), unitMark(name)));
  for (const { file } of units) {
    if (existsSync(join(folder, file)) && !ours.includes(file)) throw notOurs(join(folder, file));
  }
  const changed = units.filter(
    ({ file, text }) => !ours.includes(file) || readFileSync(join(folder, file), 'utf8') !== text,
  );
  const gone = ours.filter((file) => !units.some((unit) => unit.file === file));
  const places = [...changed.map(({ file }) => file), ...gone].map((file) => join(folder, file));
  if (dryRun || places.length === 0) return { changed: places.length > 0, places, left: [] };
  const timers = (files: readonly string[]) => files.filter((file) => file.endsWith('.timer'));
  const left: string[] = [];
  const systemctl = (...args: string[]) => {
    if (!isOwnFolder || args.length === 0) return;
    const all = process.getuid?.() === 0 ? args : ['--user', ...args];
    if (spawnSync('systemctl', all, { stdio: 'ignore' }).status !== 0) left.push(`systemctl ${all.join(' ')}`);
  };
  if (timers(gone).length > 0) systemctl('disable', '--now', ...timers(gone));
  mkdirSync(folder, { recursive: true });
  for (const { file, text } of changed) writeWhole(join(folder, file), text);
  for (const file of gone) rmSync(join(folder, file));
  systemctl('daemon-reload');
  const started = timers(units.map(({ file }) => file));
  if (started.length > 0) systemctl('enable', '--now', ...started);
  return { changed: true, places, left };
}

function readdirOrNone(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder).filter((file) => /\.(service|timer)$/.test(file)) : [];
}

function isOurs(path: string, mark: string): boolean {
  return readFileSync(path, 'utf8').startsWith(`${mark}\n`);
}

function notOurs(path: string): AishaError {
  return new AishaError('usage', `${path} is there and not of this schedule`, {
    hint: 'Move it away, or give the schedule another name with --name. Nothing was changed.',
  });
}

/** Readers never find half a file. */
function writeWhole(path: string, text: string): void {
  const draft = `${path}.${process.pid}.tmp`;
  writeFileSync(draft, text, { mode: 0o644 });
  renameSync(draft, path);
}

// ── GitHub ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Writes the workflow, or removes it (`undefined`); another's file is refused. */
export function installWorkflow(path: string, text: string | undefined, dryRun: boolean): Installed {
  const before = existsSync(path) ? readFileSync(path, 'utf8') : undefined;
  if (before !== undefined && !before.startsWith(`${WORKFLOW_MARK}\n`)) throw notOurs(path);
  const changed = before !== text;
  if (changed && !dryRun) {
    mkdirSync(dirname(path), { recursive: true });
    if (text === undefined) rmSync(path);
    else writeWhole(path, text);
  }
  return { changed, places: [path], left: [] };
}
