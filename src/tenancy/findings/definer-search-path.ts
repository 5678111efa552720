import { quoteIdentifier } from '../../postgres/quote.ts';
import type { TenancyCheck } from '../check.ts';
import { displayName, displaySignature } from '../names.ts';
import { sqlSignature } from '../proposal.ts';

export const check: TenancyCheck = {
  title: 'every function that runs with the rights of others fixes its search_path',
  judge: (facts) => ({
    findings: facts.definers
      .filter(({ inScope, settings }) => inScope && !settings.has('search_path'))
      .map((definer) => ({
        severity: 'warning' as const,
        object: displaySignature(definer),
        message: `it runs as ${displayName(facts.roles.get(definer.runsAs)!.name)} and looks names up where its caller says: an object of the caller can take the place of one it means`,
        fix: `alter routine ${sqlSignature(definer)} set search_path = pg_catalog, ${quoteIdentifier(definer.schema)}, pg_temp;`,
      })),
  }),
};
