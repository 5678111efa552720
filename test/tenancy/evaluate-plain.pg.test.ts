/** @module-tag since-13 */
import { Session } from '../../src/postgres/session.ts';
import { resolveTarget } from '../../src/postgres/target.ts';
import { evaluate, type PlainSubject } from '../../src/tenancy/evaluate.ts';
import { evaluatePlain } from '../../src/tenancy/evaluate-plain.ts';
import { CONTEXTS, type RlsFacts, type SampleRow } from '../../src/tenancy/facts.ts';
import { readFacts } from '../../src/tenancy/read-facts.ts';
import { DEFAULT_TENANCY } from '../../src/tenancy/settings.ts';
import { expect, type TestDatabase } from '../support/database.ts';
import { test } from './database.ts';
import { factsOf } from './session.ts';

const LIMITS = { lockTimeoutMs: 250, statementTimeoutMs: 5_000 };
const TENANTS = {
  own: '00000000-0000-4000-8000-0000000000aa',
  other: '00000000-0000-4000-8000-0000000000bb',
  unknown: '00000000-0000-4000-8000-0000000000ff',
};
const OWN = `"ten ant" = (nullif(current_setting('app.current_tenant_id'::text, true), ''::text))::uuid`;
const TEXTS = [
  OWN,
  `status is distinct from 'a"b\\c, {' and ${OWN}`,
  // Fails where it was never set, but not for every row.
  `n > 1 or "ten ant" = (current_setting('app.current_tenant_id'::text))::uuid`,
  '1 / (n - 1) > 0',
  `flag and "T able".status = 'x'`,
  'current_user = status',
];
const COLUMNS = [
  { name: 'ten ant', type: 'uuid' },
  { name: 'status', type: 'character varying(20)' },
  { name: 'n', type: 'integer' },
  { name: 'flag', type: 'boolean' },
];

async function open(url: string): Promise<Session> {
  return Session.open(resolveTarget({ databaseUrl: url, env: {} }), { applicationName: 'test' });
}

/** Rows of a tenant and of nobody, with texts that an array has to escape. */
function rows(): SampleRow[] {
  const values = [
    { status: 'x', n: 1, flag: true },
    { status: 'a"b\\c, {', n: 2, flag: false },
    { status: null, n: null, flag: null },
  ];
  const owners = [
    { owner: 'own', tenant: TENANTS.own },
    { owner: 'other', tenant: TENANTS.other },
    { owner: 'none', tenant: null },
  ] as const;
  return owners.flatMap((owner) => values.map((one) => ({ ...owner, values: one, isPersonal: false })));
}

async function subjectsIn(db: TestDatabase): Promise<PlainSubject[]> {
  await db.query(`
    create schema "S'ch";
    create table "S'ch"."T able" ("ten ant" uuid, status varchar(20), n int, flag boolean)`);
  const { reader } = await factsOf(db.url);
  const source = { settings: ['app.current_tenant_id'], columns: [], claims: undefined };
  const common = { table: { schema: "S'ch", name: 'T able' }, tenantColumn: 'ten ant', columns: COLUMNS };
  return TEXTS.map((text) => ({
    ...common,
    text,
    rows: rows(),
    tenants: TENANTS,
    source,
    roles: [reader],
    castsSettings: true,
  }));
}

test('what is planned once answers as what is asked anew each time, row by row, errors and all', async ({ db }) => {
  const subjects = await subjectsIn(db);
  const [quick, slow] = [await open(db.url), await open(db.url)];
  const unset = await evaluatePlain(quick, subjects, ['unset'], LIMITS);
  const named = await evaluatePlain(quick, subjects, CONTEXTS.slice(1), LIMITS);
  const long = subjects.map((): unknown[] => []);
  for (const context of CONTEXTS)
    for (const [at, answers] of (await evaluate(slow, subjects, context, LIMITS)).entries()) long[at]!.push(...answers);
  for (const [at, text] of TEXTS.entries()) expect([...unset[at]!, ...named[at]!], text).toEqual(long[at]);
  // They are no more the same than the policies are: every kind of answer is among them.
  const kinds = new Set(named.flatMap((one) => one!.flatMap(({ truths }) => truths.map((truth) => typeof truth))));
  expect([...kinds].sort()).toEqual(['boolean', 'object']);
  expect(await quick.query('select from pg_prepared_statements')).toEqual([]);
  await quick.close();
  await slow.close();
});

