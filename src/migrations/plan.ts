import {
  compareNames,
  compareText,
  compareVersions,
  looksLikeSideFile,
  type MigrationName,
  type Phase,
  parseName,
  sameVersion,
  type Version,
} from './name.ts';

/** What is known of a file before its content is looked into. */
export interface FileFact {
  readonly name: MigrationName;
  /** `undefined` when the file cannot be read; then `unreadable` says why. */
  readonly checksum: string | undefined;
  readonly unreadable: string | undefined;
}

/** One row of the ledger, as the plan needs it. */
export interface LedgerFact {
  readonly file: string;
  /** As it was when the file ran; forward when absent. */
  readonly phase?: string;
  readonly checksum: string;
  readonly state: 'applied' | 'baseline' | 'interrupted' | 'rolled-back';
  readonly appliedAt: string | undefined;
  readonly executionTimeMs: number | undefined;
  /** Order in which rows were written: clocks jump, this does not. */
  readonly sequence: number;
  /** Files that carried the same number when this one was applied. */
  readonly siblings: readonly string[];
  readonly statementsDone: number;
  readonly statementsTotal: number | undefined;
}

export type MigrationState =
  | 'applied'
  | 'pending'
  | 'changed'
  | 'missing'
  | 'out-of-order'
  | 'interrupted'
  | 'failed'
  | 'not-run'
  | 'baseline';

export interface PlanEntry {
  readonly file: string;
  readonly number: string | undefined;
  readonly phase: Phase;
  readonly state: MigrationState;
  readonly checksum: string | undefined;
  readonly appliedAt: string | undefined;
  readonly durationMs: number | undefined;
  readonly reason: string | undefined;
  /** True for the files this run applies. */
  readonly run: boolean;
  /** True for the files it would apply if nothing stood against their place: what else is wrong with them is told as well. */
  readonly refused?: boolean;
}

/** Something that keeps the run from starting, or is worth saying. */
export interface PlanProblem {
  readonly file: string;
  readonly kind: 'plan' | 'changed';
  readonly message: string;
  readonly hint: string;
  readonly line?: number;
  readonly column?: number;
  /** Lines that show the place. */
  readonly excerpt?: readonly string[];
}

export interface PlanWarning {
  readonly check: string;
  readonly file: string;
  readonly message: string;
  readonly hint?: string;
}

export interface MigrationPlan {
  /** Every `.sql` file and every row of the ledger, in order. */
  readonly entries: readonly PlanEntry[];
  readonly problems: readonly PlanProblem[];
  readonly warnings: readonly PlanWarning[];
  /** For each planned file that shares its number with others: all of them, in name order. */
  readonly groups: ReadonlyMap<string, readonly string[]>;
}

export interface PlanOptions {
  readonly duplicates: 'refuse-new' | 'allow' | 'refuse';
  readonly allowOutOfOrder: boolean;
  /** Last number to apply (as text), or `undefined` for all. */
  readonly to: Version | undefined;
  /** Apply this file alone. */
  readonly only: string | undefined;
  /** Files known to end in ROLLBACK: they are never planned. */
  readonly tests?: ReadonlySet<string>;
}

/**
 * Decides what a run would do, from names, checksums and the ledger (design, "Identity and order of migrations").
 * Nothing is thrown and nothing is left out: every file and every ledger row gets an entry.
 */
export function planMigrations(
  files: readonly FileFact[],
  ledger: readonly LedgerFact[],
  options: PlanOptions,
): MigrationPlan {
  const planning = new Planning(files, ledger, options);
  return planning.plan();
}

class Planning {
  readonly #files: readonly FileFact[];
  readonly #rows: ReadonlyMap<string, LedgerFact>;
  readonly #missing: readonly LedgerFact[];
  /** New name by old, and old by new. */
  readonly #renamed: ReadonlyMap<string, string>;
  readonly #options: PlanOptions;
  readonly #problems: PlanProblem[] = [];
  readonly #warnings: PlanWarning[] = [];

