import { quoteIdentifier } from '../../postgres/quote.ts';
import { isAlwaysTrue, isCheckWeaker } from '../answers.ts';
import type { Noticed, TenancyCheck } from '../check.ts';
import type { PolicyFacts, RlsFacts, TableFacts } from '../facts.ts';
import { displayPath } from '../names.ts';
import { restorePolicy, sqlName } from '../proposal.ts';
import { suspectTables } from '../soundness.ts';
import { undecidedTables } from '../undecided.ts';

export const check: TenancyCheck = {
  title: 'no policy is true for every row',
  judge: (facts) => ({
    findings: suspectTables(facts).flatMap((table) =>
      table.policies
        .filter((policy) => policy.permissive && matters(table, policy) && isAlwaysTrue(facts, table, policy))
        // What is let in by its check alone has a finding of its own.
        .filter((policy) => !isCheckWeaker(facts, table, policy))
        .map((policy) => notice(facts, table, policy)),
    ),
    unknown: undecidedTables(facts),
  }),
};

/** Rows that are nobody's may be shown to everybody, but not written by everybody. */
function matters({ tenantColumn }: TableFacts, { command }: PolicyFacts): boolean {
  return tenantColumn !== undefined || command !== 'SELECT';
}

function notice(facts: RlsFacts, table: TableFacts, policy: PolicyFacts): Noticed {
  const what = policy.command === 'ALL' ? 'reads and writes' : policy.command;
  const whose = table.tenantColumn === undefined ? 'every row' : 'the rows of every tenant';
  return {
    severity: table.tenantColumn === undefined ? 'warning' : 'critical',
    object: displayPath(table),
    policy: policy.name,
    message: `policy ${policy.name} is true whatever the row and whoever asks: it opens ${whose} to ${what}`,
    fix: restorePolicy(facts, table, policy) ?? `drop policy ${quoteIdentifier(policy.name)} on ${sqlName(table)};`,
  };
}
