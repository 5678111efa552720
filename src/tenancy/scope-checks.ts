import { quoteIdentifier } from '../postgres/quote.ts';
import type { Check } from '../report/report.ts';
import { tablesInScope } from './access.ts';
import type { RlsFacts } from './facts.ts';
import { displayName, displayPath, listNamed, listNames } from './names.ts';
import { sqlRoles } from './proposal.ts';
import { unshownTables } from './unshown.ts';

/** Whether everything that should have been looked at was: the checks on the check. */
export function scopeChecks(facts: RlsFacts): Check[] {
  return [exposedSchemas(facts), evaluatedRoles(facts), tenantColumn(facts)];
}

/** The same where no proof says of each table why it proves nothing. */
export function foundTenants(facts: RlsFacts): Check {
  const about = {
    id: 'found-tenants',
    title: 'policies that look tenants or users up were evaluated with such as there are',
  };
  const tables = unshownTables(facts);
  if (tables.length === 0) return { ...about, status: 'passed' };
  return {
    ...about,
    status: 'unknown',
    reason: `the policies of ${listNames(tables.map(displayPath))} look tenants or users up, and none were found to ask them with: they show nothing, and what they show to others nobody knows`,
    remediation:
      'Run rls-check --prove=rows, which makes two tenants and a user of each, or run it where there are some.',
  };
}

function exposedSchemas({ exposure, apiRoles }: RlsFacts): Check {
  const about = { id: 'exposed-schemas', title: 'it is known which schemas the API serves' };
  if (exposure.source === 'no API role')
    return { ...about, status: 'not-applicable', reason: 'the server has no role of an API' };
  if (exposure.source !== 'usage') return { ...about, status: 'passed' };
  const names = listNamed(apiRoles);
  return {
    ...about,
    status: 'unknown',
    reason: `nothing says which schemas the API serves; every schema that ${names} may use was looked at: ${exposure.schemas.join(', ') || 'none'}`,
    remediation:
      'Name them in the configuration as tenancy.apiSchemas, or in pgrst.db_schemas of the role authenticator.',
  };
}

function tenantColumn(facts: RlsFacts): Check {
  const about = { id: 'tenant-column', title: 'it is known which column says whose a row is' };
  const tables = tablesInScope(facts);
  if (tables.length === 0 || tables.some((table) => table.tenantColumn !== undefined))
    return { ...about, status: 'passed' };
  return {
    ...about,
    status: 'unknown',
    reason: `none of the ${tables.length} tables has a column that is known to say whose a row is`,
    remediation: 'Name the column in the configuration as tenancy.columns.',
  };
}

function evaluatedRoles({ unreachable, reader }: RlsFacts): Check {
  const about = { id: 'evaluated-roles', title: 'policies were evaluated as every role that they bind' };
  if (unreachable.length === 0) return { ...about, status: 'passed' };
  return {
    ...about,
    status: 'unknown',
    reason: `${displayName(reader.name)} cannot become ${listNamed(unreachable)}`,
    remediation: `grant ${sqlRoles(unreachable)} to ${quoteIdentifier(reader.name)};`,
  };
}
