import { counted, quantity } from '../report/quantity.ts';
import type { Check, CommandResult, Finding, ReportTable } from '../report/report.ts';
import { blockedBy, modeName, stopsWriters } from './lock-modes.ts';
import type { HeldLock, TableEffect } from './observation.ts';
import type { FileRehearsal, Rehearsal } from './result.ts';

/** From this size on (bytes) reading or writing a whole table takes long enough for others to notice. */
const BIG_TABLE = 100 * 1024 * 1024;
/** Changes of the catalog that are shown; `data` has all of them. */
const SHOWN_CHANGES = 40;

/** The report of a rehearsal, and whether it passed. */
export function rehearsalResult(rehearsal: Rehearsal): CommandResult & { readonly passed: boolean } {
  const checks = checksOf(rehearsal);
  const findings = [
    ...rehearsal.files.flatMap(fileFindings),
    ...rehearsal.files.flatMap(({ gate }) => gate.findings),
    ...rehearsal.gate.findings,
    ...testFindings(rehearsal),
    ...callFindings(rehearsal),
    ...rehearsal.newFindings,
  ];
  const passed = !findings.some(({ severity }) => severity === 'critical');
  return {
    passed,
    text: summary(rehearsal, passed),
    checks,
    findings,
    tables: [
      filesTable(rehearsal.files),
      effectsTable(rehearsal.files),
      changesTable(rehearsal.files),
      notesTable(rehearsal),
    ].filter(({ rows }) => rows.length > 0),
    data: { rehearsal: dataOf(rehearsal, passed) },
  };
}

function summary({ files, backup, backupAt }: Rehearsal, passed: boolean): string {
  if (files.length === 0) return `there is nothing to apply: ${backup} of ${backupAt} has every file of the folder`;
  const what = `${counted(files.length, 'file')} on a copy of ${backup} (${backupAt})`;
  return passed
    ? `rehearsed ${what}: nothing stands against it`
    : `rehearsed ${what}: it must not be applied like this`;
}

// ── checks ──────────────────────────────────────────────────────────────────────────────────────────────────────────

function checksOf(rehearsal: Rehearsal): Check[] {
  const { files, tests, newFindings, after } = rehearsal;
  const withRollback = files.filter(({ rollback }) => rollback.files.length > 0);
  const untried = withRollback.filter(({ rollback }) => rollback.state === 'not-tried');
  const isRolledBack = withRollback.every(({ rollback }) => rollback.state === 'passed');
  return [
    {
      id: 'rehearsal-apply',
      title: 'Every pending file can be applied',
      status: files.every(({ state }) => state === 'applied') ? 'passed' : 'failed',
    },
    {
      id: 'rehearsal-gate',
      title: 'The gate of migrate lets every file and the run pass',
      ...gateStatus(rehearsal),
    },
    {
      id: 'rehearsal-rollback',
      title: 'What has a rollback can be undone and applied again',
      ...(withRollback.length === 0
        ? { status: 'not-applicable', reason: 'no pending file has a rollback' }
        : isRolledBack
          ? { status: 'passed' }
          : untried.length > 0
            ? {
                status: 'unknown',
                reason: untried.map(({ file, rollback }) => `${file}: ${rollback.reason.join(' ')}`).join('; '),
              }
            : { status: 'failed' }),
    },
    {
      id: 'rehearsal-tests',
      title: 'The tests of the application pass on the copy',
      ...(tests === undefined
        ? { status: 'not-applicable', reason: 'no test command was run: --run, or rehearsal.run in the configuration' }
        : { status: tests.passed ? 'passed' : 'failed' }),
    },
    {
      id: 'rehearsal-findings',
      title: 'rls-check --prove and diagnose find nothing that was not there before',
      status: newFindings.some(({ severity }) => severity !== 'info') ? 'failed' : 'passed',
      ...(after.unknown.length === 0 ? {} : { reason: `undecided on the copy: ${after.unknown.join('; ')}` }),
    },
  ];
}

