import type { ChalkInstance } from 'chalk';

/** How much a finding matters; the order is that of the table. */
export const SEVERITIES = ['info', 'warning', 'critical'] as const;
export type Severity = (typeof SEVERITIES)[number];

/** What a measured number counts: bytes, milliseconds, things, or parts of a hundred (41 is 41 %). */
export type Unit = 'bytes' | 'milliseconds' | 'count' | 'percent';

/** Something noticed: what is wrong with which object, and what mends it. */
export interface Finding {
  /** Identifier of the check that noticed it: stable, used for muting and for SARIF rules. */
  readonly check: string;
  readonly severity: Severity;
  /** What it is about: a file, a table, an index. */
  readonly object: string;
  readonly message: string;
  /** SQL or a sentence that mends it. */
  readonly remediation?: string;
  readonly metric?: number;
  /** Of the metric; a plain number when absent. */
  readonly unit?: Unit;
  /**
   * The same in every run that finds the same again, whatever its numbers: for comparing runs, muting, code scanning.
   * Check and object stand for it when absent.
   */
  readonly fingerprint?: string;
  readonly details?: Readonly<Record<string, unknown>>;
}

/** A question that was asked: a report without findings still says what was looked at. */
export interface Check {
  readonly id: string;
  readonly title: string;
  readonly status: 'passed' | 'failed' | 'unknown' | 'not-applicable';
  readonly reason?: string;
  /** What it belongs to (`indexes`, `vacuum`), for reports that group or filter. */
  readonly category?: string;
  /** What it looks for and why that matters, in a sentence or two. */
  readonly description?: string;
  /** SQL or a sentence that would let an unknown check be decided: a GRANT, an extension, a setting. */
  readonly remediation?: string;
}

/** The server a run talked to, without any secret. */
export interface ReportTarget {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  readonly serverVersion?: string;
}

/** What went wrong, as scripts read it. */
export interface ReportError {
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
  readonly details?: readonly string[];
  readonly sqlState?: string;
}

/** A table for people, rendered by the reporters that have tables; `data` carries the same facts for scripts. */
export interface ReportTable {
  readonly title?: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** Columns (by index) to align to the right: numbers. */
  readonly alignRight?: readonly number[];
}

/** A figure for a monitoring system, which is there whether or not anything is wrong; `data` carries it as well. */
export interface Measure {
  /** `backup_age`: in small letters, without the unit, which reporters add in their own way. */
  readonly name: string;
  /** A sentence. */
  readonly help: string;
  readonly unit: Unit;
  /** What it was measured of. */
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

interface Chart {
  readonly title: string;
  readonly unit: Unit;
  /** A sentence about what is shown, such as what was left out. */
  readonly note?: string;
}

/** A bar for each thing, in the given order. */
export interface BarChart extends Chart {
  readonly kind: 'bars';
  readonly bars: readonly { readonly label: string; readonly value: number }[];
}

/** A bar for each thing, in the given order, made of parts: a table of its rows, its indexes, its TOAST. */
export interface StackedChart extends Chart {
  readonly kind: 'stacked';
  readonly parts: readonly string[];
  /** `values` are in the order of `parts`. */
  readonly bars: readonly { readonly label: string; readonly values: readonly number[] }[];
}

/** Lines over time, each with its own points, from the oldest. */
export interface TimeChart extends Chart {
  readonly kind: 'time';
  readonly lines: readonly { readonly label: string; readonly points: readonly TimePoint[] }[];
}

export interface TimePoint {
  /** ISO 8601, as `Date.toISOString` writes it. */
  readonly at: string;
  readonly value: number;
}

/** A picture for people where looking beats reading; drawn by the reporters that can, `data` carries the same facts. */
export type ReportChart = BarChart | StackedChart | TimeChart;

/** What a command hands to the reporters; the contract's JSON is this object without `text`, `tables`, `charts` and `measures`. */
export interface Report {
  readonly command: string;
  readonly version: string;
  readonly target?: ReportTarget;
  readonly startedAt: string;
  readonly durationMs: number;
  readonly status: 'ok' | 'findings' | 'failed';
  readonly exitCode: number;
  readonly checks: readonly Check[];
  readonly findings: readonly Finding[];
  readonly data: Readonly<Record<string, unknown>>;
  readonly error?: ReportError;
  /** One or two sentences that sum the run up, for people. */
  readonly text?: string;
  readonly tables?: readonly ReportTable[];
  readonly charts?: readonly ReportChart[];
  readonly measures?: readonly Measure[];
}

/** What a command returns: the edge (cli.ts) adds command, version, times, status and exit code. */
export interface CommandResult {
  readonly checks?: readonly Check[];
  readonly findings?: readonly Finding[];
  readonly data?: Readonly<Record<string, unknown>>;
  readonly text?: string;
  readonly tables?: readonly ReportTable[];
  readonly charts?: readonly ReportChart[];
  readonly measures?: readonly Measure[];
  /** A failure that still has a whole report (a migration that failed half-way): its error sets the exit code. */
  readonly error?: import('../errors.ts').AishaError;
  /** Exit code of a result that is no failure but not 0 either (`status --check`). */
  readonly exitCode?: number;
  /** A service that runs until it is told to stop: the interruption was the end it was made for. */
  readonly stopped?: boolean;
}

/** How a reporter may draw. */
export interface RenderOptions {
  /** Draws the colours; absent when there shall be none. Passed in because loading it costs more than most runs. */
  readonly chalk?: ChalkInstance | undefined;
  /** Width of the terminal in columns; `undefined` when stdout is not one. */
  readonly width: number | undefined;
}

/** One output format: a pure function of the report; the string ends with a newline. */
export type Reporter = (report: Report, options: RenderOptions) => string;

/** What a file of reporters/ exports; its name is the name of the format. */
export interface ReportFormat {
  readonly render: Reporter;
  /** Exit code of the process in place of the contract's, for a format whose readers have codes of their own. */
  readonly exitCode?: (report: Report) => number;
}
