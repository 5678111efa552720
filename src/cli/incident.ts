import { join } from 'node:path';
import { readMark } from '../backup/restore-mark.ts';
import { openReader } from '../backup/snapshot-session.ts';
import { findBackup, readStore, type StoredBackup } from '../backup/store.ts';
import type { Context } from '../commands/command.ts';
import { AishaError } from '../errors.ts';
import type { Session } from '../postgres/session.ts';
import type { Target } from '../postgres/target.ts';
import { incidentReport } from '../recovery/document.ts';
import type { Deed, Incident, Underway } from '../recovery/incident.ts';
import { findIncident, keepIncident, newIncident } from '../recovery/incident-store.ts';
import { localBackupWorld } from './backup.ts';

/** What the command line says about a recovery. */
export interface RecoveryOptions {
  readonly incident: string | undefined;
  /** When it happened. */
  readonly at: string | undefined;
  readonly backup: string | undefined;
  readonly pitr: boolean | undefined;
  readonly since: string | undefined;
  readonly until: string | undefined;
  readonly tables: readonly string[];
  readonly by: string | undefined;
  readonly plan: boolean;
  /** The way back that is meant; by what is broken when absent. */
  readonly way: string | undefined;
  readonly merge: string | undefined;
  /** Files that are replayed although they were applied when it happened. */
  readonly include: readonly string[];
  /** Number of the last file that is replayed. */
  readonly to: string | undefined;
  readonly endSessions: boolean;
}

/** No such database (SQLSTATE invalid_catalog_name). */
const LOST = '3D000';
const HOUR_MS = 3_600_000;

/** The folder of the incidents. */
export function incidentFolder({ config }: Context): string {
  return join(config.stateDir, 'incidents');
}

/** The incident that is open; one is opened for whoever acts before having assessed. */
export function currentIncident(context: Context, { incident, at, pitr }: RecoveryOptions, target: Target): Incident {
  const known = { database: target.describe(), happenedAt: timeOf(at, '--at'), pitr: pitr ?? false };
  try {
    const found = findIncident(incidentFolder(context), incident, known.database);
    return { ...found, happenedAt: known.happenedAt ?? found.happenedAt };
  } catch (error) {
    if (incident !== undefined) throw error;
    return newIncident(known);
  }
}

/** Keeps what is known of the incident, and its report. @returns the path of the report */
export function keep(context: Context, incident: Incident): string {
  const path = keepIncident(incidentFolder(context), incident, incidentReport(incident));
  context.talk.info(`incident report: ${path}`);
  return path;
}

/** Writes down what is about to be done: whatever ends this run, the next one knows of it. */
export function begin(context: Context, incident: Incident, underway: Omit<Underway, 'at'>): Incident {
  const begun = { ...incident, underway: { at: new Date().toISOString(), ...underway } };
  keepIncident(incidentFolder(context), begun, incidentReport(begun));
  return begun;
}

/** What was done; nothing is under way then. */
export function withDeed(incident: Incident, deed: Omit<Deed, 'at'>): Incident {
  const { underway: _, ...rest } = incident;
  return { ...rest, deeds: [...incident.deeds, { at: new Date().toISOString(), ...deed }] };
}

/** `undefined`: the server answers and has no such database, or one that a restore was killed in. */
export async function openOrLost(context: Context, target: Target): Promise<Session | undefined> {
  try {
    const session = await openReader(target, 'aisha-db recover', context.signal);
    const [row] = await session.query<{ comment: string | null }>(
      `select pg_catalog.shobj_description(oid, 'pg_database') as comment from pg_catalog.pg_database
       where datname = pg_catalog.current_database()`,
    );
    if (readMark(row!.comment)?.state !== 'unfinished') return session;
    await session.close();
    return undefined;
  } catch (error) {
    if (error instanceof AishaError && error.sqlState === LOST) return undefined;
    throw error;
  }
}

/** The newest full backup of the database from before the incident. */
export function lastBackup(
  context: Context,
  target: Target,
  wanted: string | undefined,
  before: string | undefined,
): StoredBackup | undefined {
  const content = readStore(localBackupWorld(context).store);
  if (wanted !== undefined) return findBackup(content, wanted);
  return content.backups.findLast(
    ({ manifest: { kind, database, server, createdAt }, state }) =>
      kind === 'full' &&
      state !== 'suspect' &&
      database.name === target.database &&
      server.host === target.host &&
      server.port === target.port &&
      (before === undefined || Date.parse(createdAt) <= Date.parse(before)),
  );
}

/** An hour before that time: what people say of when it happened is about right. */
export function earlier(at: string): string {
  return new Date(Date.parse(at) - HOUR_MS).toISOString();
}

/** @throws AishaError (usage) for what is no time */
export function timeOf(text: string | undefined, option: string): string | undefined {
  if (text === undefined) return undefined;
  const time = Date.parse(text);
  if (!Number.isNaN(time)) return new Date(time).toISOString();
  throw new AishaError('usage', `${option} "${text}" is not a time`, {
    hint: 'Write it as 2026-11-15T10:05:00Z, or with the offset of your place.',
  });
}
