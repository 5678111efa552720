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
  /** Keys by which the expression takes values of documents, and what would please it there. */
  readonly keys?: ReadonlyMap<string, unknown> | undefined;
  /** Settings that carry the user. */
  readonly users?: readonly string[] | undefined;
  /** Settings that are read and carry neither tenant nor user, where they are to be empty. */
  readonly others?: readonly string[] | undefined;
  /** What stands for settings that were never made, where the expression reads it as that (unmade.ts). */
  readonly standIns?: Readonly<Record<string, string>> | undefined;
}

/**
 * The settings of a context. `unset` has none: it can only be had in a session that never had any, since a setting that
 * is reset comes back as the empty string.
 * @param reads the only ones that matter; none: all of them
 */
export function settingsOf(
  context: ContextName,
  source: ContextSource,
  tenants: Tenants,
  role: string,
  reads?: readonly string[],
): Readonly<Record<string, string>> {
  if (context === 'unset') return source.standIns ?? {};
  if (reads === undefined) return allSettingsOf(context, source, tenants, role);
  // A token takes longer to make than anything else, and most policies read none.
  const settings = reads.some((name) => name.startsWith('request.'))
    ? allSettingsOf(context, source, tenants, role)
    : ownSettingsOf(context, source, tenants);
  return Object.fromEntries(reads.flatMap((name) => (settings[name] === undefined ? [] : [[name, settings[name]]])));
}

/** Those that are no part of a token. */
function ownSettingsOf(context: ContextName, source: ContextSource, tenants: Tenants): Record<string, string> {
  // A session that has had a member of the tenant keeps what is not said again.
  const users = tenants.subject === undefined ? [] : (source.users ?? []);
  if (context === 'empty') return all([...source.settings, ...users], '');
  return { ...all(source.settings, tenantIn(context, tenants)), ...all(users, subjectIn(context, tenants)) };
}

function allSettingsOf(
  context: ContextName,
  source: ContextSource,
  tenants: Tenants,
  role: string,
): Readonly<Record<string, string>> {
  const own = ownSettingsOf(context, source, tenants);
  if (context === 'empty') return { ...own, 'request.jwt.claims': '' };
  if (context === 'others-empty')
    return { ...allSettingsOf('own', source, tenants, role), ...all(source.others ?? [], '') };
  const tenant = tenantIn(context, tenants);
  const forged = context === 'forged' ? { user_metadata: forgedClaims(source, tenants) } : {};
  const subject = subjectIn(context, tenants);
  const claims = { sub: subject, email: SUBJECT_EMAIL, role, ...claimsOf(source, tenant), ...forged };
  // PostgREST before version 9 made a setting of each claim.
  const single = source.settings.filter((name) => name.startsWith('request.jwt.claim.'));
  const ofClaims = Object.fromEntries(
    single.map((name) => [name, String((claims as Record<string, unknown>)[name.slice(18)] ?? tenant)]),
  );
  return { ...own, ...ofClaims, 'request.jwt.claims': JSON.stringify(claims) };
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

/** Another tenant, and every right that the expression may ask for. */
function forgedClaims(source: ContextSource, { other }: Tenants): Record<string, unknown> {
  return { ...Object.fromEntries(source.keys ?? []), ...claimsOf(source, other) };
}

function fill(template: unknown, tenant: string): unknown {
  if (typeof template === 'string') return template.replaceAll('{tenant}', tenant);
  if (Array.isArray(template)) return template.map((part) => fill(part, tenant));
  if (typeof template !== 'object' || template === null) return template;
  return Object.fromEntries(Object.entries(template).map(([key, part]) => [key, fill(part, tenant)]));
}