function gateStatus({ files, gate }: Rehearsal): Pick<Check, 'status' | 'reason'> {
  if (!gate.isOn) return { status: 'not-applicable', reason: 'the gate is off in the configuration' };
  const asked = files.filter(({ state }) => state !== 'not-run');
  const isRefused = [...asked.flatMap((file) => file.gate.findings), ...gate.findings].some(
    ({ severity }) => severity === 'critical',
  );
  if (isRefused) return { status: 'failed' };
  const blind = asked.filter(({ state, gate: { verdict } }) => state === 'applied' && verdict === undefined);
  if (blind.length === 0) return { status: 'passed' };
  return { status: 'unknown', reason: `nothing could be judged of ${blind.map(({ file }) => file).join(', ')}` };
}

// ── findings ────────────────────────────────────────────────────────────────────────────────────────────────────────

function fileFindings(rehearsed: FileRehearsal): Finding[] {
  const { file, state, reason, effects, durationMs } = rehearsed;
  const details = { file };
  if (state === 'failed') {
    return [
      {
        check: 'rehearsal-apply',
        severity: 'critical',
        object: file,
        message: `cannot be applied: ${reason.join('\n')}`,
        remediation: 'Mend the file and rehearse again; nothing was applied to the database itself.',
      },
    ];
  }
  const modes = new Map(effects.locks.map(({ table, mode }) => [table, mode]));
  const stored = effects.tables.flatMap((effect) => storageFinding(effect, modes.get(effect.table), rehearsed) ?? []);
  const held = effects.locks
    .filter(({ mode, table }) => stopsWriters(mode) && !stored.some(({ object }) => object === table))
    .map(
      (lock): Finding => ({
        check: 'rehearsal-lock',
        severity: 'info',
        object: lock.table,
        message: `${file} holds ${modeName(lock.mode)} and keeps others from ${blockedBy(lock.mode)} for up to ${quantity(durationMs, 'milliseconds')}`,
        metric: durationMs,
        unit: 'milliseconds',
        fingerprint: `rehearsal-lock ${file} ${lock.table}`,
        details: { ...details, mode: modeName(lock.mode) },
      }),
    );
  return [...stored, ...held, ...rollbackFindings(rehearsed)];
}

function storageFinding(
  { table, storage, bytesBefore, rows }: TableEffect,
  mode: string | undefined,
  { file, durationMs }: FileRehearsal,
): Finding | undefined {
  if (storage === undefined || rows === 0) return undefined;
  const verbs = { rewritten: 'writes it anew', emptied: 'empties it', scanned: 'reads all of it' } as const;
  const held =
    mode === undefined || !stopsWriters(mode)
      ? ''
      : ` and keeps others from ${blockedBy(mode)} for up to ${quantity(durationMs, 'milliseconds')}`;
  const isNoticed = storage === 'emptied' || (bytesBefore >= BIG_TABLE && held !== '');
  return {
    check: `rehearsal-${storage}`,
    severity: isNoticed ? 'warning' : 'info',
    object: table,
    message: `${file} ${verbs[storage]} (${counted(rows, 'row')}, ${quantity(bytesBefore, 'bytes')})${held}`,
    metric: bytesBefore,
    unit: 'bytes',
    fingerprint: `rehearsal-${storage} ${file} ${table}`,
    details: { file },
  };
}

function rollbackFindings({ file, rollback }: FileRehearsal): Finding[] {
  if (rollback.state === 'failed') {
    return [
      {
        check: 'rehearsal-rollback',
        severity: 'critical',
        object: file,
        message: `cannot be rolled back and forth with ${rollback.files.join(', ')}: ${rollback.reason.join('\n')}`,
        remediation: 'Mend the rollback, or remove it: a rollback that does not work is worse than none.',
      },
    ];
  }
  if (rollback.state !== 'incomplete') return [];
  return [
    {
      check: 'rehearsal-rollback',
      severity: 'warning',
      object: file,
      message: `${rollback.files.join(', ')} leaves ${rollback.leftovers.slice(0, 5).join(', ')}${rollback.leftovers.length > 5 ? ` and ${rollback.leftovers.length - 5} more` : ''} other than before the file`,
      remediation: 'Have the rollback restore them too.',
    },
  ];
}

function testFindings({ tests }: Rehearsal): Finding[] {
  if (tests === undefined || tests.passed) return [];
  return [
    {
      check: 'rehearsal-tests',
      severity: 'critical',
      object: tests.command,
      message: `failed on the copy: ${tests.how}`,
      details: { lastLines: tests.lastLines },
    },
  ];
}

