/**
 * @module-tag since-13
 * @module-tag each-build
 */

import { isStricter } from '../../../src/tenancy/gate/stricter.ts';
import { expect, type TestDatabase, test } from '../../support/database.ts';

const S = `current_setting('app.te"nant{', true)`;
/** All of them say: the row is of the one whom the session names. */
const ALIKE = [
  `"ten ant(" = nullif(${S}, '')::uuid`,
  `"ten ant(" = ${S}::uuid`,
  `${S}::uuid = "ten ant("`,
  `"ten ant("::text = ${S}`,
  `nullif(${S}, '') = "ten ant("::text`,
  `"ten ant(" = (select nullif(${S}, '')::uuid)`,
  `"ten ant(" = (select ${S})::uuid`,
  `"ten ant(" = nullif((select ${S}), '')::uuid`,
  `"ten ant(" = current_setting('app.te"nant{')::uuid`,
  `(select ${S}) = "ten ant("::text`,
];
const NUMBERS = [`n = ${S}::bigint`, `n::text = ${S}`, `(select nullif(${S}, '')::bigint) = n`];
/** None says the same as any of them, nor as any other here. */
const OTHERWISE = [
  'true',
  `"ten ant(" <> ${S}::uuid`,
  `"ten ant(" >= ${S}::uuid`,
  `"ten ant(" is not distinct from ${S}::uuid`,
  `"ten ant("::text like ${S}`,
  `other = ${S}::uuid`,
  `"ten ant(" = current_setting('app.other', true)::uuid`,
  `"ten ant(" = nullif(${S}, 'x')::uuid`,
  `"ten ant(" = nullif('', ${S})::uuid`,
  `"ten ant(" = coalesce(nullif(${S}, '')::uuid, other)`,
  `"ten ant(" = coalesce(nullif(${S}, '')::uuid, "ten ant(")`,
  `"ten ant(" = (select ${S}::uuid from "ta(ble")`,
  `"ten ant(" = (select ${S}::uuid where false)`,
  `"ten ant(" = (select ${S}::uuid union select other)`,
  `"ten ant(" = (select ${S}::uuid limit 1)`,
  `"ten ant(" = (select distinct ${S}::uuid)`,
  `"ten ant(" = any (select ${S}::uuid)`,
  `"ten ant(" = (with w as (select 1) select ${S}::uuid)`,
  `upper("ten ant("::text) = ${S}`,
  `"ten ant("::text = ${S} collate "C"`,
  `"ten ant("::text = "Setting"(${S})`,
  `"ten ant(" = set_config('app.te"nant{', other::text, true)::uuid`,
  `not "ten ant(" = ${S}::uuid`,
  `("ten ant(" = ${S}::uuid) is not false`,
  `name = ${S}`,
  `name = nullif(${S}, '')`,
  `small = ${S}::int`,
  `n = ${S}::int`,
  `n::int::text = ${S}`,
  `exists (select from "ta(ble" t where t."ten ant(" = ${S}::uuid)`,
];

interface Tree {
  readonly expression: string;
  readonly using: string;
}

async function treesOf(db: TestDatabase, expressions: readonly string[]): Promise<Tree[]> {
  await db.query(`
    create table "ta(ble" ("ten ant(" uuid, other uuid, name text, n bigint, small smallint);
    create function "Setting"(text) returns text language sql as 'select $1'`);
  for (const [at, expression] of expressions.entries())
    await db.query(`create policy "p${at}" on "ta(ble" using (${expression})`);
  const rows = await db.query<{ using: string }>(
    'select polqual::text as using from pg_policy order by substr(polname, 2)::int',
  );
  return rows.map(({ using }, at) => ({ using, expression: expressions[at]! }));
}

const opensNothingMore = (now: Tree, was: Tree) => {
  const about = { oid: 1, table: 2, name: 'p', command: 'ALL', permissive: true, roles: [0], check: null } as const;
  return isStricter({ ...about, meaning: '', using: now.using }, { ...about, meaning: '', using: was.using });
};

test('policies that say of a row whose it is open nothing more than each other, however they are written', async ({
  db,
}) => {
  for (const alike of [ALIKE, NUMBERS]) {
    const trees = await treesOf(db, alike);
    expect(trees).toHaveLength(alike.length);
    for (const now of trees)
      for (const was of trees) expect(opensNothingMore(now, was), `${now.expression}\n${was.expression}`).toBe(true);
    await db.query('drop table "ta(ble"; drop function "Setting"');
  }
});

test('what only looks like them has to be asked', async ({ db }) => {
  const known = [ALIKE[0]!, ALIKE[3]!, NUMBERS[0]!, NUMBERS[1]!];
  const trees = await treesOf(db, [...known, ...OTHERWISE]);
  expect(trees).toHaveLength(known.length + OTHERWISE.length);
  for (const now of trees.slice(known.length))
    for (const was of trees)
      if (now !== was) expect(opensNothingMore(now, was), `${now.expression}\n${was.expression}`).toBe(false);
});
