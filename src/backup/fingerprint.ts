import { quoteIdentifier } from '../postgres/quote.ts';
import type { FingerprintMethod } from './manifest.ts';

/** A column whose values are hashed. */
export interface HashedColumn {
  readonly name: string;
  /** Oid of its type, of the base type for a domain. */
  readonly type: number;
}

/**
 * Hash functions of the built-in types, by their oids, which never change (pg_type.dat); `%` is the value. Only types
 * whose hash depends on nothing but the value itself are listed. The hash of an enum or of regclass is that of an oid,
 * which a restore gives anew; that of citext knows no case, and that of text in a collation of ICU depends on the
 * library. All others are hashed as text, in the formats that the session pins.
 */
const HASHES: Readonly<Record<number, string>> = {
  16: 'hashint4extended(%::pg_catalog.int4',
  18: 'hashcharextended(%',
  19: 'hashnameextended(%',
  20: 'hashint8extended(%',
  21: 'hashint2extended(%',
  23: 'hashint4extended(%',
  25: 'hashtextextended(% collate pg_catalog."C"',
  26: 'hashoidextended(%',
  650: 'hashinetextended(%',
  700: 'hashfloat4extended(%',
  701: 'hashfloat8extended(%',
  829: 'hashmacaddrextended(%',
  869: 'hashinetextended(%',
  1042: 'hashbpcharextended(% collate pg_catalog."C"',
  1043: 'hashtextextended(% collate pg_catalog."C"',
  1083: 'time_hash_extended(%',
  1114: 'timestamp_hash_extended(%',
  // In the session's time zone, which is UTC; there is no function of its own before PostgreSQL 18.
  1184: 'timestamp_hash_extended(%::pg_catalog.timestamp',
  1186: 'interval_hash_extended(%',
  1266: 'timetz_hash_extended(%',
  1700: 'hash_numeric_extended(%',
  2950: 'uuid_hash_extended(%',
  3802: 'jsonb_hash_extended(%',
};

const AS_TEXT = 'hashtextextended(%::pg_catalog.text collate pg_catalog."C"';

/**
 * SQL that hashes one row of the relation `t` to 64 bits. Each column is hashed with its place as the seed, so that two
 * values that changed places are noticed; the result is hashed once more, because a sum over rows would otherwise not
 * notice values that moved from one row to another.
 */
export function rowHashSql(method: FingerprintMethod, columns: readonly HashedColumn[]): string {
  if (method === 'record') return 'pg_catalog.hashint8extended(pg_catalog.hash_record_extended(t.*, 0), 0)';
  if (method === 'text') return 'pg_catalog.hashtextextended(t.*::text, 0)';
  const hashes = columns.map(({ name, type }, i) => {
    const hash = (HASHES[type] ?? AS_TEXT).replace('%', () => `t.${quoteIdentifier(name)}`);
    return `coalesce(pg_catalog.${hash}, ${i + 1}), ${i + 1})`;
  });
  const all = hashes.length === 0 ? '0' : hashes.join(' operator(pg_catalog.#) ');
  return `pg_catalog.hashint8extended(${all}, 0)`;
}
