import type { Claim } from './claim-paths.ts';
import type { ContextName, RlsFacts } from './facts.ts';
import { SUBJECT, SUBJECT_EMAIL, type Tenants } from './samples.ts';
import type { TenancySettings } from './settings.ts';

/** What the application is known to say about its tenant, and where. */
export interface ContextSource {
  /** Settings that carry the tenant as it is. */
  readonly settings: readonly string[];
  /** Names of claims that do. */
  readonly columns: readonly string[];
  /** Claims in which `{tenant}` stands for it; `undefined`: `columns`, also below app_metadata. */
  readonly claims: Readonly<Record<string, unknown>> | undefined;
  /** Claims that were found to carry the tenant, by the keys that lead there. */
  readonly found?: readonly (readonly string[])[] | undefined;
  /** What is taken from what users say of themselves. */
  readonly forged?: readonly Claim[] | undefined;
  /** Keys by which the expression takes values of documents, and what would please it there, `{tenant}` for a tenant. */
  readonly keys?: ReadonlyMap<string, unknown> | undefined;
  /** Settings that carry the user. */
  readonly users?: readonly string[] | undefined;
  /** Settings that are read and carry neither tenant nor user, where they are to be empty. */
  readonly others?: readonly string[] | undefined;
  /** What stands for settings that were never made, where the expression reads it as that (unmade.ts). */
  readonly standIns?: Readonly<Record<string, string>> | undefined;
}

/** What is configured, and what policies were found to read. */
export function knownSource(
  { tenantSettings, tenantClaims, userSettings }: RlsFacts,
  { columns, claims }: TenancySettings,
): ContextSource {
  return { settings: tenantSettings, columns, claims, found: tenantClaims, users: userSettings };
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
  if (isEmpty(context)) return all([...source.settings, ...users], '');
  return { ...all(source.settings, tenantIn(context, tenants)), ...all(users, subjectIn(context, tenants)) };
}

function allSettingsOf(
  context: ContextName,
  source: ContextSource,
  tenants: Tenants,
  role: string,
): Readonly<Record<string, string>> {
  const own = ownSettingsOf(context, source, tenants);
  if (isEmpty(context)) return { ...own, 'request.jwt.claims': '' };
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

function isEmpty(context: ContextName): boolean {
  return context === 'empty' || context === 'reused-empty';
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
  if (['own', 'own-uppercase', 'forged', 'reused'].includes(context)) return subject;
  return /^\d+$/.test(subject) ? '0' : SUBJECT;
}

function claimsOf({ claims, columns, found = [] }: ContextSource, tenant: string): Record<string, unknown> {
  const named = all(columns, tenant);
  const said = claims === undefined ? { ...named, app_metadata: named } : fill(claims, tenant);
  return found.reduce((token, path) => saying(token, path, tenant), said) as Record<string, unknown>;
}

/** What is said at that place already is not touched; what is none on the way there is. */
function saying(document: unknown, [key, ...rest]: readonly string[], value: unknown): unknown {
  if (key === undefined) return document ?? value;
  const isDocument = typeof document === 'object' && document !== null && !Array.isArray(document);
  const fields = new Map(isDocument ? Object.entries(document) : []);
  return Object.fromEntries(fields.set(key, saying(fields.get(key), rest, value)));
}

/** Another tenant, and every right that the expression may ask for. */
function forgedClaims(source: ContextSource, { other }: Tenants): unknown {
  const said = fill({ ...Object.fromEntries(source.keys ?? []), ...claimsOf(source, other) }, other);
  return (source.forged ?? []).reduce(
    (document, { path: [, ...path], wanted }) => saying(document, path, fill(wanted, other)),
    said,
  );
}

function fill(template: unknown, tenant: string): unknown {
  if (typeof template === 'string') return template.replaceAll('{tenant}', tenant);
  if (Array.isArray(template)) return template.map((part) => fill(part, tenant));
  if (typeof template !== 'object' || template === null) return template;
  return Object.fromEntries(Object.entries(template).map(([key, part]) => [key, fill(part, tenant)]));
}
