import { counted, quantity } from '../report/quantity.ts';
import type { Facts, IndexFacts, TableFacts } from './facts.ts';
import type { MaintenanceSettings } from './settings.ts';

export type WorkKind = 'drop-leftover' | 'drop-unused' | 'vacuum' | 'analyze' | 'reindex' | 'vacuum-full';

/** One statement of a plan, and why it is there. */
export interface WorkItem {
  readonly kind: WorkKind;
  /** Table or index, quoted where needed. */
  readonly object: string;
  /** Whose size is measured before and after. */
  readonly oid: number;
  /** No two statements work on one table at once. */
  readonly tableOid: number;
  readonly tableLabel: string;
  readonly statement: string;
  readonly reason: string;
  /** That are read: what the time follows from. */
  readonly bytes: number;
  /** That become free or trustworthy: what the order follows from. */
  readonly benefitBytes: number;
  /** Before everything else, whatever the benefit. */
  readonly isUrgent: boolean;
  readonly estimatedMs: number;
  /** It is not worth while as long as an old transaction may still see the dead rows. */
  readonly needsHorizon: boolean;
  /** While it is done others are slowed down: it waits for a quiet server, or for the hours in which that may be. */
  readonly isLarge: boolean;
  /** Why it is not done. */
  readonly skipped: string | undefined;
}

/** What is planned. */
export interface WorkRequest {
  readonly kinds: ReadonlySet<'vacuum' | 'analyze' | 'reindex'>;
  /** Tables or indexes that are worked on whether they need it or not; none: all that need it. */
  readonly names: readonly string[];
}

export interface Plan {
  readonly items: readonly WorkItem[];
  /** Names of the request that nothing has. */
  readonly unknown: readonly string[];
}

/** Bytes a second of each kind: assumed until runs of this database were measured. */
export type Rates = Readonly<Record<WorkKind, number>>;

const MB = 1024 * 1024;

export const ASSUMED_RATES: Rates = {
  'drop-leftover': 500 * MB,
  'drop-unused': 500 * MB,
  // Between the pace of a busy server and that of a quiet one.
  vacuum: 8 * MB,
  analyze: 20 * MB,
  reindex: 10 * MB,
  'vacuum-full': 10 * MB,
};

/** What each statement locks (PostgreSQL docs 13.3.1 and the pages of the commands). */
export const LOCKS: Readonly<Record<WorkKind, string>> = {
  'drop-leftover': 'SHARE UPDATE EXCLUSIVE: reads and writes go on',
  'drop-unused': 'SHARE UPDATE EXCLUSIVE: reads and writes go on',
  vacuum: 'SHARE UPDATE EXCLUSIVE: reads and writes go on',
  analyze: 'SHARE UPDATE EXCLUSIVE: reads and writes go on',
  reindex: 'SHARE UPDATE EXCLUSIVE: reads and writes go on',
  'vacuum-full': 'ACCESS EXCLUSIVE: nobody reads or writes the table meanwhile',
};

/** ANALYZE reads a sample of 300 pages for each step of default_statistics_target (100), not the table. */
const SAMPLE_BYTES = 30_000 * 8_192;

const ORDER: readonly WorkKind[] = ['drop-leftover', 'drop-unused', 'vacuum', 'analyze', 'reindex', 'vacuum-full'];

/** Decides what is done: leftovers first, then tables, then indexes; what is urgent, then the largest benefit first. */
export function planWork(facts: Facts, request: WorkRequest, settings: MaintenanceSettings, rates: Rates): Plan {
  const chosen = choose(facts, request.names);
  const isNamed = request.names.length > 0;
  const scope = { facts, settings, rates, isNamed };
  const vacuums = request.kinds.has('vacuum') ? chosen.tables.flatMap((table) => vacuumItem(table, scope)) : [];
  const vacuumed = new Set(vacuums.map(({ oid }) => oid));
  const analyses = request.kinds.has('analyze')
    ? chosen.tables.filter(({ oid }) => !vacuumed.has(oid)).flatMap((table) => analyzeItem(table, scope))
    : [];
  const indexes = request.kinds.has('reindex') ? chosen.indexes.flatMap((index) => indexItem(index, scope)) : [];
  const items = [...vacuums, ...analyses, ...indexes];
  return { items: items.toSorted(byBenefit), unknown: chosen.unknown };
}

/** VACUUM FULL of one table: only ever by name. */
export function planFull(facts: Facts, name: string, rates: Rates): Plan {
  const [table] = facts.tables.filter((candidate) => isCalled(candidate, name) && !candidate.isRoot);
  if (table === undefined) return { items: [], unknown: [name] };
  const total = table.bytes + table.indexBytes;
  const item = makeItem('vacuum-full', table, {
    statement: `vacuum (full, analyze) ${table.label}`,
    reason: `asked for by name; it writes the table and its indexes anew, which takes up to ${quantity(total, 'bytes')} more on disk until it is done`,
    bytes: total,
    benefitBytes: total,
    rates,
    skipped: obstacleOf(table, facts, table.mayVacuum),
  });
  return { items: [item], unknown: [] };
}

