import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { createBackup } from '../backup/create.ts';
import { withContent } from '../backup/sealed-files.ts';
import { findBackup, readStore, type StoredBackup } from '../backup/store.ts';
import type { Context } from '../commands/command.ts';
import { AishaError } from '../errors.ts';
import { openSession } from '../migrations/open.ts';
import { type Origin, originOf, readOrigin } from '../rehearsal/origin.ts';
import { rehearse } from '../rehearsal/rehearse.ts';
import { rehearsalResult } from '../rehearsal/report.ts';
import { keepRecord } from '../rehearsal/store.ts';
import type { CommandResult } from '../report/report.ts';
import { backupWorld, localBackupWorld } from './backup.ts';
import { examine } from './examine.ts';
import { gateInWords, openGate } from './gate.ts';
import { migrationSource, planOptions, runHooks, runSettings } from './migration.ts';

/** What the command line says about a rehearsal. */
export interface RehearsalOptions {
  /** Identifier of a backup; a new one is taken when absent. */
  readonly backup: string | undefined;
  readonly command: string | undefined;
  readonly allowOutOfOrder: boolean;
  /** A file that makes a table without row-level security is refused at once. */
  readonly strictGate: boolean;
}

/** The folder of the rehearsals that are kept. */
export function rehearsalFolder({ config }: Context): string {
  return config.rehearsal.dir ?? join(config.stateDir, 'rehearsals');
}

/** Rehearses what is pending on a copy, keeps the report and returns it. */
export async function rehearsePending(context: Context, options: RehearsalOptions): Promise<CommandResult> {
  const { config } = context;
  const { backup, origin } = await chooseBackup(context, options.backup);
  if (backup.manifest.kind !== 'full') {
    throw new AishaError('usage', `${backup.manifest.id} is no full backup`, {
      hint: 'Choose one that holds every table: aisha-db backup list.',
    });
  }
  const world = localBackupWorld(context);
  const { rehearsal, subject } = await withContent(backup, world, (opened) =>
    rehearse(
      {
        backup: opened,
        origin,
        source: migrationSource(context),
        migrate: {
          ...planOptions(context),
          allowOutOfOrder: options.allowOutOfOrder,
          lockWaitMs: config.lockWaitMs,
          run: runSettings(context),
          settings: config.settings,
        },
        openGate: () => openGate(context, { isStrict: options.strictGate }),
        gate: gateInWords(context, options.strictGate),
        command: options.command ?? config.rehearsal.run,
        masks: { rules: config.rehearsal.masks, key: maskKey(context) },
        examine: ({ target }) => examine(context, target),
      },
      world,
    ),
  );
  const { passed, ...result } = rehearsalResult(rehearsal);
  const path = keepRecord(rehearsalFolder(context), {
    ...subject,
    id: rehearsal.id,
    at: new Date().toISOString(),
    passed,
    backup: rehearsal.backup,
    report: { findings: result.findings, checks: result.checks, ...result.data },
  });
  context.talk.info(`kept as ${path}`);
  return { ...result, data: { ...result.data, kept: path } };
}

interface Chosen {
  readonly backup: StoredBackup;
  readonly origin: Origin;
}

/** A backup that is named needs no connection; without a name the database is backed up now. */
async function chooseBackup(context: Context, wanted: string | undefined): Promise<Chosen> {
  if (wanted !== undefined) {
    const backup = findBackup(readStore(localBackupWorld(context).store), wanted);
    return { backup, origin: originOf(backup.manifest.role, backup.manifest.roles) };
  }
  const target = await context.target();
  const session = await openSession(target, 'aisha-db rehearse', {}, runHooks(context, target));
  const origin = await readOrigin(session).finally(() => session.close());
  const { backup: settings } = context.config;
  const backup = await createBackup(
    {
      class: 'on-demand',
      kind: 'full',
      tables: [],
      excludeSchemas: settings.excludeSchemas,
      jobs: settings.jobs,
      format: undefined,
    },
    target,
    backupWorld(context, target),
  );
  context.talk.info(`backup: ${backup.manifest.id}`);
  return { backup, origin };
}

/** @throws AishaError (usage) when the variable that is to hold it is empty */
function maskKey({ config, env }: Context): string {
  const { maskKeyFrom } = config.rehearsal;
  if (maskKeyFrom === undefined) return randomBytes(32).toString('hex');
  const key = env[maskKeyFrom];
  if (key !== undefined && key !== '') return key;
  throw new AishaError(
    'usage',
    `the environment variable ${maskKeyFrom} is not set, and it holds the key of the masks`,
    {
      hint: 'Set it, or take rehearsal.maskKeyFrom out of the configuration for another key each time.',
    },
  );
}
