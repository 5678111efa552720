import { formatDuration } from '../duration.ts';
import { AishaError } from '../errors.ts';
import { quoteIdentifier } from '../postgres/quote.ts';
import { counted, quantity } from '../report/quantity.ts';
import type { CommandResult, ReportTable } from '../report/report.ts';
import type { Difference } from './compare.ts';
import type { Manifest } from './manifest.ts';
import type { Problem } from './plan.ts';
import type { Preparation, RestorePlan } from './restore-plan.ts';

/** What a restore of a whole database has made, as a report tells of it. */
export interface RestoredDatabase {
  readonly database: string;
  readonly serverVersion: string;
  readonly restoreMs: number;
  readonly rolesCreated: readonly string[];
  readonly notRestored: readonly string[];
  readonly differences: readonly Difference[];
}

/** The result of a restore; one that is not what was backed up is a failure that still has its report. */
export function restoredResult(manifest: Manifest, restored: RestoredDatabase): CommandResult {
  const { database, restoreMs, rolesCreated, notRestored, differences } = restored;
  const rows = manifest.tables.reduce((sum, table) => sum + table.rows, 0);
  const proof = differences.length === 0 ? 'equal to what was backed up' : 'NOT equal to what was backed up';
  return {
    text: `${manifest.id} was restored into ${database} in ${formatDuration(restoreMs)}: ${counted(manifest.tables.length, 'table')}, ${counted(rows, 'row')}; ${proof}`,
    tables: [
      ...listTable('Roles that were made, without log-in and password', rolesCreated),
      ...listTable('Not restored', notRestored),
    ],
    data: { restore: { backup: manifest.id, ...restored } },
    ...(differences.length === 0 ? {} : { error: notEqual(database, differences) }),
  };
}

/** Of a restore that went well and gave something else. */
export function notEqual(database: string, differences: readonly Difference[]): AishaError {
  return new AishaError('backup', `${database} is not what was backed up`, {
    details: differences.map(({ object, message }) => `${object} ${message}`),
    hint: 'Look at what differs before anybody uses it, or restore another backup.',
  });
}

/** What has taken whose place, as a report tells of it. */
export interface SwappedDatabase {
  readonly names: { readonly current: string; readonly kept: string };
  readonly ended: readonly string[];
  /** `undefined` when an earlier run had restored it. */
  readonly restored: RestoredDatabase | undefined;
  /** Of a restore in place: the proved backup of what was there, and whether the old database went for it. */
  readonly safety?: string;
  readonly dropped?: boolean;
}

/** The result of a swap: where the old database is, and how one gets rid of it. */
export function swappedResult(manifest: Manifest, swapped: SwappedDatabase): CommandResult {
  const { names, ended, restored, safety, dropped = false } = swapped;
  const { current, kept } = names;
  const drop = `drop database ${quoteIdentifier(kept)}`;
  return {
    text: `${current} is now ${manifest.id}, as of ${manifest.createdAt}; ${dropped ? `what it was is the backup ${safety}` : `what it was is kept as ${kept}, with all that was written since. When it is no longer needed: ${drop}`}`,
    tables: [
      ...listTable('Sessions that were ended', ended),
      ...listTable('Roles that were made, without log-in and password', restored?.rolesCreated ?? []),
      ...listTable('Not restored', restored?.notRestored ?? []),
    ],
    data: {
      swap: {
        backup: manifest.id,
        database: current,
        kept: dropped ? null : kept,
        safety: safety ?? null,
        ended,
        restored: restored ?? null,
      },
    },
  };
}

/** The result of a restore in place without a second database. */
export function replacedResult(manifest: Manifest, restored: RestoredDatabase, safety: string): CommandResult {
  const { database, restoreMs, notRestored } = restored;
  return {
    text: `${database} is now ${manifest.id}, as of ${manifest.createdAt}, in one transaction of ${formatDuration(restoreMs)}; what it was is the backup ${safety}`,
    tables: listTable('Not restored', notRestored),
    data: { replace: { backup: manifest.id, database, safety, restored } },
  };
}

