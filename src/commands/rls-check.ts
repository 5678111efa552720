import { runHooks } from '../cli/migration.ts';
import { openSession } from '../migrations/open.ts';
import { SQLSTATE, serverError } from '../postgres/server-error.ts';
import { judgeFacts } from '../tenancy/judge.ts';
import { loadChecks } from '../tenancy/load-checks.ts';
import { proofCheck } from '../tenancy/proof/proof-check.ts';
import { proveWithoutRows } from '../tenancy/proof/prove.ts';
import { readFacts } from '../tenancy/read-facts.ts';
import { toBlindResult, toResult } from '../tenancy/result.ts';
import type { TenancySettings } from '../tenancy/settings.ts';
import type { Command, Context } from './command.ts';

export const command: Command = {
  summary: "find out whether every tenant's data is really its own",
  description:
    'Reads the catalog once and judges RLS on every table, view and function that clients reach. Policies are asked what they let through, over rows that are made up, as each role that they bind; nothing is written and no lock is waited for.',
  examples: [
    'aisha-db rls-check',
    'aisha-db rls-check --prove',
    'aisha-db rls-check --schema public --schema billing',
    'aisha-db rls-check --format sarif --output rls.sarif',
  ],
  database: true,
  configure(command) {
    command
      .option('--schema <name>', 'schema to look at, may be repeated', collect)
      .option('--prove', 'prove for each table that no tenant reaches the rows of another; touches no row');
  },
  async run(context, _args, options) {
    const settings = settingsFor(context, options);
    const proves = options['prove'] === true;
    const target = await context.target();
    const checks = await loadChecks();
    const session = await openSession(target, 'aisha-db rls-check', {}, runHooks(context, target));
    try {
      const facts = await readFacts(session, settings);
      const proof = proves ? await proveWithoutRows(session, facts, settings) : undefined;
      const asked = proof === undefined ? checks : [proofCheck(proof), ...checks];
      return toResult(facts, judgeFacts(facts, asked, settings.exceptions), proof);
    } catch (error) {
      const refusal = serverError(error);
      if (refusal?.code !== SQLSTATE.insufficientPrivilege) throw error;
      return toBlindResult(checks, refusal, target.user);
    } finally {
      await session.close();
    }
  },
};

function collect(name: string, names: readonly string[] = []): string[] {
  return [...names, name];
}

function settingsFor({ config }: Context, options: Readonly<Record<string, unknown>>): TenancySettings {
  const schemas = options['schema'] as readonly string[] | undefined;
  return schemas === undefined ? config.tenancy : { ...config.tenancy, schemas };
}
