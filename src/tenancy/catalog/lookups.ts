import { groupBy } from '../../group-by.ts';
import type { Session } from '../../postgres/session.ts';
import { RELATIONS_READ } from './functions.ts';

/** A function as far as it may read tables. */
interface FunctionRow {
  readonly oid: number;
  readonly name: string;
  readonly source: string;
  /** Relations that a body in standard SQL reads. */
  readonly relations: readonly number[];
  readonly serves_policy: boolean;
}

/** What policies look at besides the rows that they are about. */
export interface Lookups {
  /** Relations that functions of policies read. */
  readonly relations: ReadonlySet<number>;
  /** Policies that call such a function. */
  readonly policies: ReadonlySet<number>;
}

/**
 * Relations that policies look at through functions. Which function a policy calls the server recorded; what a body in
 * SQL or PL/pgSQL reads it did not, so every name of a relation in it counts: too many do no harm.
 */
export async function readLookups(
  session: Session,
  relations: readonly { readonly oid: number; readonly name: string }[],
  policyFunctions: ReadonlySet<number>,
): Promise<Lookups> {
  if (policyFunctions.size === 0) return { relations: new Set(), policies: new Set() };
  const functions = await session.query<FunctionRow>(
    `
      select p.oid as oid, p.proname as name, p.prosrc as source, p.oid = any ($1::oid[]) as serves_policy,
        ${RELATIONS_READ} as relations
      from pg_catalog.pg_proc p
      join pg_catalog.pg_language l on l.oid = p.prolang and l.lanname in ('sql', 'plpgsql')
      where p.oid >= 16384 and p.prokind = 'f'
    `,
    [[...policyFunctions]],
  );
  const read = relationsRead(functions, relations);
  const looking = functions.filter((one) => one.serves_policy && (read.get(one.oid)?.size ?? 0) > 0);
  if (looking.length === 0) return { relations: new Set(), policies: new Set() };
  const policies = await session.query<{ oid: number }>(
    `
      select distinct objid as oid
      from pg_catalog.pg_depend
      where classid = 'pg_catalog.pg_policy'::regclass and refclassid = 'pg_catalog.pg_proc'::regclass
        and refobjid = any ($1::oid[])
    `,
    [looking.map(({ oid }) => oid)],
  );
  return {
    relations: new Set(looking.flatMap(({ oid }) => [...read.get(oid)!])),
    policies: new Set(policies.map(({ oid }) => oid)),
  };
}

/** Relations by function, those of functions that it calls among them. */
function relationsRead(
  functions: readonly FunctionRow[],
  relations: readonly { readonly oid: number; readonly name: string }[],
): ReadonlyMap<number, ReadonlySet<number>> {
  const words = new Map(functions.map(({ oid, source }) => [oid, wordsOf(source)]));
  const isNamed = (oid: number, source: string, name: string) =>
    isWord(name) ? words.get(oid)!.has(name) : source.includes(name);
  // Of ten thousand relations a body names a few: its words are looked up, not theirs.
  const byWord = groupBy(relations, ({ name }) => name);
  const odd = relations.filter(({ name }) => !isWord(name));
  const read = new Map(
    functions.map(({ oid, source, relations: own }) => {
      const named = [...words.get(oid)!].flatMap((word) => byWord.get(word) ?? []);
      const quoted = odd.filter(({ name }) => source.includes(name));
      return [oid, new Set([...own, ...[...named, ...quoted].map((one) => one.oid)])];
    }),
  );
  const calls = new Map(
    functions.map(({ oid, source }) => [
      oid,
      functions.filter((one) => one.oid !== oid && isNamed(oid, source, one.name)),
    ]),
  );
  for (let grown = true; grown; ) {
    grown = false;
    for (const [oid, called] of calls) {
      const own = read.get(oid)!;
      const before = own.size;
      for (const one of called) for (const relation of read.get(one.oid)!) own.add(relation);
      grown ||= own.size > before;
    }
  }
  return read;
}

const WORD = /[\p{L}_][\p{L}\p{N}_$]*/gu;

function wordsOf(source: string): ReadonlySet<string> {
  // What is not quoted is folded: both spellings count.
  return new Set([...(source.match(WORD) ?? []), ...(source.toLowerCase().match(WORD) ?? [])]);
}

function isWord(name: string): boolean {
  return /^[\p{L}_][\p{L}\p{N}_$]*$/u.test(name);
}
