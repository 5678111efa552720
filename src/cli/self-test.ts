import type { Context } from '../commands/command.ts';
import { loadDefinitions, loadFixtures } from '../diagnostics/load.ts';
import { selectChecks } from '../diagnostics/select.ts';
import { testChecks } from '../diagnostics/self-test.ts';
import { selfTestReport } from '../diagnostics/self-test-verdict.ts';
import type { CommandResult } from '../report/report.ts';
import { checkFolders } from './diagnosis.ts';
import { runHooks } from './migration.ts';

/** Tests the checks themselves, with their own thresholds, and not those of the configuration. */
export async function selfTest(context: Context, names: readonly string[]): Promise<CommandResult> {
  const folders = checkFolders(context);
  const definitions = selectChecks(loadDefinitions(folders), { names, requested: ['exact'] });
  const fixtures = loadFixtures(folders);
  const target = await context.target();
  const { timeoutMs } = context.config.diagnostics;
  const verdicts = await testChecks(target, definitions, {
    fixtures,
    timeoutMs,
    signal: context.signal,
    connected: runHooks(context, target).connected,
  });
  return selfTestReport(definitions, verdicts);
}
