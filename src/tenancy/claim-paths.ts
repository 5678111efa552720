import { isUserColumn } from './membership.ts';

/** One step into a document: `-> 'key'`, `->> 'key'`, `#>> '{key,key}'`. */
const STEP = String.raw`(->>?|#>>?)\s*'((?:[^']|'')*)'`;
/** What stands between two: people leave out what the server writes. */
const BETWEEN = String.raw`(?:\s|\)|::\s*(?:text|jsonb?))*`;
/** What it is compared with, or cast to: `= 'admin'`, `::boolean`. */
const WANTED = String.raw`${BETWEEN}(?:=\s*'((?:[^']|'')*)'|::\s*(bool))?`;
const STEPS = new RegExp(`(${STEP}(?:${BETWEEN}${STEP})*)${WANTED}`, 'gi');
const ONE_STEP = new RegExp(STEP, 'g');

/** Claims that every token has: none of them is a tenant. */
const REGISTERED = new Set(['aud', 'email', 'exp', 'iat', 'iss', 'jti', 'nbf', 'phone', 'role', 'session_id', 'sub']);

/** A value of a document such as a token's claims. */
export interface Claim {
  /** Keys that lead there. */
  readonly path: readonly string[];
  /** What would please who asks for it, with `{tenant}` for a tenant. */
  readonly wanted: unknown;
}

/**
 * Where the body of a function takes values from documents. A guess: it decides what sessions are asked as, and never
 * what the answers mean.
 */
export function claimsIn(body: string): Claim[] {
  const found = [...body.matchAll(STEPS)].map((match) => {
    const [constant, flag] = match.slice(-2);
    const path = [...match[1]!.matchAll(ONE_STEP)].flatMap(([, operator, literal]) => {
      const key = literal!.replaceAll("''", "'");
      return operator!.startsWith('#') ? key.replace(/[{}"]/g, '').split(',') : [key];
    });
    return { path, wanted: constant?.replaceAll("''", "'") ?? (flag === undefined ? TENANT : true) };
  });
  return [...new Map(found.map((claim) => [JSON.stringify(claim.path), claim])).values()];
}

/** Stands for the tenant, as in `tenancy.claims`. */
export const TENANT = '{tenant}';

/** It is what users may say of themselves (Supabase docs, `auth.updateUser`). */
export function isForgeable([first]: readonly string[]): boolean {
  return first === 'user_metadata';
}

/** It may carry the tenant: it is no word of the user's own, and says something other than who that is. */
export function mayCarryTenant(path: readonly string[]): boolean {
  const name = path.at(-1);
  return name !== undefined && !isForgeable(path) && !REGISTERED.has(name) && !isUserColumn(name);
}