/** An index that no query used, and how it is made again. */
export interface UnusedIndex {
  readonly label: string;
  readonly undo: string;
}

/** Removal of indexes that are named; those that are not unused are unknown. */
export function planDrops(facts: Facts, names: readonly string[], unused: readonly UnusedIndex[], rates: Rates): Plan {
  const known = facts.indexes.flatMap((index) => {
    const match = unused.find(({ label }) => label === index.label);
    return match === undefined ? [] : [{ ...index, undo: match.undo }];
  });
  const items = known
    .filter((index) => names.some((name) => isCalled(index, name)))
    .map((index) => {
      const table = facts.tables.find(({ oid }) => oid === index.tableOid);
      return makeItem('drop-unused', index, {
        statement: `drop index concurrently ${index.label}`,
        reason: `asked for by name; to make it again: ${index.undo}`,
        bytes: index.bytes,
        benefitBytes: index.bytes,
        rates,
        skipped: table === undefined ? undefined : obstacleOf(table, facts, table.mayReindex),
      });
    });
  return { items, unknown: names.filter((name) => !known.some((index) => isCalled(index, name))) };
}

function byBenefit(a: WorkItem, b: WorkItem): number {
  const kind = ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind);
  if (kind !== 0) return kind;
  if (a.isUrgent !== b.isUrgent) return a.isUrgent ? -1 : 1;
  return b.benefitBytes - a.benefitBytes || (a.object < b.object ? -1 : 1);
}

// ── which tables and indexes ────────────────────────────────────────────────────────────────────────────────────────

interface Chosen {
  readonly tables: readonly TableFacts[];
  readonly indexes: readonly IndexFacts[];
  readonly unknown: readonly string[];
}

/** A table that is named stands for its indexes as well. */
function choose({ tables, indexes }: Facts, names: readonly string[]): Chosen {
  if (names.length === 0) return { tables, indexes, unknown: [] };
  const isWanted = (thing: Named) => names.some((name) => isCalled(thing, name));
  const wantedTables = tables.filter(isWanted);
  const tableOids = new Set(wantedTables.map(({ oid }) => oid));
  const known = [...tables, ...indexes];
  return {
    tables: wantedTables,
    indexes: indexes.filter((index) => tableOids.has(index.tableOid) || isWanted(index)),
    unknown: names.filter((name) => !known.some((thing) => isCalled(thing, name))),
  };
}

type Named = Pick<TableFacts, 'schema' | 'name' | 'label'>;

/** As reports write it, or plain: `public.users`, `users`. */
function isCalled({ schema, name, label }: Named, wanted: string): boolean {
  return wanted === label || wanted === `${schema}.${name}` || wanted === name;
}

// ── one table, one index ────────────────────────────────────────────────────────────────────────────────────────────

interface Scope {
  readonly facts: Facts;
  readonly settings: MaintenanceSettings;
  readonly rates: Rates;
  readonly isNamed: boolean;
}

function vacuumItem(table: TableFacts, { facts, settings, rates, isNamed }: Scope): WorkItem[] {
  if (table.isRoot) return [];
  const { vacuum } = settings;
  const rows = table.liveRows + table.deadRows;
  const deadPercent = percentOf(table.deadRows, rows);
  const agePercent = percentOf(table.age, facts.freezeMaxAge);
  const isDead = table.deadRows >= vacuum.deadRows && deadPercent >= vacuum.deadPercent;
  const isInserted =
    table.insertedRows >= vacuum.insertedRows && percentOf(table.insertedRows, rows) >= vacuum.insertedPercent;
  const isOld = agePercent >= vacuum.agePercent;
  const reasons = [
    ...(isOld
      ? [`its oldest row is ${quantity(table.age)} transactions old, ${round(agePercent)} % of the limit`]
      : []),
    ...(isDead ? [`${counted(table.deadRows, 'dead row')}, ${round(deadPercent)} %`] : []),
    ...(isInserted ? [`${counted(table.insertedRows, 'row')} inserted since its last vacuum`] : []),
  ];
  if (reasons.length === 0 && !isNamed) return [];
  const item = makeItem('vacuum', table, {
    statement: `vacuum (${isOld ? 'freeze, ' : ''}analyze) ${table.label}`,
    reason: reasons.join('; ') || 'asked for by name',
    bytes: table.bytes + table.indexBytes,
    benefitBytes: Math.round((table.bytes * Math.max(deadPercent, isInserted ? 1 : 0)) / 100),
    rates,
    skipped: obstacleOf(table, facts, table.mayVacuum),
  });
  return [{ ...item, isUrgent: agePercent >= 100, needsHorizon: !isOld && !isNamed }];
}

