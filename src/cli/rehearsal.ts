import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { createBackup } from '../backup/create.ts';
import { targetOf } from '../backup/restore.ts';
import { withContent } from '../backup/sealed-files.ts';
import { findBackup, readStore, type StoredBackup } from '../backup/store.ts';
import type { Context } from '../commands/command.ts';
import { AishaError } from '../errors.ts';
import { openSession } from '../migrations/open.ts';
import { resolveTarget, type Target } from '../postgres/target.ts';
import { environmentOf } from '../postgres/target-environment.ts';
import { isOrigin, lookAtPlace, mayNotCreate, type NamedPlace } from '../rehearsal/named-copy.ts';
import { type Origin, originOf, readOrigin } from '../rehearsal/origin.ts';
import { rehearse } from '../rehearsal/rehearse.ts';
import { rehearsalResult } from '../rehearsal/report.ts';
import { keepRecord } from '../rehearsal/store.ts';
import { counted, quantity } from '../report/quantity.ts';
import type { CommandResult } from '../report/report.ts';
import { backupWorld, localBackupWorld } from './backup.ts';
import { examine } from './examine.ts';
import { checkStrictGate, gateInWords, openGate } from './gate.ts';
import { migrationSource, planOptions, runHooks, runSettings } from './migration.ts';

/** What the command line says about a rehearsal. */
export interface RehearsalOptions {
  /** Identifier of a backup; a new one is taken when absent. */
  readonly backup: string | undefined;
  readonly command: string | undefined;
  readonly allowOutOfOrder: boolean;
  /** A file that makes a table without row-level security is refused at once. */
  readonly strictGate: boolean;
  /** Environment, database or connection string of the copy; a scratch server when absent. */
  readonly into: string | undefined;
  /** Only say what would be done. */
  readonly plan: boolean;
}

/** The folder of the rehearsals that are kept. */
export function rehearsalFolder({ config }: Context): string {
  return config.rehearsal.dir ?? join(config.stateDir, 'rehearsals');
}

/** Rehearses what is pending on a copy, keeps the report and returns it. */
export async function rehearsePending(context: Context, options: RehearsalOptions): Promise<CommandResult> {
  const { config } = context;
  const into = options.into === undefined ? undefined : await resolveInto(context, options.into);
  const place = into && (await lookAt(context, into));
  const steps = planned(context, options, into, place);
  if (options.plan)
    return {
      text: `would rehearse; nothing was written`,
      tables: [{ columns: [''], rows: steps.map((step) => [step]) }],
      data: { plan: steps },
    };
  if (into !== undefined) {
    for (const step of steps) context.talk.warn(step);
    if (place?.existing !== undefined) await context.confirm(into);
  }
  const { backup, origin } = await chooseBackup(context, options.backup);
  if (backup.manifest.kind !== 'full') {
    throw new AishaError('usage', `${backup.manifest.id} is no full backup`, {
      hint: 'Choose one that holds every table: aisha-db backup list.',
    });
  }
  checkStrictGate(context, options.strictGate);
  const world = localBackupWorld(context);
  const { rehearsal, subject } = await withContent(backup, world, (opened) =>
    rehearse(
      {
        backup: opened,
        origin,
        into,
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

// ── where ───────────────────────────────────────────────────────────────────────────────────────────────────────────

/**
 * The database that `--into` means: an environment of the configuration, a connection string, or another database of the
 * target's server.
 * @throws AishaError (connection) for the target itself and what is protected
 */
async function resolveInto(context: Context, into: string): Promise<Target> {
  const { config, env } = context;
  const { environments } = config;
  const isUrl = /^postgres(ql)?:/i.test(into);
  const isEnvironment = Object.hasOwn(environments, into);
  const found = isUrl
    ? resolveTarget({ databaseUrl: into, environments, env })
    : isEnvironment
      ? resolveTarget({ environment: into, environments, env })
      : await besideTarget(context, into);
  if (found.environment?.protected === true) {
    throw new AishaError(
      'connection',
      `--into is the protected environment "${found.environment.name}" (${found.describe()})`,
      {
        hint: 'A rehearsal drops the database and makes it anew: name one that is there for that.',
      },
    );
  }
  const target = await context.target().catch(() => undefined);
  const isTarget = target?.host === found.host && target.port === found.port && target.database === found.database;
  if (isTarget) throw isOrigin(found);
  return found;
}

async function besideTarget(context: Context, database: string): Promise<Target> {
  const { environments } = context.config;
  const target = targetOf(await context.target(), database);
  const environment = environmentOf(target, { environments, env: context.env }, (text) =>
    resolveTarget({ databaseUrl: text, env: {} }),
  );
  return environment === undefined ? target : { ...target, environment };
}

async function lookAt(context: Context, into: Target): Promise<NamedPlace> {
  const place = await lookAtPlace(into, context.signal);
  if (!place.mayCreate) throw mayNotCreate(into);
  return place;
}

/** What would be done, in words. */
function planned(
  context: Context,
  options: RehearsalOptions,
  into: Target | undefined,
  place: NamedPlace | undefined,
): string[] {
  const where = into?.describe() ?? 'a scratch server that listens on no network';
  const what =
    options.backup === undefined
      ? 'a new backup'
      : findBackup(readStore(localBackupWorld(context).store), options.backup).manifest.id;
  const command = options.command ?? context.config.rehearsal.run;
  const { masks } = context.config.rehearsal;
  return [
    ...(place?.existing === undefined
      ? []
      : [
          `${where} is dropped: ${quantity(place.existing.bytes, 'bytes')}, ${counted(place.existing.sessions, 'session')}`,
        ]),
    `${what} is restored into ${where}`,
    ...(masks.length === 0 ? [] : [`columns are masked by ${counted(masks.length, 'rule')}`]),
    'what is pending is applied there, and rolled back and forth where it has a rollback',
    ...(command === undefined ? [] : [`the tests run: ${command}`]),
    ...(into === undefined ? [] : [`${where} stays as it is then`]),
  ];
}

// ── the backup ──────────────────────────────────────────────────────────────────────────────────────────────────────

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
