import { describeContext, describeRow, isAlwaysTrue, isCheckWeaker, openingsOf } from '../answers.ts';
import type { TenancyCheck } from '../check.ts';
import { ownerColumnOf } from '../lineage.ts';
import { displayName, displayPath } from '../names.ts';
import { restorePolicy } from '../proposal.ts';
import { suspectTables } from '../soundness.ts';
import { undecidedTables } from '../undecided.ts';

export const check: TenancyCheck = {
  title: 'policies that look at the tenant open no rows of other tenants',
  judge: (facts) => ({
    findings: suspectTables(facts).flatMap((table) =>
      table.policies
        // Where no column says whose a row is, a document in it may.
        .filter(({ columns }) => columns.includes(ownerColumnOf(table)?.number ?? columns[0] ?? 0))
        .filter((policy) => !isAlwaysTrue(facts, table, policy) && !isCheckWeaker(facts, table, policy))
        .flatMap((policy) => {
          const [first] = openingsOf(facts, table, policy).others;
          if (first === undefined || !policy.permissive) return [];
          return {
            severity: 'critical' as const,
            object: displayPath(table),
            policy: policy.name,
            message: `policy ${displayName(policy.name)} opens ${describeRow(first.row)} to ${first.gate.command} in ${describeContext(first.context)}`,
            fix: restorePolicy(facts, table, policy),
            details: { role: first.role.name, context: first.context, row: first.row.values },
          };
        }),
    ),
    unknown: undecidedTables(facts),
  }),
};
