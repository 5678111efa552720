import type { Context } from '../commands/command.ts';
import type { Definition } from '../diagnostics/definition.ts';
import { loadDefinitions, loadFixtures } from '../diagnostics/load.ts';
import { liveFixtureIds, loadLiveFixture } from '../diagnostics/load-live-fixtures.ts';
import { selectChecks } from '../diagnostics/select.ts';
import { testChecks } from '../diagnostics/self-test.ts';
import { type StagedVerdicts, selfTestReport, type Verdict } from '../diagnostics/self-test-verdict.ts';
import { livePlanter, type Planter, sqlPlanter } from '../diagnostics/stage/planter.ts';
import { AishaError } from '../errors.ts';
import { readStatements } from '../migrations/statements.ts';
import type { CommandResult } from '../report/report.ts';
import { checkFolders, progress } from './diagnosis.ts';
import { runHooks } from './migration.ts';

/** Tests the checks themselves, with their own thresholds, and not those of the configuration. */
export async function selfTest(context: Context, names: readonly string[]): Promise<CommandResult> {
  const folders = checkFolders(context);
  const definitions = selectChecks(loadDefinitions(folders), { names, requested: ['exact'] });
  const fixtures = loadFixtures(folders);
  const target = await context.target();
  const { timeoutMs } = context.config.diagnostics;
  const { connected } = runHooks(context, target);
  let major = 0;
  const planted = await testChecks(target, definitions, {
    fixtures,
    timeoutMs,
    signal: context.signal,
    connected: (serverVersion) => {
      major = Number.parseInt(serverVersion, 10);
      connected(serverVersion);
    },
  });
  const planters = new Map<string, Planter>();
  for (const [id, fixture] of fixtures) {
    if (fixture.notPlanted !== undefined) planters.set(id, sqlPlanter(fixture, splitStatements));
  }
  for (const id of liveFixtureIds()) planters.set(id, livePlanter(await loadLiveFixture(id)));
  const rest = definitions.filter(({ id }) => planters.has(id));
  const staged = rest.length === 0 ? undefined : await testRest(context, rest, planters, major);
  return selfTestReport(definitions, planted, staged);
}

/** What cannot be rolled back is planted on a private server; without the programs of one it stays untested. */
async function testRest(
  context: Context,
  definitions: readonly Definition[],
  planters: ReadonlyMap<string, Planter>,
  major: number,
): Promise<StagedVerdicts> {
  const { openStage } = await import('../diagnostics/stage/server.ts');
  const { testOnStage } = await import('../diagnostics/self-test-staged.ts');
  context.talk.info('Starting a private server for what cannot be planted and rolled back ...');
  const stage = await openStage(major).catch((error: unknown) => {
    if (error instanceof AishaError && error.kind === 'tool') return error;
    throw error;
  });
  if (stage instanceof AishaError) {
    const reason = `cannot be rolled back, and there is no private server to plant it on: ${stage.message}`;
    const missing: Verdict = { kind: 'unknown', reason, remediation: stage.hint };
    return { version: undefined, verdicts: new Map(definitions.map(({ id }) => [id, missing])) };
  }
  try {
    const { timeoutMs } = context.config.diagnostics;
    const options = { planters, timeoutMs, signal: context.signal, onProgress: progress(context) };
    return { version: stage.version, verdicts: await testOnStage(stage, definitions, options) };
  } finally {
    await stage.stop();
  }
}

/** One at a time: vacuum and concurrent index builds refuse to share a message. */
function splitStatements(sql: string): string[] {
  const bytes = Buffer.from(sql);
  return readStatements(bytes).statements.map(({ start, end }) => bytes.toString('utf8', start, end));
}