  constructor(files: readonly FileFact[], ledger: readonly LedgerFact[], options: PlanOptions) {
    this.#files = [...files].sort((a, b) => compareNames(a.name, b.name));
    this.#rows = new Map(ledger.filter((row) => row.state !== 'rolled-back').map((row) => [row.file, row]));
    const present = new Set(this.#files.map((f) => f.name.file));
    this.#missing = [...this.#rows.values()]
      .filter((row) => !isByName(row) && !present.has(row.file))
      .sort((a, b) => comparePlaces(parseName(a.file), parseName(b.file)));
    this.#renamed = renames(this.#files, this.#rows, this.#missing);
    this.#options = options;
  }

  plan(): MigrationPlan {
    const groups = duplicateGroups(this.#files);
    const forward = this.#files.filter((f) => f.name.phase === 'forward').map((f) => this.#forward(f, groups));
    const forwardRuns = forward.some((entry) => entry.run);
    const final = this.#files.filter((f) => f.name.phase === 'final').map((f) => this.#final(f, forwardRuns));
    const others = this.#files
      .filter((f) => f.name.phase === 'manual' || f.name.phase === 'rollback')
      .map((f) => this.#other(f));
    const entries = [...this.#withMissing(forward), ...final, ...others, ...this.#elsewhere()];
    this.#warnAboutNames(groups);
    const names = [...groups].map(([file, group]) => [file, group.map((f) => f.name.file)] as const);
    return { entries, problems: this.#problems, warnings: this.#warnings, groups: new Map(names) };
  }

  #forward(file: FileFact, groups: ReadonlyMap<string, readonly FileFact[]>): PlanEntry {
    const row = this.#rows.get(file.name.file);
    if (file.unreadable !== undefined) this.#unreadable(file);
    if (row) return this.#known(file, row);
    // It must not run again; the row of its old name says what to do.
    const was = this.#renamed.get(file.name.file);
    if (was !== undefined) return entryOf(file, 'pending', { reason: `its content was applied as ${was}` });
    if (this.#options.tests?.has(file.name.file)) {
      return entryOf(file, 'not-run', { reason: 'ends in ROLLBACK: a test, not a migration' });
    }
    const held = this.#heldBack(file);
    if (held) return entryOf(file, 'pending', { reason: held });
    const duplicate = this.#duplicateProblem(file, groups.get(file.name.file) ?? []);
    if (duplicate) {
      this.#problem(
        file,
        duplicate,
        `Give it the next free number: aisha-db renumber ${file.name.file} (${this.nextFree()}).`,
      );
      return entryOf(file, 'pending', { reason: duplicate, refused: true });
    }
    if (file.unreadable !== undefined)
      return entryOf(file, 'pending', { reason: `cannot be read: ${file.unreadable}` });
    const later = this.#latestApplied();
    if (later && compareNames(file.name, later) < 0) return this.#outOfOrder(file, later);
    return entryOf(file, 'pending', { run: true });
  }

  /** A file the ledger knows: applied, changed, or interrupted. */
  #known(file: FileFact, row: LedgerFact): PlanEntry {
    if (row.state === 'interrupted') {
      const reason = `${row.statementsDone} of ${row.statementsTotal ?? '?'} statements ran; the next run resumes`;
      return entryOf(file, 'interrupted', { row, reason, run: this.#selected(file) });
    }
    if (file.checksum !== undefined && file.checksum !== row.checksum) {
      this.#problems.push({
        file: file.name.file,
        kind: 'changed',
        message: 'changed since it was applied',
        hint: `Restore the applied content, or accept the change: aisha-db repair ${file.name.file}.`,
      });
      return entryOf(file, 'changed', { row, reason: 'its content is not what was applied' });
    }
    return entryOf(file, row.state === 'baseline' ? 'baseline' : 'applied', { row });
  }

  #outOfOrder(file: FileFact, later: MigrationName): PlanEntry {
    const reason = `comes before ${later.file}, which is applied`;
    if (this.#options.allowOutOfOrder) return entryOf(file, 'out-of-order', { reason, run: true });
    this.#problem(
      file,
      `out of order: ${reason}`,
      `Apply it anyway with --allow-out-of-order, or give it the next free number: aisha-db renumber ${file.name.file} (${this.nextFree()}).`,
    );
    return entryOf(file, 'out-of-order', { reason, refused: true });
  }

  /** Run last; again when its content changed or a forward file ran since. */
  #final(file: FileFact, forwardRuns: boolean): PlanEntry {
    const row = this.#rows.get(file.name.file);
    if (file.unreadable !== undefined) {
      this.#unreadable(file);
      return entryOf(file, 'pending', { row, reason: `cannot be read: ${file.unreadable}` });
    }
    const held = this.#heldBack(file);
    const reason = this.#finalReason(file, row, forwardRuns);
    if (reason === undefined && row) return entryOf(file, row.state === 'baseline' ? 'baseline' : 'applied', { row });
    const state = row?.state === 'interrupted' ? 'interrupted' : 'pending';
    return entryOf(file, state, { row, reason: held ?? reason, run: held === undefined });
  }