function callFindings({ calls }: Rehearsal): Finding[] {
  const groups = new Map<string, number>();
  for (const { function: name } of calls) groups.set(name, (groups.get(name) ?? 0) + 1);
  return [...groups].map(([name, count]) => ({
    check: 'rehearsal-calls',
    severity: 'info',
    object: name,
    message: `would have left the database ${count === 1 ? 'once' : `${count} times`}; in the copy it was only written down`,
    metric: count,
    unit: 'count',
    details: { arguments: calls.filter((call) => call.function === name).map((call) => call.arguments) },
  }));
}

// ── tables ──────────────────────────────────────────────────────────────────────────────────────────────────────────

function filesTable(files: readonly FileRehearsal[]): ReportTable {
  return {
    columns: ['file', 'time', 'rows', 'size', 'catalog', 'gate', 'findings', 'rollback'],
    alignRight: [1, 2, 3, 4, 6],
    rows: files.map((one) => [
      one.file,
      one.state === 'applied' ? quantity(one.durationMs, 'milliseconds') : one.state,
      quantity(one.effects.rowsChanged),
      `${one.grewBy < 0 ? '-' : '+'}${quantity(Math.abs(one.grewBy), 'bytes')}`,
      quantity(one.catalog.length),
      one.gate.verdict ?? '',
      one.newFindings === undefined ? '' : quantity(one.newFindings.length),
      one.rollback.state === 'none' ? '' : one.rollback.state,
    ]),
  };
}

function effectsTable(files: readonly FileRehearsal[]): ReportTable {
  const rows = files.flatMap(({ file, effects }) => {
    const stored = new Map(effects.tables.map((effect) => [effect.table, effect]));
    const noticed = effects.locks.filter((lock) => stopsWriters(lock.mode) || stored.get(lock.table)?.storage);
    return noticed.map((lock) => [
      file,
      lock.table,
      modeName(lock.mode),
      blockedBy(lock.mode),
      effectWords(stored.get(lock.table)),
    ]);
  });
  return { title: 'what others wait for', columns: ['file', 'table', 'lock', 'nobody else is', 'storage'], rows };
}

function effectWords(effect: TableEffect | undefined): string {
  if (effect?.storage === undefined) return '';
  return `${effect.storage}, ${quantity(effect.bytesBefore, 'bytes')}`;
}

function changesTable(files: readonly FileRehearsal[]): ReportTable {
  const rows = files.flatMap(({ file, catalog }) => catalog.map(({ object, change }) => [file, change, object]));
  const rest = rows.length - SHOWN_CHANGES;
  return {
    title: rest > 0 ? `catalog: the first ${SHOWN_CHANGES} of ${rows.length} changes` : 'catalog',
    columns: ['file', '', 'object'],
    rows: rows.slice(0, SHOWN_CHANGES),
  };
}

function notesTable({ notes, masked, copyVersion, originVersion, files }: Rehearsal): ReportTable {
  const version =
    copyVersion.split('.')[0] === originVersion.split('.')[0]
      ? []
      : [`the copy ran on PostgreSQL ${copyVersion}, the database on ${originVersion}`];
  const sampled = files
    .filter(({ isSampled }) => isSampled)
    .map(({ file }) => `${file} runs outside of a transaction: its locks were looked at every 10 ms`);
  const masks = masked.map(({ column, as, rows }) => `${column} masked as ${as}: ${counted(rows, 'row')}`);
  return { columns: ['of the copy'], rows: [...version, ...notes, ...masks, ...sampled].map((note) => [note]) };
}

// ── data ────────────────────────────────────────────────────────────────────────────────────────────────────────────

function dataOf(rehearsal: Rehearsal, passed: boolean): Readonly<Record<string, unknown>> {
  const { before, after, files, ...rest } = rehearsal;
  return {
    ...rest,
    passed,
    isolation: { proved: after.proved, tables: after.tables, unknown: after.unknown },
    findingsBefore: before.findings.length,
    findingsAfter: after.findings.length,
    files: files.map(({ effects, ...file }) => ({ ...file, ...effects, locks: effects.locks.map(lockData) })),
  };
}

function lockData({ table, mode }: HeldLock): Readonly<Record<string, string>> {
  return { table, mode: modeName(mode), blocks: blockedBy(mode) };
}
