import { describe, expect, test } from 'vitest';
import { isLocked } from '../../src/migrations/exclusive-locks.ts';
import { loadGrammar } from '../../src/migrations/tree.ts';

const grammar = await loadGrammar();
const TABLE = { schema: 'public', name: 'It"s a Table', indexes: ['It"s an index'] };
const NAME = '"It""s a Table"';

function locks(sql: string): boolean {
  return isLocked(TABLE, grammar.exclusiveLocks(sql));
}

describe('readers of a table have to wait for', () => {
  test.each([
    `alter table ${NAME} add column n int`,
    `alter table public.${NAME} add foreign key (a) references b, drop column c`,
    `alter table ${NAME} rename to other`,
    `alter table ${NAME} rename column a to b`,
    `alter table ${NAME} set schema other`,
    `alter table ${NAME} detach partition p`,
    `alter table ${NAME} enable row level security`,
    `select 1; drop table if exists a, public.${NAME} cascade`,
    `drop index "It""s an index"`,
    `drop trigger t on ${NAME}`,
    `drop policy p on public.${NAME}`,
    `drop rule r on ${NAME}`,
    `drop schema public cascade`,
    `truncate a, ${NAME}`,
    `lock table ${NAME}`,
    `create policy p on ${NAME} using (true)`,
    `alter policy p on ${NAME} using (true)`,
    `create rule r as on insert to ${NAME} do instead nothing`,
    `cluster ${NAME}`,
    `vacuum (full) ${NAME}`,
    `refresh materialized view ${NAME}`,
    `create table p partition of ${NAME} for values in (1)`,
    `do $$ begin execute 'alter table "It""s a Table" add n int'; end $$`,
    // A newer server may know it.
    `alter table ${NAME} do something unheard of`,
  ])('%s', (sql) => {
    expect(locks(sql)).toBe(true);
  });
});

describe('readers of a table do not have to wait for', () => {
  test.each([
    `insert into ${NAME} values (1)`,
    `update ${NAME} set a = 1`,
    `create index on ${NAME} (a)`,
    `create index concurrently on ${NAME} (a)`,
    `drop index concurrently "It""s an index"`,
    `create trigger t before update on ${NAME} for each row execute function f()`,
    `create table other (like ${NAME})`,
    `create table other (id int references ${NAME})`,
    `alter table ${NAME} add foreign key (a) references b`,
    `alter table ${NAME} validate constraint c`,
    `alter table ${NAME} attach partition p for values in (1)`,
    `alter table ${NAME} detach partition p concurrently`,
    `lock table ${NAME} in share mode`,
    `vacuum ${NAME}`,
    `refresh materialized view concurrently ${NAME}`,
    `alter table other.${NAME} add n int`,
    `alter table other add n int`,
    `drop schema other cascade`,
    `drop function "It""s a Table"()`,
    `comment on table ${NAME} is 'x'`,
    `do $$ begin perform 1; end $$`,
    '',
  ])('%s', (sql) => {
    expect(locks(sql)).toBe(false);
  });
});

test('code is searched for the name as a word, in any case', () => {
  const table = { schema: 'public', name: 'users', indexes: [] };
  const isFound = (body: string) => isLocked(table, grammar.exclusiveLocks(`do $$ ${body} $$`));
  expect(isFound('begin alter table Public.USERS add n int; end')).toBe(true);
  expect(isFound('begin alter table users_old add n int; end')).toBe(false);
});
