import { expressionsOf } from '../answers.ts';
import { knownSource, settingsOf } from '../contexts.ts';
import type { ExpressionFacts, RlsFacts, TableFacts } from '../facts.ts';
import { listNames } from '../names.ts';
import type { TenancySettings } from '../settings.ts';
import { LOOKED_UP, NOTHING_SHOWN, type RoleProof } from './proof.ts';

/**
 * Where the own tenant is shown nothing, the reason also says what its policies read of the session that no session of
 * the proof said, and how to configure that. The same list where there is nothing of the kind.
 */
export function namingTheUnsaid(
  facts: RlsFacts,
  table: TableFacts,
  settings: TenancySettings,
  roles: readonly RoleProof[],
): readonly RoleProof[] {
  const isLookedUp = ({ outcome, reason = '' }: RoleProof) => outcome === 'vacuous' && reason.startsWith(LOOKED_UP);
  const isVacuous = (role: RoleProof) =>
    isLookedUp(role) || (role.outcome === 'vacuous' && role.reason?.startsWith(NOTHING_SHOWN) === true);
  if (!roles.some(isVacuous)) return roles;
  const advice = [
    adviceFor([...expressionsOf(facts, table).values()], facts, settings),
    roles.some(isLookedUp) ? columnAdvice(facts) : undefined,
  ].filter((one) => one !== undefined);
  if (advice.length === 0) return roles;
  const told = `; ${advice.join('; ')}`;
  return roles.map((role) =>
    isVacuous(role) && !role.reason!.endsWith(told) ? { ...role, reason: `${role.reason}${told}` } : role,
  );
}

/** What refers to rows of tables whose column nobody named is not traced to their tenants. */
function columnAdvice({ foundColumns }: RlsFacts): string | undefined {
  if (foundColumns.length === 0) return undefined;
  const names = listNames(foundColumns, 5);
  return `name the columns that hold the tenant in tenancy.columns (policies elsewhere compare ${names} with it)`;
}

function adviceFor(
  expressions: readonly Pick<ExpressionFacts, 'settings' | 'claims'>[],
  facts: RlsFacts,
  settings: TenancySettings,
): string | undefined {
  const anybody = { own: 'own', other: 'other', unknown: 'unknown', subject: 'subject' };
  const said = settingsOf('own', knownSource(facts, settings), anybody, 'role');
  const token: unknown = JSON.parse(said['request.jwt.claims']!);
  const names = new Set(expressions.flatMap((one) => one.settings).filter((name) => said[name] === undefined));
  const paths = new Map(
    expressions.flatMap((one) =>
      one.claims.filter((path) => !isSaid(token, path)).map((path) => [path.join('.'), path]),
    ),
  );
  const parts = [
    ...[...names].map((name) => `the setting ${name} (if it carries the tenant, add it to tenancy.settings)`),
    ...[...paths].map(
      ([name, path]) => `the claim ${name} (if it carries the tenant, set tenancy.claims to ${claimsFor(path)})`,
    ),
  ];
  return parts.length === 0 ? undefined : `its policies read what no session of the proof says: ${parts.join(', ')}`;
}

function isSaid(token: unknown, path: readonly string[]): boolean {
  // What users may edit themselves says nothing of their tenant.
  if (path[0] === 'user_metadata') return true;
  let value = token;
  for (const key of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return false;
    value = (value as Readonly<Record<string, unknown>>)[key];
  }
  return true;
}

function claimsFor(path: readonly string[]): string {
  return JSON.stringify(path.reduceRight<unknown>((inner, key) => ({ [key]: inner }), '{tenant}'));
}