  /** Why a final file runs (again); `undefined` when it does not. */
  #finalReason(file: FileFact, row: LedgerFact | undefined, forwardRuns: boolean): string | undefined {
    if (!row) return 'runs last';
    if (row.state === 'interrupted')
      return `${row.statementsDone} of ${row.statementsTotal ?? '?'} statements ran; the next run resumes`;
    if (file.checksum !== row.checksum) return 'runs again: its content changed';
    if (forwardRuns) return 'runs again: files before it are pending';
    const ranSince = this.#files.some(
      (f) => f.name.phase === 'forward' && (this.#rows.get(f.name.file)?.sequence ?? 0) > row.sequence,
    );
    return ranSince ? 'runs again: a file before it was applied since' : undefined;
  }

  #other(file: FileFact): PlanEntry {
    const named = this.#options.only === file.name.file && file.name.phase === 'manual';
    if (file.unreadable !== undefined) {
      if (named) this.#unreadable(file);
      return entryOf(file, 'not-run', { reason: `cannot be read: ${file.unreadable}` });
    }
    const row = this.#rows.get(file.name.file);
    if (row?.state === 'interrupted')
      return entryOf(file, 'interrupted', { row, reason: progressByName(row, file.name.phase), run: named });
    if (row) {
      const reason = row.checksum === file.checksum ? undefined : 'changed since it ran; its new content did not';
      return entryOf(file, 'applied', { row, reason });
    }
    const reason = file.name.reason ?? (file.name.phase === 'rollback' ? 'for aisha-db rollback' : 'run by name only');
    return entryOf(file, named ? 'pending' : 'not-run', { reason, run: named });
  }

  /** Files run by name that lie in a folder of their own, or were removed once they had done their work: no problem. */
  #elsewhere(): PlanEntry[] {
    const present = new Set(this.#files.map((f) => f.name.file));
    const rows = [...this.#rows.values()].filter((row) => isByName(row) && !present.has(row.file));
    return rows
      .sort((a, b) => compareText(a.file, b.file))
      .map((row) => ({
        file: row.file,
        number: undefined,
        phase: row.phase as Phase,
        state: row.state === 'interrupted' ? 'interrupted' : 'applied',
        checksum: row.checksum,
        appliedAt: row.appliedAt,
        durationMs: row.executionTimeMs,
        reason:
          row.state === 'interrupted' ? progressByName(row, row.phase ?? 'manual') : 'run by name; not in this folder',
        run: false,
      }));
  }

  /** Rows of the ledger without a file, in their place in the order. */
  #withMissing(forward: readonly PlanEntry[]): PlanEntry[] {
    if (this.#missing.length === 0) return [...forward];
    const entries = forward.map((entry) => ({ name: parseName(entry.file), entry }));
    const wrongFolder =
      this.#missing.length > 1 && this.#missing.length === this.#rows.size && this.#renamed.size === 0;
    if (wrongFolder) {
      this.#problems.push({
        file: '*',
        kind: 'changed',
        message: `none of the ${this.#missing.length} applied files is in the folder`,
        hint: 'It is probably the wrong folder, or the wrong database: name the folder with --dir.',
      });
    }
    for (const row of this.#missing) {
      const name = parseName(row.file);
      const renamed = this.#renamed.get(row.file);
      if (!wrongFolder)
        this.#problems.push({
          file: row.file,
          kind: 'changed',
          message: renamed ? `applied, but renamed to ${renamed}` : 'applied, but the file is missing',
          hint: `Restore the file, or record what happened: aisha-db repair ${renamed ?? row.file}.`,
        });
      const entry: PlanEntry = {
        file: row.file,
        number: name.version?.text,
        phase: 'forward',
        state: 'missing',
        checksum: row.checksum,
        appliedAt: row.appliedAt,
        durationMs: row.executionTimeMs,
        reason: renamed ? `its content is now in ${renamed}` : 'in the ledger, not in the folder',
        run: false,
      };
      entries.push({ name, entry });
    }
    return entries.sort((a, b) => comparePlaces(a.name, b.name)).map(({ entry }) => entry);
  }

  /** Why a pending file is not part of this run although nothing is wrong with it. */
  #heldBack(file: FileFact): string | undefined {
    const { only, to } = this.#options;
    if (only !== undefined && only !== file.name.file) return 'not named by --only';
    if (to !== undefined && (file.name.phase === 'final' || compareVersions(file.name.version, to) > 0))
      return 'beyond --to';
    return undefined;
  }

  #selected(file: FileFact): boolean {
    return this.#heldBack(file) === undefined;
  }

  #duplicateProblem(file: FileFact, group: readonly FileFact[]): string | undefined {
    if (group.length < 2 || this.#options.duplicates === 'allow') return undefined;
    const others = group.filter((f) => f !== file).map((f) => f.name.file);
    if (this.#options.duplicates === 'refuse')
      return `number ${file.name.version?.text} is also carried by ${others.join(', ')}`;
    // A member that was there when its mate was applied is no newcomer: a run may have failed between the two.
    const joined = others.filter((other) => {
      const row = this.#rows.get(other);
      return row !== undefined && !row.siblings.includes(file.name.file);
    });
    return joined.length > 0
      ? `joins number ${file.name.version?.text}, already applied as ${joined.join(', ')}`
      : undefined;
  }

  #latestApplied(): MigrationName | undefined {
    this.#latest ??= {
      name: this.#files.findLast((f) => f.name.phase === 'forward' && this.#rows.has(f.name.file))?.name,
    };
    return this.#latest.name;
  }
  #latest: { name: MigrationName | undefined } | undefined;

  nextFree(): string {
    return nextFreeNumber(this.#files.map((f) => f.name));
  }

  #unreadable(file: FileFact): void {
    this.#problem(file, `cannot be read: ${file.unreadable}`, 'Check its permissions, or where the link points.');
  }

  #problem(file: FileFact, message: string, hint: string): void {
    this.#problems.push({ file: file.name.file, kind: 'plan', message, hint });
  }

  #warnAboutNames(groups: ReadonlyMap<string, readonly FileFact[]>): void {
    for (const group of new Set(groups.values())) {
      const [first, ...rest] = group.map((f) => f.name.file);
      const number = group[0]?.name.version?.text;
      this.#warnings.push({
        check: 'duplicate-number',
        file: first!,
        message: `number ${number} is also carried by ${rest.join(', ')}; they run in name order`,
      });
    }
    const planned = this.#files.filter((f) => f.name.phase === 'forward');
    for (const file of planned.filter((f) => looksLikeSideFile(f.name.file))) {
      this.#warnings.push({
        check: 'side-file',
        file: file.name.file,
        message: 'its name says it is no migration, yet its number makes it one',
        hint: 'Move it out of the folder, or rename it.',
      });
    }
    const kinds = new Set(planned.map((f) => f.name.version?.kind));
    if (kinds.has('serial') && kinds.has('date')) {
      const date = planned.find((f) => f.name.version?.kind === 'date');
      this.#warnings.push({
        check: 'mixed-numbers',
        file: date!.name.file,
        message: 'serial numbers and dates are mixed; serials run before dates',
      });
    }
    const folded = new Map<string, string>();
    for (const { name } of this.#files) {
      const key = name.file.normalize('NFC').toLowerCase();
      const twin = folded.get(key);
      if (twin !== undefined) {
        this.#warnings.push({
          check: 'look-alike-names',
          file: name.file,
          message: `differs from ${twin} only in case or in how accents are stored`,
          hint: 'Some file systems cannot hold both; rename one.',
        });
      }
      folded.set(key, name.file);
    }
  }
}

