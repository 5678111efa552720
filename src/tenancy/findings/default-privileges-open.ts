import { quoteIdentifier } from '../../postgres/quote.ts';
import type { Noticed, TenancyCheck } from '../check.ts';
import { COMMANDS, type DefaultGrant, PUBLIC, type RlsFacts } from '../facts.ts';
import { displayName, listNames } from '../names.ts';
import { sqlGrantees, sqlRoles } from '../proposal.ts';

export const check: TenancyCheck = {
  title: 'tables that are made later are not granted to clients before they have a policy',
  judge: (facts) => ({
    findings: facts.defaultGrants
      .filter(({ schema }) => schema === undefined || facts.schemas.includes(schema))
      .filter(({ grantee }) => grantee === PUBLIC || facts.clients.some(({ oid }) => oid === grantee))
      .filter(({ privileges }) => COMMANDS.some((command) => privileges.has(command)))
      .map((grant) => notice(facts, grant)),
  }),
};

function notice(facts: RlsFacts, { owner, schema, grantee, privileges }: DefaultGrant): Noticed {
  const owners = facts.roles.get(owner);
  const name = owners?.name ?? 'somebody';
  const granted = COMMANDS.filter((command) => privileges.has(command));
  const where = schema === undefined ? 'in every schema' : `in ${displayName(schema)}`;
  const inSchema = schema === undefined ? '' : ` in schema ${quoteIdentifier(schema)}`;
  return {
    severity: 'info',
    object: `default privileges of ${displayName(name)} ${where}`,
    message: `every table that ${name} makes is open to ${facts.roles.get(grantee)?.name ?? 'everybody'} at once: ${listNames(granted)}`,
    fix: `alter default privileges for role ${sqlRoles(owners === undefined ? [] : [owners])}${inSchema} revoke all on tables from ${sqlGrantees(facts, [grantee])};`,
  };
}
