import type { Context } from '../commands/command.ts';
import { toResult as toDiagnosis } from '../diagnostics/result.ts';
import { runChecks } from '../diagnostics/run.ts';
import { SECRET_IN_FILE } from '../diagnostics/secret-in-file.ts';
import { openSession } from '../migrations/open.ts';
import type { Target } from '../postgres/target.ts';
import type { Examination } from '../rehearsal/result.ts';
import type { Check, CommandResult } from '../report/report.ts';
import { judgeFacts } from '../tenancy/judge.ts';
import { loadChecks } from '../tenancy/load-checks.ts';
import { proofCheck } from '../tenancy/proof/proof-check.ts';
import { proveWithoutRows } from '../tenancy/proof/prove.ts';
import { readFacts } from '../tenancy/read-facts.ts';
import { toResult as toVerdict } from '../tenancy/result.ts';
import { configuredChecks } from './diagnosis.ts';

/** What `rls-check --prove` and `diagnose` say of a database that is not the target of the run. */
export async function examine(context: Context, target: Target): Promise<Examination> {
  const isolation = await isolationOf(context, target);
  const health = await healthOf(context, target);
  const tables = isolation.data?.['tables'] as readonly { readonly verdict: string }[];
  const checks = [...(isolation.checks ?? []), ...(health.checks ?? [])];
  return {
    findings: [...(isolation.findings ?? []), ...(health.findings ?? [])],
    unknown: checks
      .filter(isUnknown)
      .map(({ title, reason }) => (reason === undefined ? title : `${title} (${reason})`)),
    proved: tables.filter(({ verdict }) => verdict === 'proved').length,
    tables: tables.length,
  };
}

function isUnknown({ status }: Check): boolean {
  return status === 'unknown';
}

async function isolationOf({ config, signal }: Context, target: Target): Promise<CommandResult> {
  const quiet = { signal, info: () => {}, warn: () => {}, connected: () => {} };
  const session = await openSession(target, 'aisha-db rls-check', {}, quiet);
  try {
    const facts = await readFacts(session, config.tenancy);
    const proof = await proveWithoutRows(session, facts, config.tenancy);
    const verdict = judgeFacts(facts, [proofCheck(proof), ...(await loadChecks())], config.tenancy.exceptions);
    return toVerdict(facts, verdict, proof);
  } finally {
    await session.close();
  }
}

async function healthOf(context: Context, target: Target): Promise<CommandResult> {
  const { diagnostics } = context.config;
  const checks = configuredChecks(context).filter(
    // Files are the same before and after; checks that measure read whole tables.
    ({ definition, enabled }) => enabled && definition.id !== SECRET_IN_FILE.id && definition.onRequest === undefined,
  );
  const run = await runChecks(
    target,
    checks.map(({ definition }) => definition),
    { ...diagnostics, signal: context.signal, connected: () => {}, onProgress: () => {} },
  );
  const today = new Date().toISOString().slice(0, 10);
  return toDiagnosis({ ...run, checks, mutes: diagnostics.mutes, today, withTables: false }).result;
}