/** Rows whose file is gone while another one, not in the ledger, holds the same content: both ways. */
function renames(
  files: readonly FileFact[],
  rows: ReadonlyMap<string, LedgerFact>,
  missing: readonly LedgerFact[],
): ReadonlyMap<string, string> {
  const fresh = missing.length === 0 ? [] : files.filter((f) => f.name.phase === 'forward' && !rows.has(f.name.file));
  const renamed = new Map<string, string>();
  for (const row of missing) {
    const to = fresh.find((f) => f.checksum === row.checksum && !renamed.has(f.name.file))?.name.file;
    if (to !== undefined) renamed.set(row.file, to).set(to, row.file);
  }
  return renamed;
}

/** Order by number whatever the phase: that of a file which is gone depends on settings of another day. */
function comparePlaces(a: MigrationName, b: MigrationName): number {
  return compareVersions(a.version, b.version) || compareText(a.file, b.file);
}

function isByName(row: LedgerFact): boolean {
  return row.phase === 'manual' || row.phase === 'rollback';
}

function progressByName(row: LedgerFact, phase: string): string {
  const how = phase === 'rollback' ? 'aisha-db rollback' : 'migrate --only';
  return `${row.statementsDone} of ${row.statementsTotal ?? '?'} statements ran; ${how} resumes`;
}