function analyzeItem(table: TableFacts, { facts, settings, rates, isNamed }: Scope): WorkItem[] {
  const { analyze } = settings;
  const changedPercent = Math.min(100, percentOf(table.changedRows, table.liveRows));
  const isStale = table.changedRows >= analyze.changedRows && changedPercent >= analyze.changedPercent;
  const isNew = !table.isAnalysed && table.liveRows >= 100;
  const reason = isNew
    ? `never analysed, ${counted(table.liveRows, 'row')}`
    : isStale
      ? `${counted(table.changedRows, 'row')} changed since it was analysed, ${round(changedPercent)} %`
      : table.isRootStale
        ? 'its partitions were analysed since, and autovacuum never analyses it'
        : isNamed
          ? 'asked for by name'
          : undefined;
  if (reason === undefined) return [];
  return [
    makeItem('analyze', table, {
      statement: `analyze ${table.label}`,
      reason,
      bytes: Math.min(table.bytes, SAMPLE_BYTES),
      benefitBytes: Math.round((table.bytes * (isNew ? 100 : changedPercent)) / 100),
      rates,
      skipped: obstacleOf(table, facts, table.mayVacuum),
    }),
  ];
}

function indexItem(index: IndexFacts, scope: Scope): WorkItem[] {
  const { facts, rates } = scope;
  const table = facts.tables.find(({ oid }) => oid === index.tableOid);
  const mayReindex = table?.mayReindex ?? true;
  const skipped = table === undefined ? facts.holders.get(index.tableOid) : obstacleOf(table, facts, mayReindex);
  const about = { oid: index.oid, label: index.label, tableOid: index.tableOid, tableLabel: index.tableLabel };
  if (index.isLeftover) {
    return [
      makeItem('drop-leftover', about, {
        statement: `drop index concurrently ${index.label}`,
        reason: 'an interrupted REINDEX CONCURRENTLY left it: invalid, written to by every change, and never read',
        bytes: index.bytes,
        benefitBytes: index.bytes,
        rates,
        skipped,
      }),
    ];
  }
  const reason = reasonToRebuild(index, scope);
  if (reason === undefined) return [];
  const { wasted = 0 } = facts.bloat.get(index.label) ?? {};
  const written = Math.max(0, index.bytes - wasted);
  const isLarge = !scope.isNamed && written >= scope.settings.reindex.largeMb * MB;
  const item = makeItem('reindex', about, {
    statement: `reindex index concurrently ${index.label}`,
    reason: isLarge ? `${reason}; ${whenLarge(written, scope.settings)}` : reason,
    bytes: index.bytes + (table?.bytes ?? 0),
    benefitBytes: wasted,
    rates,
    skipped: index.obstacle ?? skipped,
  });
  return [{ ...item, isLarge }];
}

/** REINDEX has no brake: it takes a processor, and writes and syncs the new index at once. */
function whenLarge(bytes: number, { window, busy }: MaintenanceSettings): string {
  const hours = window === undefined ? '' : `between ${window.replace('-', ' and ')}, or `;
  return `so large (${quantity(bytes, 'bytes')} anew) that it waits: ${hours}while less than ${busy.transactions} transactions end in a second`;
}

function reasonToRebuild(index: IndexFacts, { facts, settings: { reindex }, isNamed }: Scope): string | undefined {
  const bloat = facts.bloat.get(index.label);
  const isBloated =
    bloat !== undefined && bloat.wasted >= reindex.wastedMb * MB && bloat.percent >= reindex.wastedPercent;
  if (isBloated) return `${quantity(bloat.wasted, 'bytes')} of it are free, ${round(bloat.percent)} %`;
  return isNamed ? 'asked for by name' : undefined;
}

type About = Pick<TableFacts, 'oid' | 'label'> & { readonly tableOid?: number; readonly tableLabel?: string };

interface ItemParts {
  readonly statement: string;
  readonly reason: string;
  readonly bytes: number;
  readonly benefitBytes: number;
  readonly rates: Rates;
  readonly skipped: string | undefined;
}

function makeItem(kind: WorkKind, about: About, { rates, ...parts }: ItemParts): WorkItem {
  return {
    kind,
    object: about.label,
    oid: about.oid,
    tableOid: about.tableOid ?? about.oid,
    tableLabel: about.tableLabel ?? about.label,
    ...parts,
    isUrgent: false,
    needsHorizon: false,
    isLarge: false,
    estimatedMs: Math.round((parts.bytes / rates[kind]) * 1_000),
  };
}

function obstacleOf({ oid, owner }: TableFacts, { role, holders }: Facts, may: boolean): string | undefined {
  return may ? holders.get(oid) : `it belongs to ${owner}, and ${role} may not`;
}

function percentOf(part: number, whole: number): number {
  return (100 * part) / Math.max(whole, 1);
}

function round(percent: number): number {
  return percent >= 10 ? Math.round(percent) : Number(percent.toFixed(1));
}
