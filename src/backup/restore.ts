import { randomBytes } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { AishaError, messageOf } from '../errors.ts';
import { refusePoolerAddress } from '../postgres/pooler.ts';
import { quoteIdentifier, quoteLiteral } from '../postgres/quote.ts';
import { isServerTrouble } from '../postgres/server-error.ts';
import type { Session } from '../postgres/session.ts';
import type { Target } from '../postgres/target.ts';
import type { ClientTools } from '../postgres/tool-choice.ts';
import type { Difference } from './compare.ts';
import { compareDatabase, readStoredCatalog } from './compare-restored.ts';
import { omitFromList } from './contents-list.ts';
import { type BackupWorld, toolsFor } from './create.ts';
import { clearLeftovers } from './leftovers.ts';
import type { Manifest } from './manifest.ts';
import { withCreationRights } from './owner-rights.ts';
import { runRestore } from './pg-restore.ts';
import { readRestoreFacts } from './read-restore-facts.ts';
import type { RestoreFacts } from './restore-facts.ts';
import { type RestoreMark, writeMark } from './restore-mark.ts';
import { creatorsInPublic, planRestore, type RestorePlan } from './restore-plan.ts';
import { refusal } from './restore-report.ts';
import { rolesSql } from './scratch-roles.ts';
import { withContent } from './sealed-files.ts';
import { openReader } from './snapshot-session.ts';
import { beginRun, endRun, openStore, type StoredBackup } from './store.ts';
import { verifyFiles } from './verify.ts';

/** What a restore needs of the run it is part of. */
export type RestoreWorld = Pick<
  BackupWorld,
  'store' | 'settings' | 'env' | 'signal' | 'info' | 'warn' | 'progress' | 'connected'
>;

export interface RestoreOptions {
  /** Connections of pg_restore; default: the CPUs of this machine, at most 4. */
  readonly jobs?: number | undefined;
  /** Leave out extensions that the server does not have, in place of refusing. */
  readonly skipMissingExtensions?: boolean;
  /** Databases of the server to connect to while the target's own does not exist, in this order. */
  readonly maintenanceDatabases?: readonly string[];
  /** What the restored database is marked with when it is whole; by default it gets no mark. */
  readonly mark?: RestoreMark | undefined;
}

/** What a restore has made. */
export interface RestoreOutcome {
  readonly database: string;
  /** It was made by this run. */
  readonly created: boolean;
  readonly serverVersion: string;
  /** Milliseconds of pg_restore. */
  readonly restoreMs: number;
  readonly rolesCreated: readonly string[];
  /** Extensions and foreign keys that were left out, for people. */
  readonly notRestored: readonly string[];
  /** In what it is not what the source was at the dump's snapshot. */
  readonly differences: readonly Difference[];
}

/** What would be done. */
export interface RestorePreview {
  readonly plan: RestorePlan;
  readonly facts: RestoreFacts;
  readonly tools: ClientTools;
}

/**
 * Restores a whole backup into the database that `target` names, which is new or empty: nothing that is there is ever
 * changed. The files are proved to be what was written, roles that are missing are made (without log-in and password),
 * pg_restore stops at the first error, and the result is compared with what the source was. A database that the run has
 * made goes again when it fails; one that a killed run left is known by its mark and made again.
 * @throws AishaError (backup) with everything that stands against it, before anything is written, or when pg_restore
 *   fails; (connection) behind a transaction pooler; (tool) without a fitting pg_restore
 */
export async function restoreDatabase(
  backup: StoredBackup,
  target: Target,
  world: RestoreWorld,
  options: RestoreOptions = {},
): Promise<RestoreOutcome> {
  await refuseDamage(backup, world);
  return withContent(backup, world, (opened) =>
    withAdmin(target, world, options, async (admin, applicationName) => {
      const { plan, facts, tools } = await inspect(opened, target, admin, applicationName, world, options);
      if (plan.problems.length > 0) throw refusal(plan.problems, 'nothing was restored');
      for (const warning of plan.warnings) world.warn(`warning: ${warning}`);
      return carryOut(plan, { backup: opened, target, admin, applicationName, facts, tools }, world, options);
    }),
  );
}

/** What `restoreDatabase` would do, and everything that stands against it; nothing is written. */
export async function previewRestore(
  backup: StoredBackup,
  target: Target,
  world: RestoreWorld,
  options: RestoreOptions = {},
): Promise<RestorePreview> {
  const look = (opened: StoredBackup) =>
    withAdmin(target, world, options, (admin, applicationName) =>
      inspect(opened, target, admin, applicationName, world, options),
    );
  return withContent(backup, world, look, 'catalog');
}

