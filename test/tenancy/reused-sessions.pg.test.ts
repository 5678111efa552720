/** @module-tag since-13 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { check } from '../../src/tenancy/findings/policy-opens-other-tenants.ts';
import { readFacts } from '../../src/tenancy/read-facts.ts';
import { expect } from '../support/database.ts';
import { pgbouncerMissing, startPgBouncer } from '../support/pgbouncer.ts';
import { test } from './database.ts';
import { factsOf, openSession, proofWithFacts, SETTINGS } from './session.ts';

const prelude = readFileSync(join(import.meta.dirname, 'fixtures/prelude.sql'), 'utf8');

/** A table whose policy asks a function of that name. */
const asking = (name: string, fn = name) => `
  create table "${name}" (id int generated always as identity primary key, tenant_id uuid not null references tenant);
  select isolate('"${name}"', 'tenant_id = (select "${fn}"())');`;

/** A function that keeps the first tenant it was asked for, for the session or for the transaction. */
const keeping = (name: string, isLocal: boolean) => `
  create function "${name}"() returns uuid language plpgsql as $f$
  declare kept text := nullif(current_setting('app.kept_${isLocal}', true), '');
  begin
    if kept is null then
      kept := nullif(current_setting('app.current_tenant_id', true), '');
      perform set_config('app.kept_${isLocal}', coalesce(kept, ''), ${isLocal});
    end if;
    return kept::uuid;
  end $f$;`;

const SCHEMA = `${prelude}
  ${keeping('kept %', false)}${asking('kept %')}
  ${keeping('kept for now', true)}${asking('kept for now')}
  create function "calls it"() returns uuid language sql as $f$ select "kept %"() $f$;
  ${asking('calls it')}
  create function "as a last resort"() returns uuid language plpgsql as $f$
  declare said text := nullif(current_setting('app.current_tenant_id', true), '');
  begin
    if said is not null then perform set_config('app.last', said, false); end if;
    return coalesce(said, nullif(current_setting('app.last', true), ''))::uuid;
  end $f$;
  ${asking('as a last resort')}
  create function "said again"() returns uuid language plpgsql as $f$
  begin
    perform set_config('app.again', coalesce(current_setting('app.current_tenant_id', true), ''), false);
    return nullif(current_setting('app.again', true), '')::uuid;
  end $f$;
  ${asking('said again')}
  ${asking('usual', 'own_tenant')}`;

test.for(['policies', 'rows'] as const)(
  'a tenant that a function keeps is refuted where the session is the next tenant’s (%s)',
  async (how, { db }) => {
    await db.query(SCHEMA);
    const { proof, facts } = await proofWithFacts(db.url, {}, how);
    const verdicts = proof.tables.map(({ table: { name }, verdict, reason }) => [name, verdict, reason]);
    const reused = /in a session that was another tenant's in a transaction before/;
    const unnamed = /in a session that names no tenant and was a tenant's in a transaction before/;
    expect(verdicts).toEqual([
      ['as a last resort', 'refuted', expect.stringMatching(unnamed)],
      ['calls it', 'refuted', expect.stringMatching(reused)],
      ['kept %', 'refuted', expect.stringMatching(reused)],
      ['kept for now', 'proved', undefined],
      ['said again', 'proved', undefined],
      ['tenant', 'proved', undefined],
      ['usual', 'proved', undefined],
    ]);
    const found = check.judge(facts).findings.map(({ object, message }) => [object, message]);
    expect(found).toEqual([
      ['public."as a last resort"', expect.stringMatching(unnamed)],
      ['public."calls it"', expect.stringMatching(reused)],
      ['public."kept %"', expect.stringMatching(reused)],
    ]);
  },
);

test('where no direct connection can be had to ask it on, such a table is unknown', async ({ db }) => {
  await db.query(SCHEMA);
  const session = await openSession(db.url);
  const facts = await readFacts(session, SETTINGS, { apart: async () => undefined });
  await session.close();
  const unknown = check.judge(facts).unknown?.join() ?? '';
  expect(unknown).toMatch(
    /"kept %".*a policy may leave something in its session, and no direct connection is to be had/,
  );
  expect(unknown).not.toContain('usual');
});

test('nothing is left in a session of a pooler', async ({ db, skip, onTestFinished }) => {
  skip(pgbouncerMissing() !== undefined, pgbouncerMissing());
  await db.query(SCHEMA);
  const pooler = await startPgBouncer({ mode: 'session' });
  onTestFinished(() => pooler.stop());
  const session = await openSession(db.url);
  const pooled = await openSession(pooler.through(db.url));
  const facts = await readFacts(session, SETTINGS, { apart: async () => pooled });
  const [left] = await pooled.query("select coalesce(current_setting('app.kept_false', true), '') as kept");
  expect(left).toEqual({ kept: '' });
  expect(check.judge(facts).unknown?.join()).toContain('no direct connection is to be had');
  await pooled.close();
  await session.close();
});

test('where nothing may be kept, no session is opened for it', async ({ db }) => {
  await db.query(`${prelude}${asking('usual', 'own_tenant')}`);
  const session = await openSession(db.url);
  let opened = 0;
  await readFacts(session, SETTINGS, {
    apart: async () => {
      opened++;
      return undefined;
    },
  });
  await session.close();
  expect(opened).toBe(0);
  expect((await factsOf(db.url)).classes.size).toBeGreaterThan(0);
});
