import { appliesTo, clientsWith } from '../access.ts';
import { isAlwaysTrue, isCheckWeaker } from '../answers.ts';
import type { Noticed, TenancyCheck } from '../check.ts';
import type { Command, PolicyFacts, RlsFacts, RoleFacts, TableFacts } from '../facts.ts';
import { holdsTenantsOnce } from '../lineage.ts';
import { displayName, displayPath } from '../names.ts';
import { restorePolicy, revoke } from '../proposal.ts';
import { suspectTables } from '../soundness.ts';
import { undecidedTables } from '../undecided.ts';

export const check: TenancyCheck = {
  title: 'no policy is true for every row',
  judge: (facts) => ({
    findings: suspectTables(facts).flatMap((table) =>
      table.policies
        .filter((policy) => policy.permissive && matters(facts, table, policy) && isAlwaysTrue(facts, table, policy))
        // What is let in by its check alone has a finding of its own.
        .filter((policy) => !isCheckWeaker(facts, table, policy))
        .map((policy) => notice(facts, table, policy)),
    ),
    unknown: undecidedTables(facts),
  }),
};

/** Rows that are nobody's may be shown to everybody, but not written by everybody: as long as somebody is granted that. */
function matters(facts: RlsFacts, table: TableFacts, policy: PolicyFacts): boolean {
  return table.tenantColumn !== undefined || writersOf(facts, table, policy).length > 0;
}

/** Commands that write. */
const WRITES: readonly Command[] = ['INSERT', 'UPDATE', 'DELETE'];

function writesOf({ command }: PolicyFacts): readonly Command[] {
  return command === 'ALL' ? WRITES : WRITES.filter((one) => one === command);
}

/** Clients that may write what the policy opens. */
function writersOf(facts: RlsFacts, table: TableFacts, policy: PolicyFacts): RoleFacts[] {
  return clientsWith(facts, table, writesOf(policy)).filter((role) => appliesTo(policy, role));
}

function notice(facts: RlsFacts, table: TableFacts, policy: PolicyFacts): Noticed {
  if (policy.command === 'INSERT' && holdsTenantsOnce(table))
    return {
      severity: 'warning',
      object: displayPath(table),
      policy: policy.name,
      message: `policy ${displayName(policy.name)} is true whatever the row and whoever asks: whoever it is for may add tenants; where users register by themselves, say so in tenancy.exceptions`,
      fix: revoke(facts, table, writersOf(facts, table, policy), ['INSERT']),
    };
  const what = policy.command === 'ALL' ? 'reads and writes' : policy.command;
  const whose = table.tenantColumn === undefined ? 'every row' : 'the rows of every tenant';
  return {
    severity: table.tenantColumn === undefined ? 'warning' : 'critical',
    object: displayPath(table),
    policy: policy.name,
    message: `policy ${displayName(policy.name)} is true whatever the row and whoever asks: it opens ${whose} to ${what}`,
    // Where nothing says whose a row is, no condition could: what is left is to take the writing away.
    fix: restorePolicy(facts, table, policy) ?? revoke(facts, table, writersOf(facts, table, policy), writesOf(policy)),
  };
}