function entryOf(
  file: FileFact,
  state: MigrationState,
  more: { row?: LedgerFact | undefined; reason?: string | undefined; run?: boolean; refused?: boolean },
): PlanEntry {
  return {
    file: file.name.file,
    number: file.name.version?.text,
    phase: file.name.phase,
    state,
    checksum: file.checksum,
    appliedAt: more.row?.appliedAt,
    durationMs: more.row?.executionTimeMs,
    reason: more.reason,
    run: (more.run ?? false) && file.unreadable === undefined,
    ...(more.refused && file.unreadable === undefined ? { refused: true } : {}),
  };
}

/** For each planned file that shares its number: the whole group, in name order. */
export function duplicateGroups(files: readonly FileFact[]): ReadonlyMap<string, readonly FileFact[]> {
  const planned = files.filter((f) => f.name.phase === 'forward' || f.name.phase === 'final');
  const groups = new Map<string, readonly FileFact[]>();
  let group: FileFact[] = [];
  const close = () => {
    if (group.length > 1) for (const f of group) groups.set(f.name.file, group);
  };
  for (const file of planned) {
    const { phase, version } = group[0]?.name ?? {};
    if (phase === file.name.phase && sameVersion(version, file.name.version)) group.push(file);
    else {
      close();
      group = [file];
    }
  }
  close();
  return groups;
}

/** The number behind the highest forward one, written as that one is: a serial, or a date where dates are in use. */
export function nextFreeNumber(names: readonly MigrationName[], finalFrom?: number): string {
  let highest: Version | undefined;
  for (const { version, phase } of names)
    if (phase === 'forward' && version && (!highest || compareVersions(version, highest) > 0)) highest = version;
  if (highest === undefined) return '001';
  if (highest.kind === 'date') return nextDate(highest.text);
  const width = highest.text.length - highest.suffix.length;
  const next = String(highest.value + 1).padStart(width, '0');
  // Three digits from here up would run last.
  return parseName(`${next}_.sql`, finalFrom).phase === 'final' ? '1000' : next;
}

/** The next day, minute or second, as precise as the text is. */
function nextDate(text: string): string {
  const digits = text.replaceAll('-', '');
  const part = (from: number, to: number) => Number(digits.slice(from, to) || 0);
  const step = { 8: 86_400_000, 12: 60_000 }[digits.length] ?? 1000;
  const time = Date.UTC(part(0, 4), part(4, 6) - 1, part(6, 8), part(8, 10), part(10, 12), part(12, 14)) + step;
  const iso = new Date(time).toISOString();
  return text.includes('-') ? iso.slice(0, 10) : iso.replace(/\D/g, '').slice(0, digits.length);
}
