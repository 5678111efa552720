import type { Definition } from '../../src/diagnostics/definition.ts';
import { toResult } from '../../src/diagnostics/result.ts';
import { type RunOptions, runChecks } from '../../src/diagnostics/run.ts';
import { applySettings, type CheckSettings } from '../../src/diagnostics/settings.ts';
import { resolveTarget } from '../../src/postgres/target.ts';
import type { CommandResult } from '../../src/report/report.ts';

/** Runs checks as the command does, in this process. */
export async function diagnose(
  url: string,
  definitions: readonly Definition[],
  { settings = {}, ...options }: Partial<RunOptions> & { settings?: Readonly<Record<string, CheckSettings>> } = {},
): Promise<CommandResult> {
  const checks = applySettings(definitions, { checks: settings, mutes: [] });
  const target = resolveTarget({ databaseUrl: url, env: {} });
  const run = await runChecks(target, definitions, {
    connections: 2,
    timeoutMs: 15_000,
    ignoreSchemas: [],
    signal: new AbortController().signal,
    connected: () => {},
    onProgress: () => {},
    ...options,
  });
  return toResult({ ...run, checks, mutes: [], today: '2026-03-01', withTables: true }).result;
}

/** `severity object` of each finding. */
export function foundBy({ findings = [] }: CommandResult): string[] {
  return findings.map(({ severity, object }) => `${severity} ${object}`).sort();
}
