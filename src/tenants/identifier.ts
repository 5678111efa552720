import { LONGEST_MS } from '../duration.ts';
import { AishaError } from '../errors.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** The alias whose UUID the environment gives (manual 7.4, "System Tenant"). */
export const SYSTEM_ALIAS = 'system';
/** Milliseconds that a resolved tenant is remembered unless TENANT_RESOLVE_CACHE_TTL_MS says otherwise (manual 7.4). */
const DEFAULT_TTL_MS = 60_000;

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
/** Characters of an identifier at most: a slug is a name, and whatever is asked for may be remembered. */
const LONGEST = 255;

/** True for a UUID in its usual form, in any case: what public.try_uuid of the pack takes for one. */
export function isUuid(text: string): boolean {
  return UUID.test(text);
}

/** The form in which an identifier is looked up and remembered: UUIDs in lower case, a slug as it is. */
export function normalise(identifier: string): string {
  return isUuid(identifier) ? identifier.toLowerCase() : identifier;
}

/** Why a text cannot be the identifier of a tenant; `undefined` when it can. */
export function identifierProblem(identifier: string): string | undefined {
  if (identifier.trim() === '') return 'the identifier is empty';
  if (identifier.length > LONGEST) return `the identifier has more than ${LONGEST} characters`;
  if (/[\u0000-\u001f\u007f]/.test(identifier)) return 'the identifier has control characters';
  return undefined;
}

/**
 * The UUID of SYSTEM_TENANT_ID; `undefined` when it is not set.
 * @throws AishaError (usage) when it is no UUID
 */
export function readSystemTenant(env: Environment): string | undefined {
  const value = env['SYSTEM_TENANT_ID'];
  if (value === undefined || value === '') return undefined;
  if (isUuid(value)) return value.toLowerCase();
  throw new AishaError('usage', `SYSTEM_TENANT_ID "${value}" is not a UUID`, {
    hint: 'Set it to the id of the system tenant: aisha-db tenant list shows the ids.',
  });
}

/**
 * TENANT_RESOLVE_CACHE_TTL_MS in milliseconds; 0 remembers nothing.
 * @throws AishaError (usage) when it is no whole number
 */
export function readTtl(env: Environment): number {
  const value = env['TENANT_RESOLVE_CACHE_TTL_MS'];
  if (value === undefined || value === '') return DEFAULT_TTL_MS;
  if (/^\d+$/.test(value) && Number(value) <= LONGEST_MS) return Number(value);
  throw new AishaError('usage', `TENANT_RESOLVE_CACHE_TTL_MS "${value}" is not a number of milliseconds`, {
    hint: 'Write a whole number, such as 60000; 0 remembers nothing.',
  });
}