/** @throws AishaError (backup) when a file of the backup is not what was written */
export async function refuseDamage(
  backup: StoredBackup,
  { signal, info, progress }: Pick<RestoreWorld, 'signal' | 'info' | 'progress'>,
): Promise<void> {
  info(`reading ${backup.manifest.id} to prove its files`);
  const damage = await verifyFiles(backup, signal, progress);
  if (damage.length === 0) return;
  throw new AishaError('backup', `${backup.manifest.id} is not what was written: it is not restored`, {
    details: damage.map(({ object, message }) => `${object} ${message}`),
    hint: 'Restore another backup: aisha-db backup list shows them.',
  });
}

/** The same server, another database of it. */
export function targetOf(target: Target, database: string): Target {
  const { environment: _, ...rest } = target;
  const { host, port, user } = target;
  return { ...rest, database, describe: () => `${host}:${port}/${database} as ${user}` };
}

const MAINTENANCE = ['postgres', 'template1'];

/** Opens a session in another database than the target's, which may not exist yet. */
export async function openAdmin(
  target: Target,
  databases: readonly string[],
  applicationName: string,
  signal: AbortSignal,
): Promise<Session> {
  const names = [...new Set([...databases, ...MAINTENANCE])].filter((name) => name !== target.database);
  for (const [index, name] of names.entries()) {
    try {
      return await openReader(targetOf(target, name), applicationName, signal);
    } catch (error) {
      const isMissing = error instanceof AishaError && error.sqlState === INVALID_CATALOG_NAME;
      if (!isMissing || index === names.length - 1) throw error;
    }
  }
  throw new AishaError('usage', 'no database is named to connect to', { hint: 'Name one with --database-url.' });
}

const INVALID_CATALOG_NAME = '3D000';

async function withAdmin<T>(
  target: Target,
  world: RestoreWorld,
  { maintenanceDatabases = [] }: RestoreOptions,
  use: (admin: Session, applicationName: string) => Promise<T>,
): Promise<T> {
  refusePoolerAddress(target);
  const applicationName = `aisha-db restore ${randomBytes(6).toString('hex')}`;
  const admin = await openAdmin(target, maintenanceDatabases, applicationName, world.signal);
  try {
    return await use(admin, applicationName);
  } finally {
    await admin.close();
  }
}

async function inspect(
  backup: StoredBackup,
  target: Target,
  admin: Session,
  applicationName: string,
  world: RestoreWorld,
  { jobs, skipMissingExtensions = false }: RestoreOptions,
): Promise<RestorePreview> {
  openStore(world.store);
  for (const line of await clearLeftovers(world.store, admin)) world.warn(line);
  const facts = await readRestoreFacts(admin, target, applicationName, world.signal);
  world.connected(facts.serverVersion);
  const tools = toolsFor(Number.parseInt(backup.manifest.pgDumpVersion, 10), world);
  const request = { database: target.database, jobs: jobs ?? world.settings.jobs, skipMissingExtensions };
  const machine = { cpus: availableParallelism() };
  return {
    plan: planRestore(request, backup.manifest, readStoredCatalog(backup), facts, machine),
    facts,
    tools,
  };
}

// ── the restore ─────────────────────────────────────────────────────────────────────────────────────────────────────

interface Work {
  readonly backup: StoredBackup;
  readonly target: Target;
  readonly admin: Session;
  readonly applicationName: string;
  readonly facts: RestoreFacts;
  readonly tools: ClientTools;
}

async function carryOut(
  plan: RestorePlan,
  work: Work,
  world: RestoreWorld,
  options: RestoreOptions,
): Promise<RestoreOutcome> {
  const { backup, target, admin, applicationName, facts } = work;
  const { manifest } = backup;
  const id = applicationName.replaceAll(' ', '-');
  beginRun(world.store, { id, class: manifest.class, database: '', applicationName, uses: manifest.id });
  const created = plan.preparation !== 'use';
  try {
    await createRoles(plan, admin, facts);
    if (created) await createDatabase(plan, manifest, admin);
    const { restoreMs, differences } = await restoreAndCompare(plan, work, world);
    if (created) await openDatabase(target.database, differences.length === 0, options.mark, admin);
    return {
      database: target.database,
      created,
      serverVersion: facts.serverVersion,
      restoreMs,
      rolesCreated: plan.roles.map(({ name }) => name),
      notRestored: [
        ...plan.omissions.extensions.map(({ name }) => `extension ${name}, which the server does not have`),
        ...plan.omissions.foreignKeys.map(
          ({ name }) => `foreign key ${name}, whose other table has no rows in the backup`,
        ),
      ],
      differences,
    };
  } catch (error) {
    const isGone = created && (await isDropped(target.database, admin));
    throw asRestoreFailure(error, plan, isGone, world.signal);
  } finally {
    endRun(world.store, id);
  }
}

/** Makes the missing roles; members of those that are there already stay what they are. */
export async function createRoles(
  { roles }: Pick<RestorePlan, 'roles'>,
  admin: Session,
  facts: RestoreFacts,
): Promise<void> {
  if (roles.length === 0) return;
  const existing = facts.roles.map(({ name }) => name);
  await admin.client.query(rolesSql(roles, existing));
  if (facts.role.superuser) return;
  const own = roles.map(({ name }) => `grant ${quoteIdentifier(name)} to ${quoteIdentifier(facts.role.name)};`);
  await admin.client.query(own.join('\n'));
}

