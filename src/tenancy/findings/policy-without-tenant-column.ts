import { describeContext, describeRow, isAlwaysTrue, openingsOf } from '../answers.ts';
import type { Noticed, TenancyCheck } from '../check.ts';
import type { PolicyFacts, RlsFacts, TableFacts } from '../facts.ts';
import { ownerColumnOf } from '../lineage.ts';
import { displayName, displayPath } from '../names.ts';
import { restorePolicy } from '../proposal.ts';
import { suspectTables } from '../soundness.ts';
import { undecidedTables } from '../undecided.ts';

/** From pg_depend: the server knows which columns a policy reads. A policy that opens nothing to tenants may. */
export const check: TenancyCheck = {
  title: 'every policy that opens rows looks at their tenant',
  judge: (facts) => ({
    findings: suspectTables(facts).flatMap((table) =>
      table.policies
        .filter(({ columns }) => {
          const owner = ownerColumnOf(table);
          return owner !== undefined && !columns.includes(owner.number);
        })
        .filter((policy) => policy.permissive && !isAlwaysTrue(facts, table, policy))
        .flatMap((policy) => notice(facts, table, policy)),
    ),
    unknown: undecidedTables(facts),
  }),
};

function notice(facts: RlsFacts, table: TableFacts, policy: PolicyFacts): Noticed[] {
  const { others, ownerless, personal } = openingsOf(facts, table, policy);
  const [first] = [...others, ...ownerless];
  const column = ownerColumnOf(table)!.name;
  const about = { object: displayPath(table), policy: policy.name };
  if (first !== undefined)
    return [
      {
        ...about,
        severity: 'critical',
        message: `policy ${displayName(policy.name)} never looks at ${column}: it opens ${describeRow(first.row)} to ${first.gate.command} in ${describeContext(first.context)}`,
        ...(first.row.isPersonal
          ? { advice: `Let it be for SELECT, or say in WITH CHECK which ${column} the user may write.` }
          : { fix: restorePolicy(facts, table, policy) }),
        details: { role: first.role.name, context: first.context, row: first.row.values },
      },
    ];
  if (personal.length === 0) return [];
  return [
    {
      ...about,
      severity: 'info',
      message: `policy ${displayName(policy.name)} never looks at ${column}: it opens a user's own rows in whatever tenant they are`,
      advice: 'If users may be in several tenants that is right; else add the tenant to the condition.',
    },
  ];
}
