import { formatDuration } from '../duration.ts';
import { counted } from '../report/quantity.ts';
import {
  type Assessment,
  type Choice,
  type Incident,
  isSchemaSpoilt,
  losses,
  type Method,
  type Way,
} from './incident.ts';

const HOUR_MS = 3_600_000;

/** What the manual says (8.5, Disaster Scenarios). */
const BY_THE_MANUAL: Readonly<Record<Method, { readonly rto: string; readonly rpo: string }>> = {
  'audit-log': { rto: 'not in the manual', rpo: 'not in the manual' },
  'missing-objects': { rto: '15 min (the manual)', rpo: '24 hours (the manual)' },
  'table-rows': { rto: '30 min (the manual)', rpo: '24 hours (the manual)' },
  pitr: { rto: '15 min (the manual)', rpo: 'seconds (the manual)' },
  backup: { rto: '30 min (the manual)', rpo: '24 hours (the manual)' },
  'backup-and-migrations': { rto: '30 min (the manual)', rpo: '24 hours (the manual)' },
  wait: { rto: 'varies (the manual)', rpo: '0 (replicated)' },
};

/**
 * The ways back and which to take: the least that brings everything back, by what exists and what was measured; beside
 * it what the manual's step 2 says by the age of the incident.
 */
export function chooseWay(incident: Incident, assessment: Assessment, now: Date): Choice {
  const ways = waysOf(incident, assessment);
  return {
    at: now.toISOString(),
    ways,
    recommended:
      ways.find(({ possible, sufficient }) => possible && sufficient)?.method ??
      ways.find(({ possible }) => possible)?.method,
    byTheManual: byTheManual(incident, assessment, now),
  };
}

function byTheManual({ happenedAt }: Incident, assessment: Assessment, now: Date): Method {
  if (!assessment.isLost && isSchemaSpoilt(assessment)) return 'backup-and-migrations';
  const age = happenedAt === undefined ? 0 : now.getTime() - Date.parse(happenedAt);
  return age < HOUR_MS ? 'pitr' : 'backup';
}

function waysOf(incident: Incident, assessment: Assessment): Way[] {
  const whole = [wholeBackup(incident, assessment), replay(incident, assessment)];
  return [
    fromLog(assessment),
    missingObjects(incident, assessment),
    tableRows(incident, assessment),
    pitr(incident),
    ...(!assessment.isLost && isSchemaSpoilt(assessment) ? whole.reverse() : whole),
    {
      method: 'wait',
      possible: false,
      sufficient: false,
      ...BY_THE_MANUAL.wait,
      note: 'for an outage of the platform: see status.supabase.com',
      command: 'aisha-db doctor',
    },
  ];
}

/** Rows that were deleted or changed while a trigger wrote them down. */
function fromLog(assessment: Assessment): Way {
  const bursts = (assessment.bursts ?? []).filter(({ action }) => action === 'DELETE' || action === 'UPDATE');
  const logged = new Map<string, number>();
  for (const { action, table, rows } of bursts)
    if (action === 'DELETE') logged.set(table, (logged.get(table) ?? 0) + rows);
  const uncovered = losses(assessment).filter(({ table, rowsThen, rowsNow }) => {
    const name = table.split('.').at(-1) ?? table;
    return rowsNow === undefined || (logged.get(name) ?? 0) < rowsThen - rowsNow;
  });
  const possible = !assessment.isLost && bursts.length > 0;
  return {
    method: 'audit-log',
    possible,
    sufficient: possible && uncovered.length === 0 && assessment.missing.length === 0,
    rto: 'seconds: one transaction',
    rpo: '0 for what the log has',
    note: possible
      ? `audit_log has ${bursts.reduce((sum, { rows }) => sum + rows, 0)} deleted and changed rows; columns that it leaves out (secrets) do not come back`
      : 'audit_log has no deleted or changed row of that time',
    command: 'aisha-db recover undo --since TIME',
  };
}