test('few answer at once as they do one by one, in every session, and so does one alone', async ({ db }) => {
  const subjects = await subjectsIn(db);
  const asText = `("ten ant")::text = current_setting('app.current_tenant_id'::text, true)`;
  const texts = [
    OWN,
    asText,
    `(n > 1 and ${asText}) or current_setting('app.current_tenant_id'::text, true) = 'garbage'`,
    'flag',
    `"ten ant"::text = (select current_setting('app.current_tenant_id'::text, true))`,
    // These fail, the second one where a tenant is named.
    '1 / (n - 1) > 0',
    `1 / (36 - length(current_setting('app.current_tenant_id'::text, true))) = 0`,
  ];
  const contexts = CONTEXTS.filter((context) => context !== 'garbage');
  for (const text of texts) {
    const [quick, slow] = [await open(db.url), await open(db.url)];
    const asked = [
      { ...subjects[0]!, text },
      { ...subjects[0]!, text: `not (${text})` },
    ];
    const found = await evaluatePlain(quick, asked, contexts, LIMITS);
    const long: unknown[][] = [[], []];
    for (const context of contexts)
      for (const [at, answers] of (await evaluate(slow, asked, context, LIMITS)).entries()) long[at]!.push(...answers);
    expect(found, text).toEqual(long);
    // Nothing is prepared for one that is put a single time.
    expect(await evaluatePlain(quick, asked.slice(0, 1), contexts.slice(1), LIMITS), text).toEqual([
      long[0]!.slice(found[0]!.filter((one) => one.context === contexts[0]).length),
    ]);
    expect(await quick.query('select from pg_prepared_statements')).toEqual([]);
    await quick.close();
    await slow.close();
  }
});

test('one role is asked for all where none matters, unless it may call less than they may', async ({ db }) => {
  const [plain] = await subjectsIn(db);
  const [reader] = plain!.roles;
  const weak = { ...reader!, oid: 1, name: "we'ak %" };
  await db.superQuery(`
    create role "we'ak %";
    grant "we'ak %" to ${reader!.name};
    revoke execute on function pg_catalog.upper(text) from public;
    grant execute on function pg_catalog.upper(text) to ${reader!.name}`);
  const session = await open(db.url);
  const truths = async (roles: PlainSubject['roles']) => {
    const asked = { ...plain!, text: "upper(status) = 'X'", roles, isRoleBlind: true };
    const [answers] = await evaluatePlain(session, [asked], ['own'], LIMITS);
    return answers!.map((one) => [one.role, ...one.truths.slice(0, 3)]);
  };
  const passes = [reader!.oid, true, false, null];
  const denied = expect.objectContaining({ sqlState: '42501' });
  expect(await truths([reader!, weak])).toEqual([passes, [weak.oid, true, false, null]]);
  expect(await truths([weak, reader!])).toEqual([[weak.oid, denied, denied, denied], passes]);
  await session.close();
  await db.superQuery(`drop role "we'ak %"`);
});

test('what takes too long is left to the long way, and no statement stays behind', async ({ db }) => {
  const [first] = await subjectsIn(db);
  const session = await open(db.url);
  const endless = { ...first!, text: '(select count(*) from generate_series(1, 1000000000)) > n' };
  expect(await evaluatePlain(session, [first!, endless], ['own'], { ...LIMITS, statementTimeoutMs: 200 })).toEqual([
    undefined,
    undefined,
  ]);
  expect(await session.query('select from pg_prepared_statements')).toEqual([]);
  await session.close();
});

/** The facts with the rows of each class as they are for it; which of the classes was asked is the luck of the draw. */
function inOwnWords(facts: RlsFacts): unknown {
  const classes = [...facts.classes].map(([key, { rows, words, ...rest }]) => {
    const own = (value: unknown) => words.get(value as string) ?? value;
    const values = (row: SampleRow) => Object.entries(row.values).map(([name, value]) => [name, own(value)]);
    return [key, { ...rest, rows: rows.map((row) => ({ ...row, values: Object.fromEntries(values(row)) })) }] as const;
  });
  return { ...facts, classes: new Map(classes) };
}

test('two sessions find in a large catalog what one finds', async ({ db }) => {
  await db.query(`do $$ begin
    for i in 1..1000 loop
      execute format('create table t_%s (tenant_id uuid not null, status text)', i);
      execute format('alter table t_%s enable row level security, force row level security', i);
      execute format($p$create policy own on t_%1$s using (status <> 'hidden %2$s'
        and tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid))$p$, i, i % 300);
    end loop;
  end $$`);
  const settings = { ...DEFAULT_TENANCY, apiSchemas: ['public'] };
  const alone = await factsOf(db.url);
  const [session, second] = [await open(db.url), await open(db.url)];
  let asked = 0;
  const facts = await readFacts(session, settings, {
    limits: LIMITS,
    helper: async () => {
      asked++;
      return second;
    },
  });
  expect(asked).toBeGreaterThan(0);
  expect(facts.classes.size).toBe(300);
  expect(inOwnWords(facts)).toEqual(inOwnWords(alone));
  await session.close();
  await second.close();
});
