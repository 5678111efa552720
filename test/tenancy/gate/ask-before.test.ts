import { expect, test } from 'vitest';
import { tablesToAskBefore } from '../../../src/tenancy/gate/ask-before.ts';
import type { SecuredTable } from '../../../src/tenancy/gate/state.ts';

const TABLES = ['contacts', 'Kunden "%'].map(
  (name, oid): SecuredTable => ({ oid, schema: 'public', name, isSecured: true, forced: true, shape: '' }),
);

test.for<[text: string, names: readonly string[]]>([
  ['create index concurrently i on contacts (id)', []],
  ['vacuum contacts; alter table contacts disable row level security', []],
  ['CREATE OR REPLACE FUNCTION f() returns int language sql as $$ select 1 $$', ['contacts', 'Kunden "%']],
  ['create or replace view v as select 1', ['contacts', 'Kunden "%']],
  [`do $$ begin execute 'create or replace ' || 'func' || 'tion f()'; end $$`, ['contacts', 'Kunden "%']],
  ['alter policy p on CONTACTS using (true)', ['contacts']],
  ['drop policy p on "Kunden ""%"', ['Kunden "%']],
  ['alter table public.contacts inherit everything', ['contacts']],
  ['alter table parts attach partition contacts default', ['contacts']],
  ['select "its %""f"()', ['contacts', 'Kunden "%']],
  ['do $$ begin perform Plain(); end $$', []],
])('in front of %s it asks the policies of %s', async ([text, names]) => {
  const asked = await tablesToAskBefore(text, TABLES, {
    standOnAny: () => Promise.resolve(true),
    changeAny: (said) => Promise.resolve(said.includes('its %"f')),
  });
  expect(asked.map(({ name }) => name)).toEqual(names);
});

test('where policies stand on nothing, only those that are named beside policies are asked', async () => {
  const text = 'create or replace view v as select 1; drop policy p on contacts';
  const asked = await tablesToAskBefore(text, TABLES, {
    standOnAny: () => Promise.resolve(false),
    changeAny: () => Promise.resolve(false),
  });
  expect(asked.map(({ name }) => name)).toEqual(['contacts']);
});

test.for<[text: string, writesRows: boolean]>([
  ['insert into "T %" values (1)', true],
  ['vacuum "T %"', false],
])('of what %s calls it says the names', async ([text, writesRows]) => {
  const said: unknown[] = [];
  await tablesToAskBefore(text, TABLES, {
    standOnAny: () => Promise.resolve(false),
    changeAny: (...args) => Promise.resolve(said.push(args) === 0),
  });
  expect(said).toEqual([[expect.arrayContaining(['t %']), writesRows]]);
});
