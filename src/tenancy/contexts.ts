import type { ContextName } from './facts.ts';
import { SUBJECT, SUBJECT_EMAIL, type Tenants } from './samples.ts';

/** What the application is known to say about its tenant, and where. */
export interface ContextSource {
  /** Settings that carry the tenant as it is. */
  readonly settings: readonly string[];
  /** Names of claims that do. */
  readonly columns: readonly string[];
  /** Claims in which `{tenant}` stands for it; `undefined`: `columns`, also below app_metadata. */
  readonly claims: Readonly<Record<string, unknown>> | undefined;
  /** Settings that carry the user. */
  readonly users?: readonly string[] | undefined;
}

/**
 * The settings of a context. `unset` has none: it can only be had in a session that never had any, since a setting that
 * is reset comes back as the empty string.
 */
export function settingsOf(
  context: ContextName,
  source: ContextSource,
  tenants: Tenants,
  role: string,
): Readonly<Record<string, string>> {
  if (context === 'unset') return {};
  const names = source.settings;
  // A session that has had a member of the tenant keeps what is not said again.
  const users = tenants.subject === undefined ? [] : (source.users ?? []);
  if (context === 'empty') return { ...all([...names, ...users], ''), 'request.jwt.claims': '' };
  const tenant = tenantIn(context, tenants);
  const forged = context === 'forged' ? { user_metadata: claimsOf(source, tenants.other) } : {};
  const subject = subjectIn(context, tenants);
  const claims = { sub: subject, email: SUBJECT_EMAIL, role, ...claimsOf(source, tenant), ...forged };
  // PostgREST before version 9 made a setting of each claim.
  const single = names.filter((name) => name.startsWith('request.jwt.claim.'));
  const ofClaims = Object.fromEntries(
    single.map((name) => [name, String((claims as Record<string, unknown>)[name.slice(18)] ?? tenant)]),
  );
  return { ...all(names, tenant), ...all(users, subject), ...ofClaims, 'request.jwt.claims': JSON.stringify(claims) };
}

function all(names: readonly string[], value: string): Record<string, string> {
  return Object.fromEntries(names.map((name) => [name, value]));
}

function tenantIn(context: ContextName, tenants: Tenants): string {
  if (context === 'garbage') return 'garbage';
  if (context === 'unknown') return tenants.unknown;
  return context === 'own-uppercase' ? tenants.own.toUpperCase() : tenants.own;
}

/** A member of a tenant is that wherever the session names it; elsewhere it is somebody who is in none. */
function subjectIn(context: ContextName, { subject = SUBJECT }: Tenants): string {
  if (context === 'own' || context === 'own-uppercase' || context === 'forged') return subject;
  return /^\d+$/.test(subject) ? '0' : SUBJECT;
}

function claimsOf({ claims, columns }: ContextSource, tenant: string): Record<string, unknown> {
  if (claims !== undefined) return fill(claims, tenant) as Record<string, unknown>;
  const named = all(columns, tenant);
  return { ...named, app_metadata: named };
}

function fill(template: unknown, tenant: string): unknown {
  if (typeof template === 'string') return template.replaceAll('{tenant}', tenant);
  if (Array.isArray(template)) return template.map((part) => fill(part, tenant));
  if (typeof template !== 'object' || template === null) return template;
  return Object.fromEntries(Object.entries(template).map(([key, part]) => [key, fill(part, tenant)]));
}
