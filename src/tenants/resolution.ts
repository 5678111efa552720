import { isUuid, normalise, SYSTEM_ALIAS } from './identifier.ts';

/** A row of the tenant table, as far as resolving goes. */
export interface TenantRow {
  /** In lower case, as PostgreSQL writes a UUID. */
  readonly id: string;
  readonly slug: string | null;
}

/** What an identifier stands for: the response fields of the manual (7.4), and the candidates when it is ambiguous. */
export interface Resolution {
  /** `null` when it could not be resolved. */
  readonly uuid: string | null;
  /** The tenant's slug; the identifier itself when the tenant is not known or has none. */
  readonly slug: string;
  /** The database has this tenant. */
  readonly found: boolean;
  /** `env`, `db-id`, `db-slug`, `uuid-input` (a UUID that is no tenant), `unknown`, `ambiguous`; with `-cache` from memory. */
  readonly source: string;
  /** The tenants an ambiguous identifier may mean. */
  readonly candidates?: readonly string[];
}

/** The identifier to look up: the alias of the system tenant is looked up by its UUID. */
export function toLookUp(identifier: string, systemTenant: string | undefined): string {
  return identifier === SYSTEM_ALIAS && systemTenant !== undefined ? systemTenant : identifier;
}

/**
 * Decides what an identifier stands for, given the rows whose id or slug it is. One that is the slug of a tenant and
 * the id of another, or the slug of two, is ambiguous: guessing would hand one tenant's rows to another.
 */
export function decide(identifier: string, rows: readonly TenantRow[], systemTenant: string | undefined): Resolution {
  if (identifier === SYSTEM_ALIAS && systemTenant !== undefined) return decideSystem(systemTenant, rows);
  const key = normalise(identifier);
  const matches = rows.filter(({ id, slug }) => id === key || slug === identifier);
  const [match, ...others] = matches;
  if (match === undefined) {
    return { uuid: null, slug: identifier, found: false, source: isUuid(identifier) ? 'uuid-input' : 'unknown' };
  }
  if (others.length > 0) {
    const candidates = matches.map(({ id }) => id).sort();
    return { uuid: null, slug: identifier, found: false, source: 'ambiguous', candidates };
  }
  const source = match.id === key ? 'db-id' : 'db-slug';
  return { uuid: match.id, slug: match.slug ?? identifier, found: true, source };
}

/** The environment decides the UUID, whatever the table has under the alias; the table says whether there is such a row. */
function decideSystem(uuid: string, rows: readonly TenantRow[]): Resolution {
  const row = rows.find(({ id }) => id === uuid);
  return { uuid, slug: row?.slug ?? SYSTEM_ALIAS, found: row !== undefined, source: 'env' };
}

/** The same answer, given from memory. */
export function fromCache(resolution: Resolution): Resolution {
  return { ...resolution, source: `${resolution.source}-cache` };
}
