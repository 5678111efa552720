import os from 'node:os';
import { relative } from 'node:path';
import type { Context } from '../commands/command.ts';
import type { MigrationSource, RunHooks } from '../migrations/open.ts';
import type { PlanOptions } from '../migrations/plan.ts';
import type { RunSettings } from '../migrations/runner.ts';
import type { Target } from '../postgres/target.ts';
import { version } from './version.ts';

/** Where a command that deals with migrations finds them. */
export function migrationSource({ config }: Context): MigrationSource {
  return { dir: config.dir, rollbacksDir: config.rollbacksDir, finalFrom: config.finalFrom, ledger: config.ledger };
}

/** The folder of the files as seen from the working directory, as editors and code scanning look for it. */
export function migrationFolder({ config, cwd }: Context): string {
  return relative(cwd, config.dir);
}

/** The talk and the signal of a run, as the rooms below the commands know them. */
export function runHooks(context: Context, target: Target): RunHooks {
  let known = false;
  return {
    signal: context.signal,
    info: (line) => context.talk.info(line),
    warn: (line) => context.talk.warn(line),
    // A run has several connections, and one server.
    connected: (serverVersion) => {
      if (!known) context.connected(target, serverVersion);
      known = true;
    },
  };
}

/** Limits of a run, and who it is. */
export function runSettings({ config }: Context): RunSettings {
  return {
    lockTimeoutMs: config.lockTimeoutMs,
    statementTimeoutMs: config.statementTimeoutMs,
    lockRetries: config.lockRetries,
    appliedFrom: `${userName()}@${os.hostname()}`,
    toolVersion: version(),
  };
}

/** How a plan is made when no option says otherwise. */
export function planOptions({ config }: Context): PlanOptions {
  return { duplicates: config.duplicates, allowOutOfOrder: false, to: undefined, only: undefined };
}

/** Containers may run as a user that has no name. */
function userName(): string {
  try {
    return os.userInfo().username;
  } catch {
    return String(process.getuid?.() ?? 'unknown');
  }
}
