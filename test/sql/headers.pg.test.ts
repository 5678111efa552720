/** @module-tag since-15 */
import type pg from 'pg';
import { headerList, parseHeader } from '../../src/migrations/header.ts';
import { expect, test } from '../support/database.ts';
import { apply, FILES, shipped } from './pack.ts';

const headerOf = (file: string) => parseHeader(Buffer.from(shipped(`sql/${file}`)));

/** Names in a block of the header: `- name: what it is for`. */
const namesIn = (file: string, block: 'New Tables' | 'Indexes Added') =>
  headerList(headerOf(file), block)
    .map((item) => item.split(':')[0]!)
    .sort();

/** Tables and indexes that the second has and the first has not, under any name. Primary keys have their index anyway. */
function made(before: readonly Relation[], after: readonly Relation[], kinds: string): string[] {
  const known = new Set(before.flatMap(({ oid, name }) => [oid, name]));
  return after
    .filter(({ oid, name, kind }) => kinds.includes(kind) && !known.has(oid) && !known.has(name))
    .map(({ name }) => name)
    .sort();
}

interface Relation {
  readonly oid: string;
  readonly name: string;
  readonly kind: string;
}

async function relations(client: pg.Client): Promise<Relation[]> {
  const { rows } = await client.query<Relation>(`
    select c.oid::text, relname as name, relkind as kind
    from pg_class c
    left join pg_index i on i.indexrelid = c.oid
    where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'i', 'I') and not coalesce(indisprimary, false)
  `);
  return rows;
}

test('each header names the tables and indexes that its file makes', async ({ db }) => {
  const client = await db.connect();
  let before = await relations(client);
  for (const file of FILES) {
    await apply(client, file);
    const after = await relations(client);
    expect.soft(made(before, after, 'rp'), `${file}: new tables`).toEqual(namesIn(file, 'New Tables'));
    expect.soft(made(before, after, 'iI'), `${file}: indexes`).toEqual(namesIn(file, 'Indexes Added'));
    before = after;
  }
});

/** The file, and all that it depends on by its header. */
function closure(file: string, found = new Set<string>()): ReadonlySet<string> {
  found.add(file);
  for (const dependency of headerList(headerOf(file), 'Dependencies'))
    if (!found.has(dependency)) closure(dependency, found);
  return found;
}

/** What can come after a file, given what was applied before it. */
interface Step extends Map<string, Step> {}

/** The files that each file needs, itself included, in order; beginnings that agree are one way. */
function waysToEachFile(): Step {
  const start: Step = new Map();
  for (const last of FILES) {
    const needed = closure(last);
    let step = start;
    for (const file of FILES.filter((name) => needed.has(name))) {
      if (!step.has(file)) step.set(file, new Map());
      step = step.get(file)!;
    }
  }
  return start;
}

test('each file applies where only what its header depends on was applied', async ({ db }) => {
  const client = await db.connect();
  const walk = async (step: Step, before: readonly string[]): Promise<void> => {
    for (const [file, next] of step) {
      await client.query(`savepoint level_${before.length}`);
      await client.query(shipped(`sql/${file}`)).catch((cause) => {
        throw new Error(`${file} after ${before.join(', ')}: ${cause.message}`, { cause });
      });
      await walk(next, [...before, file]);
      await client.query(`rollback to level_${before.length}`);
    }
  };
  await client.query('begin');
  await walk(waysToEachFile(), []);
});
