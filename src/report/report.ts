import type { ChalkInstance } from 'chalk';

/** How much a finding matters; the order is that of the table. */
export const SEVERITIES = ['info', 'warning', 'critical'] as const;
export type Severity = (typeof SEVERITIES)[number];

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
  readonly details?: Readonly<Record<string, unknown>>;
}

/** A question that was asked: a report without findings still says what was looked at. */
export interface Check {
  readonly id: string;
  readonly title: string;
  readonly status: 'passed' | 'failed' | 'unknown' | 'not-applicable';
  readonly reason?: string;
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

/** What a command hands to the reporters; the contract's JSON is this object without `text` and `tables`. */
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
}

/** What a command returns: the edge (cli.ts) adds command, version, times, status and exit code. */
export interface CommandResult {
  readonly checks?: readonly Check[];
  readonly findings?: readonly Finding[];
  readonly data?: Readonly<Record<string, unknown>>;
  readonly text?: string;
  readonly tables?: readonly ReportTable[];
  /** A failure that still has a whole report (a migration that failed half-way): its error sets the exit code. */
  readonly error?: import('../errors.ts').AishaError;
  /** Exit code of a result that is no failure but not 0 either (`status --check`). */
  readonly exitCode?: number;
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