/** Tables and other objects that are gone, put back beside what is there. */
function missingObjects(incident: Incident, { isLost, missing, changed, backup, tables }: Assessment): Way {
  const possible = !isLost && missing.length > 0 && backup !== undefined;
  const isAll = tables.every(({ rowsThen, rowsNow }) => rowsNow === undefined || rowsNow >= rowsThen);
  return {
    method: 'missing-objects',
    possible,
    sufficient: possible && isAll && changed.length === 0,
    rto: measured(backup?.restoreMs, 'at most ') ?? BY_THE_MANUAL['missing-objects'].rto,
    rpo: lostSince(incident, backup?.at) ?? BY_THE_MANUAL['missing-objects'].rpo,
    note: possible
      ? `only what is gone is restored, in one transaction; what is there stays${changed.length === 0 ? '' : `, also ${counted(changed.length, 'object')} that ${changed.length === 1 ? 'is' : 'are'} other than in the backup`}`
      : 'no object of the backup is gone',
    command: 'aisha-db recover restore',
  };
}

/** Rows that are gone from tables that are there, put back from the backup and merged by their key. */
function tableRows(incident: Incident, assessment: Assessment): Way {
  const { isLost, missing, changed, backup } = assessment;
  const lost = losses(assessment).filter(({ rowsNow }) => rowsNow !== undefined);
  const possible = !isLost && backup !== undefined && lost.length > 0;
  return {
    method: 'table-rows',
    possible,
    sufficient: possible && missing.length === 0 && changed.length === 0,
    rto: measured(backup?.restoreMs, 'at most ') ?? BY_THE_MANUAL['table-rows'].rto,
    rpo: lostSince(incident, backup?.at) ?? BY_THE_MANUAL['table-rows'].rpo,
    note: possible
      ? 'rows that are gone are put back by their key, also those that were deleted on purpose since the backup; --merge changed gives changed rows their old values'
      : 'no table that is there has fewer rows than in the backup; a table with wrong values is named with --table NAME --merge changed',
    command: `aisha-db recover restore${possible ? lost.map(({ table }) => ` --table ${shellWord(table)}`).join('') : ' --table NAME'}`,
  };
}

function shellWord(text: string): string {
  return /^[\w.]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

function pitr({ pitr: available }: Incident): Way {
  return {
    method: 'pitr',
    possible: available,
    sufficient: available,
    ...BY_THE_MANUAL.pitr,
    note: available
      ? 'the whole database goes back to that second: whatever was written since is lost'
      : 'said to be unavailable: say --pitr where the project has it (Supabase Pro)',
    command: 'Supabase Dashboard, Settings, Database, Backups, Point-in-Time Recovery',
  };
}

function wholeBackup(incident: Incident, assessment: Assessment): Way {
  const { backup } = assessment;
  return {
    method: 'backup',
    possible: backup !== undefined,
    sufficient: backup !== undefined,
    rto: measured(backup?.restoreMs, '') ?? BY_THE_MANUAL.backup.rto,
    rpo: lostSince(incident, backup?.at) ?? BY_THE_MANUAL.backup.rpo,
    note:
      backup === undefined
        ? 'the store has no backup of this database from before the incident'
        : `${backup.id}${backup.verified ? ', proved by a restore' : ', never proved: aisha-db backup verify --restore'}; restored beside the database, never over it`,
    command: `aisha-db recover restore${assessment.isLost ? '' : ' --way backup'}`,
  };
}

function replay(incident: Incident, assessment: Assessment): Way {
  const whole = wholeBackup(incident, assessment);
  const since = assessment.migrationsSince.length;
  return {
    ...whole,
    method: 'backup-and-migrations',
    sufficient: whole.possible && (isSchemaSpoilt(assessment) || since > 0),
    note: `for a schema that a migration spoilt: the backup takes the place of the database, which is kept under another name, and the ${since === 0 ? 'pending files are' : `${counted(since, 'migration')} since the backup ${since === 1 ? 'is' : 'are'}`} applied again; a file that did it has to be mended first`,
    command: 'aisha-db recover restore --way backup-and-migrations',
  };
}

function measured(restoreMs: number | undefined, prefix: string): string | undefined {
  return restoreMs === undefined ? undefined : `${prefix}${formatDuration(restoreMs)} (measured)`;
}

/** What was written between the backup and the incident. */
function lostSince({ happenedAt }: Incident, backupAt: string | undefined): string | undefined {
  if (backupAt === undefined) return undefined;
  if (happenedAt === undefined) return `everything since ${backupAt}`;
  return `${formatDuration(Math.max(0, Date.parse(happenedAt) - Date.parse(backupAt)))} before the incident`;
}