/** What would be done, as far as it can be known before. */
export interface PlannedRestore {
  readonly plan: RestorePlan;
  readonly serverVersion: string;
  readonly command: readonly string[];
  /** Milliseconds that a verification of this backup took; `undefined` when there was none. */
  readonly measuredMs: number | undefined;
  /** What happens besides the restore itself. */
  readonly steps: readonly string[];
  /** What is in the database goes, in one transaction. */
  readonly replaces?: boolean;
}

const PREPARATIONS: Readonly<Record<Preparation, string>> = {
  create: 'is made, closed to everybody until it is whole',
  replace: 'is what an earlier restore left, and is made again',
  use: 'is there and empty',
};

/** The plan with everything that stands against it; nothing was written. */
export function plannedResult(manifest: Manifest, planned: PlannedRestore): CommandResult {
  const { plan, command, measuredMs, steps, replaces = false } = planned;
  const rows: [string, string][] = [
    ['backup', `${manifest.id} of ${manifest.database.name}, snapshot of ${manifest.createdAt}`],
    [
      'database',
      `${plan.database} ${replaces ? 'is emptied and filled again, in one transaction' : PREPARATIONS[plan.preparation]}`,
    ],
    ['time', timeOf(measuredMs)],
    ['disk', `${quantity(manifest.tableBytes, 'bytes')} for tables on the server; indexes and WAL come on top`],
    [
      'locks',
      replaces
        ? 'ACCESS EXCLUSIVE on every table, until the commit: whoever reads or writes waits'
        : 'none but in the restored database',
    ],
    ['connections', String(plan.jobs + 3)],
    ['command', command.join(' ')],
    ...steps.map((step): [string, string] => ['then', step]),
  ];
  return {
    text: `would restore ${counted(manifest.tables.length, 'table')} into ${plan.database}; nothing was written`,
    tables: [
      { columns: ['', ''], rows },
      ...listTable(
        'Roles that would be made, without log-in and password',
        plan.roles.map(({ name }) => name),
      ),
      ...listTable('Not restored', [
        ...plan.omissions.extensions.map(({ name }) => `extension ${name}`),
        ...plan.omissions.foreignKeys.map(({ catalogName }) => `foreign key ${catalogName}`),
      ]),
      ...listTable('Worth knowing', plan.warnings),
    ],
    data: {
      plan: {
        backup: manifest.id,
        database: plan.database,
        preparation: plan.preparation,
        jobs: plan.jobs,
        command,
        measuredMs: measuredMs ?? null,
        tableBytes: manifest.tableBytes,
        roles: plan.roles.map(({ name }) => name),
        warnings: plan.warnings,
        problems: plan.problems,
        steps,
      },
    },
    ...withProblems(plan.problems),
  };
}

/** A plan that cannot be carried out is shown all the same. */
function withProblems(problems: readonly Problem[]): Pick<CommandResult, 'error'> {
  return problems.length === 0 ? {} : { error: refusal(problems, 'the restore would be refused') };
}

/** All problems in one error. */
export function refusal(problems: readonly Problem[], consequence: string): AishaError {
  const count = problems.length === 1 ? 'one thing stands' : `${problems.length} things stand`;
  return new AishaError('backup', `${consequence}: ${count} against it`, {
    details: problems.map(({ message }) => message),
    hint: [...new Set(problems.map(({ hint }) => hint))].join(' '),
  });
}

function timeOf(measuredMs: number | undefined): string {
  if (measuredMs === undefined) return 'not measured yet: aisha-db backup verify ID --restore does';
  return `about ${formatDuration(measuredMs)}, as its verification took`;
}

/** One line for each item; no table without any. */
export function listTable(title: string, items: readonly string[]): ReportTable[] {
  return items.length === 0 ? [] : [{ title, columns: [''], rows: items.map((item) => [item]) }];
}
