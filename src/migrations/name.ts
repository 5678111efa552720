/** When a file is run: planned (`forward`, then `final`), or only by name (`manual`), or to undo (`rollback`). */
export type Phase = 'forward' | 'final' | 'manual' | 'rollback';

/** The number of a file: a label that orders it, not its identity. */
export interface Version {
  readonly kind: 'serial' | 'date';
  /** As written: `012`, `0001`, `155a`, `2025-12-17`. */
  readonly text: string;
  /** What is compared: the serial itself, or a date as YYYYMMDDhhmmss. */
  readonly value: number;
  /** Letters behind a serial (`155a`), else empty. */
  readonly suffix: string;
}

export interface MigrationName {
  /** File name, relative to the folder: the key in the ledger. */
  readonly file: string;
  readonly phase: Phase;
  readonly version: Version | undefined;
  /** Why a file is not planned, when that is not what its name asks for. */
  readonly reason: string | undefined;
}

const MANUAL_PREFIX = /^(FIX|DIAGNOSTIC|APPLY)_/i;
const ROLLBACK_PREFIX = /^ROLLBACK_/i;
const NUMBERED = /^(\d{4}-\d{2}-\d{2}|\d+)([A-Za-z]{0,3})(?:[_\- ](.*))?\.sql$/is;
const FINAL = /^\d{3}$/;

/** Default of `finalFrom`: three-digit serials from here up run last (`999_...`). */
const FINAL_FROM = 900;

/**
 * Reads phase and number off a file's name (design, "Identity and order of migrations"). Any name has an answer: what
 * is not understood is `manual` with a reason, so that no file is ever ignored in silence.
 */
export function parseName(file: string, finalFrom: number = FINAL_FROM): MigrationName {
  if (file.includes('/')) {
    return { file, phase: 'manual', version: undefined, reason: 'in a sub-folder: run by name only' };
  }
  if (ROLLBACK_PREFIX.test(file)) {
    const bound = NUMBERED.exec(file.replace(ROLLBACK_PREFIX, ''));
    return { file, phase: 'rollback', version: bound ? versionOf(bound) : undefined, reason: undefined };
  }
  if (MANUAL_PREFIX.test(file)) return { file, phase: 'manual', version: undefined, reason: undefined };
  const match = NUMBERED.exec(file);
  if (!match) return { file, phase: 'manual', version: undefined, reason: 'no number: run by name only' };
  const version = versionOf(match);
  if (version === undefined) {
    return { file, phase: 'manual', version, reason: 'its number is too large to order by: run by name only' };
  }
  const final = version.kind === 'serial' && FINAL.test(match[1]!) && version.value >= finalFrom;
  return { file, phase: final ? 'final' : 'forward', version, reason: undefined };
}

function versionOf(match: RegExpExecArray): Version | undefined {
  const digits = match[1]!;
  const suffix = match[2] ?? '';
  const date = suffix === '' ? dateValue(digits) : undefined;
  if (date !== undefined) return { kind: 'date', text: digits, value: date, suffix: '' };
  if (digits.includes('-'))
    return { kind: 'serial', text: digits.slice(0, 4), value: Number(digits.slice(0, 4)), suffix: '' };
  const value = Number(digits);
  return Number.isSafeInteger(value) ? { kind: 'serial', text: digits + suffix, value, suffix } : undefined;
}

/** YYYY-MM-DD, YYYYMMDD, YYYYMMDDhhmm or YYYYMMDDhhmmss as one comparable number; anything else is a serial. */
function dateValue(text: string): number | undefined {
  if (text.length < 8) return undefined;
  const digits = text.replaceAll('-', '');
  if (digits.length !== 8 && digits.length !== 12 && digits.length !== 14) return undefined;
  const part = (from: number, to: number) => Number(digits.slice(from, to) || 0);
  const year = part(0, 4);
  const inRange =
    year >= 1970 &&
    year <= 2199 &&
    between(part(4, 6), 1, 12) &&
    between(part(6, 8), 1, 31) &&
    part(8, 10) <= 23 &&
    part(10, 12) <= 59 &&
    part(12, 14) <= 59;
  return inRange ? Number(digits.padEnd(14, '0')) : undefined;
}

function between(value: number, low: number, high: number): boolean {
  return value >= low && value <= high;
}

/** Order by code point: the same on every machine and in every locale. UTF-8 bytes sort as code points do. */
export function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

const PHASE_RANK: Readonly<Record<Phase, number>> = { forward: 0, final: 1, manual: 2, rollback: 3 };

/** Order of the plan: phase, serials before dates, number, letter suffix, name. */
export function compareNames(a: MigrationName, b: MigrationName): number {
  return (
    PHASE_RANK[a.phase] - PHASE_RANK[b.phase] || compareVersions(a.version, b.version) || compareText(a.file, b.file)
  );
}

/** Order of two numbers; unnumbered names come last. */
export function compareVersions(a: Version | undefined, b: Version | undefined): number {
  if (a === undefined || b === undefined) return Number(a === undefined) - Number(b === undefined);
  if (a.kind !== b.kind) return a.kind === 'serial' ? -1 : 1;
  return a.value - b.value || compareText(a.suffix, b.suffix);
}

/** True when two files carry the same number, however it is padded. */
export function sameVersion(a: Version | undefined, b: Version | undefined): boolean {
  return a !== undefined && b !== undefined && compareVersions(a, b) === 0;
}

/** Endings of files that lie beside migrations without being one (manual, part 1: side files). */
export function looksLikeSideFile(file: string): boolean {
  return /_(old|smoke_?test)\.sql$/i.test(file);
}

/** `ROLLBACK_050_x.sql` undoes `050_x.sql`. */
export function rollbackNameOf(file: string): string {
  return `ROLLBACK_${file}`;
}

/**
 * `ROLLBACK_050_x.sql` and `ROLLBACK_050_x_part2.sql` are named after `050_x.sql`; not so where one of the other files
 * has a longer name that fits as well.
 */
export function isNamedAfter(undoer: string, file: string, others: readonly string[]): boolean {
  const begins = (name: string) => undoer.startsWith(rollbackNameOf(name).replace(/\.sql$/i, ''));
  return begins(file) && !others.some((other) => other.length > file.length && begins(other));
}
