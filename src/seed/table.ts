import type { Row } from './copy-text.ts';
import type { Place } from './place.ts';

/** How one table is filled. The file name is the table's name. */
export interface SeedTable {
  /** How many rows a tenant with that many contacts has: at least 1. */
  rows(contacts: number): number;
  /** How many rows belong to no tenant. */
  readonly shared?: number;
  /** The columns of a row, the same ones in the same order for each. */
  row(at: Place): Row;
}

/** One in `each` contacts, rounded up, within limits. */
export function perContacts(each: number, least = 1, most = Number.POSITIVE_INFINITY): (contacts: number) => number {
  return (contacts) => Math.min(most, Math.max(least, Math.ceil(contacts / each)));
}
