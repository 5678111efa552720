import { didYouMean } from '../did-you-mean.ts';
import { AishaError } from '../errors.ts';
import { SEVERITIES, type Severity } from '../report/report.ts';
import { columnsNeeded, type Definition } from './definition.ts';
import type { Mute } from './mutes.ts';
import { parseConditions, type Threshold } from './thresholds.ts';

/** What a project says about one check (docs/configuration.md). */
export interface CheckSettings {
  readonly enabled?: boolean | undefined;
  /** Why it is switched off. */
  readonly reason?: string | undefined;
  /** Replaces the severity of every finding of the check. */
  readonly severity?: Severity | undefined;
  /** Replaces the conditions of a severity; `null` drops it. */
  readonly thresholds?: Readonly<Partial<Record<Severity, string | null | undefined>>> | undefined;
  readonly windowDays?: number | undefined;
}

/** The block `diagnostics` of the configuration, resolved. */
export interface DiagnosticsSettings {
  /** Folder of the project's own checks. */
  readonly checksDir: string | undefined;
  /** Folder where runs are kept, in place of a table in the database. */
  readonly runsDir: string | undefined;
  /** How many checks run side by side. */
  readonly connections: number;
  /** For one check; 0 is no limit. */
  readonly timeoutMs: number;
  readonly ignoreSchemas: readonly string[];
  readonly checks: Readonly<Record<string, CheckSettings>>;
  readonly mutes: readonly Mute[];
}

/** A definition as the project wants it judged. */
export interface ConfiguredCheck {
  readonly definition: Definition;
  readonly enabled: boolean;
  /** Why it is switched off, where configuration says it. */
  readonly reason: string | undefined;
  /** The severity of every finding, where configuration sets one. */
  readonly severity: Severity | undefined;
}

/**
 * The definitions with the project's thresholds in place of their own.
 * @throws AishaError (usage) with every setting at once that names no check or cannot be understood
 */
export function applySettings(
  definitions: readonly Definition[],
  { checks, mutes }: Pick<DiagnosticsSettings, 'checks' | 'mutes'>,
): readonly ConfiguredCheck[] {
  const ids = new Set(definitions.map(({ id }) => id));
  const named = [
    ...Object.keys(checks).map((id) => ({ id, where: `diagnostics.checks.${id}` })),
    ...mutes.map(({ check }, index) => ({ id: check, where: `diagnostics.mutes.${index}` })),
  ];
  const problems = named
    .filter(({ id }) => !ids.has(id))
    .map(({ id, where }) => {
      const meant = didYouMean(id, [...ids]);
      return `${where}: there is no check "${id}"${meant === undefined ? '' : `, did you mean "${meant}"?`}`;
    });
  const configured = definitions.map((definition) => {
    const settings = Object.hasOwn(checks, definition.id) ? checks[definition.id] : undefined;
    return settings === undefined
      ? { definition, enabled: true, reason: undefined, severity: undefined }
      : configure(definition, settings, problems);
  });
  if (problems.length > 0) {
    throw new AishaError('usage', 'the configuration of checks cannot be understood', {
      details: problems,
      hint: 'aisha-db diagnose --list names the checks, --show CHECK their thresholds.',
    });
  }
  return configured;
}

function configure(definition: Definition, settings: CheckSettings, problems: string[]): ConfiguredCheck {
  const where = `diagnostics.checks.${definition.id}`;
  const thresholds = SEVERITIES.flatMap((severity): Threshold[] => {
    const own = definition.thresholds.filter((threshold) => threshold.severity === severity);
    const text = settings.thresholds?.[severity];
    if (text === undefined) return own;
    if (text === null) return [];
    const parsed = parseConditions(severity, text);
    if (typeof parsed !== 'string') return [parsed];
    problems.push(`${where}.thresholds.${severity}: ${parsed}`);
    return [];
  });
  if (settings.thresholds !== undefined && definition.thresholds.length === 0) {
    problems.push(`${where}.thresholds: the check has none; its findings have a severity`);
  }
  const changed = {
    ...definition,
    thresholds,
    windowDays: definition.windowDays && (settings.windowDays ?? definition.windowDays),
  };
  if (settings.windowDays !== undefined && definition.windowDays === undefined) {
    problems.push(`${where}.windowDays: the check reads no counters`);
  }
  const { enabled = true, reason, severity } = settings;
  if (enabled && reason !== undefined) problems.push(`${where}.reason: says why a check is off, and this one is not`);
  for (const column of columnsNeeded(changed)) {
    if (!columnsNeeded(definition).has(column)) problems.push(`${where}.thresholds: the check has no "${column}"`);
  }
  return { definition: changed, enabled, reason, severity };
}