/** Nobody but its owner can look into it until it is whole. */
async function createDatabase({ database, preparation, owner }: RestorePlan, manifest: Manifest, admin: Session) {
  if (preparation === 'replace') await dropDatabase(database, admin);
  const { encoding, collation, ctype } = manifest.database;
  const name = quoteIdentifier(database);
  try {
    await admin.query(
      `create database ${name} owner ${quoteIdentifier(owner)} template template0 encoding ${quoteLiteral(encoding)} lc_collate ${quoteLiteral(collation)} lc_ctype ${quoteLiteral(ctype)}`,
    );
  } catch (error) {
    throw new AishaError('backup', `the database ${database} cannot be made: ${(error as Error).message}`, {
      cause: error,
      hint: 'Make it empty by yourself and name it with --into.',
    });
  }
  const mark = writeMark({ state: 'unfinished', backup: manifest.id });
  await admin.query(`comment on database ${name} is ${quoteLiteral(mark)}`);
  await admin.query(`revoke all on database ${name} from public`);
}

/** Open to whom a new database is open to; one that waits for something gets its mark, when it is worth it. */
async function openDatabase(database: string, isEqual: boolean, mark: RestoreMark | undefined, admin: Session) {
  const name = quoteIdentifier(database);
  if (mark === undefined) {
    await admin.query(`grant connect, temporary on database ${name} to public`);
    await admin.query(`comment on database ${name} is null`);
  } else if (isEqual) await admin.query(`comment on database ${name} is ${quoteLiteral(writeMark(mark))}`);
}

async function dropDatabase(database: string, admin: Session): Promise<void> {
  await admin.query(`drop database if exists ${quoteIdentifier(database)} with (force)`);
}

/** A server that is down keeps what was made. */
async function isDropped(database: string, admin: Session): Promise<boolean> {
  try {
    await dropDatabase(database, admin);
    return true;
  } catch {
    return false;
  }
}

async function restoreAndCompare(
  plan: RestorePlan,
  { backup, target, applicationName, tools, facts }: Work,
  world: RestoreWorld,
): Promise<Pick<RestoreOutcome, 'restoreMs' | 'differences'>> {
  const startedAt = performance.now();
  world.info(`restoring ${backup.manifest.id} into ${plan.database}`);
  const run = {
    target,
    tools,
    serverMajor: facts.serverMajor,
    applicationName,
    args: [`--jobs=${plan.jobs}`],
    select: (list: string) => omitFromList(list, plan.omissions),
    label: 'restoring',
  };
  const failure = await asOwnersNeed(plan, { backup, target, applicationName, facts }, world.signal, () =>
    runRestore(backup, run, world),
  );
  const restoreMs = Math.round(performance.now() - startedAt);
  if (failure.length > 0) throw new Stopped(failure);
  world.info('comparing with what was backed up');
  return {
    restoreMs,
    differences: await compareDatabase(target, backup, plan.omissions, applicationName, world),
  };
}

async function asOwnersNeed<T>(
  { owners }: RestorePlan,
  { backup, target, applicationName, facts }: Pick<Work, 'backup' | 'target' | 'applicationName' | 'facts'>,
  signal: AbortSignal,
  use: () => Promise<T>,
): Promise<T> {
  if (facts.role.superuser) return use();
  const session = await openReader(target, applicationName, signal);
  try {
    return await withCreationRights(session, owners, creatorsInPublic(readStoredCatalog(backup), owners), use);
  } finally {
    await session.close();
  }
}

/** pg_restore has stopped; what became of the database is known later. */
class Stopped extends Error {
  readonly failure: readonly Difference[];

  constructor(failure: readonly Difference[]) {
    super('pg_restore has stopped');
    this.failure = failure;
  }
}

function asRestoreFailure(error: unknown, plan: RestorePlan, isGone: boolean, signal: AbortSignal): unknown {
  const details = error instanceof Stopped ? error.failure.map(({ message }) => message) : [messageOf(error)];
  if (!(error instanceof Stopped) && (signal.aborted || !isServerTrouble(error))) return error;
  return new AishaError('backup', `the restore into ${plan.database} failed`, {
    details,
    hint: `${whatIsLeft(plan, isGone)} Nothing else was changed: mend what it says and run again.`,
    cause: error,
  });
}

function whatIsLeft({ database, preparation }: RestorePlan, isGone: boolean): string {
  if (preparation === 'use') {
    return `What was restored until then is still in ${database}: drop it and make it again.`;
  }
  return isGone
    ? 'The database that was made for it is gone again.'
    : `${database}, which was made for it, is closed to others, and the next restore makes it again.`;
}
