import { loadModule, parseSync } from 'libpg-query';
import { describe, expect, test } from 'vitest';
import { type Additions, additionsOf } from '../../src/migrations/additive.ts';
import { Scanner, TOKEN } from '../../src/migrations/scanner.ts';
import { Random } from '../support/random.ts';

await loadModule();

const NAME = '"Kunden ""%; é"';
const TABLE = `create table ${NAME} (id bigint primary key, tenant_id uuid not null, name text default 'it''s', n int)`;

function additions(...statements: readonly string[]): Additions | undefined {
  return additionsOf(Buffer.from(statements.join(';\n')));
}

/** Files that only add. */
const ADDING: readonly string[] = [
  TABLE,
  `Create Table If Not Exists public.${NAME} (Id Integer)`,
  'create table a (id serial primary key, total numeric(12, 2) generated always as (1) stored, at timestamptz default f())',
  'create table a (like b including all)',
  `create table a (b_id uuid references b (id) on delete set null on update no action not null,
    constraint "c" foreign key (b_id) references s.b match full on delete cascade deferrable initially deferred)`,
  'create index on a (b, c desc nulls last)',
  'create unique index if not exists "i;" on only public.a using btree (b asc)',
  'alter table a add column b text',
  "alter table if exists only public.a add column if not exists b varchar(20) not null default 'x', add c timestamp with time zone default now()",
  "alter table a add column tags text[] not null default '{}'::text[], add column n double precision default -1.5",
  'alter table a add constraint u unique (b, c), add primary key (id), add foreign key (b) references c',
  'alter table a enable row level security; alter table a force row level security',
  `${TABLE}; create policy p on ${NAME} for all to authenticated using (tenant_id = (select f(';')))`,
  `create type mood as enum ('a', 'b;'); comment on type mood is 'x; y'`,
  `${TABLE}; insert into ${NAME} values (1, gen_random_uuid(), 'a'
    'b', -7), (2, null, E'c\\'', default);`,
  `create table a (n int check (n > 0 and n in (1, 2) or n is not null), s text not null check (s <> ''), at date default current_date,
    ok boolean default true, constraint c check (s not in ('x', 'y'))); insert into a (s, ok, at) values ($$z$$, false, now())`,
  "/* nothing */ -- to do\n;;\ncomment on column a.b is E'\\x';",
];

/** The same, beside functions. */
const MAKING_FUNCTIONS: readonly string[] = [
  "create function f(a int default g()) returns int language plpgsql as $$ begin delete from a; return 'security definer'; end $$",
  'create or replace function public.f() returns trigger language sql security invoker set search_path = public as $$ select 1; $$',
  'create function f(role text, "set" int) returns int language sql as $$ select 1 $$',
];

describe('a file that only adds is recognised', () => {
  test.each(ADDING)('%s', (sql) => expect(additions(sql)).toBe('plain'));
  test.each(MAKING_FUNCTIONS)('with functions: %s', (sql) => expect(additions(sql)).toBe('functions'));
  test.each([...ADDING, ...MAKING_FUNCTIONS])('and by its syntax tree it does nothing else: %s', (sql) =>
    expect(doesMore(sql)).toBeUndefined(),
  );
});

describe('a file that may do more is not: it', () => {
  test.each([
    ['drops', 'drop table a'],
    ['selects', 'select f()'],
    ['sets', 'set search_path = a'],
    ['grants', 'grant select on a to anon'],
    ['runs a block', 'do $$ begin null; end $$'],
    ['makes a view', 'create view v as select 1'],
    ['makes a trigger', 'create trigger t before insert on a for each row execute function f()'],
    ['makes a temporary table', 'create temp table a (id int)'],
    ['makes one by its schema', 'create table pg_temp.a (id int)'],
    ['makes a partition', 'create table a partition of b for values in (1)'],
    ['inherits', 'create table a () inherits (b)'],
    ['makes a table of rows', 'create table a as select f()'],
    ['indexes an expression', 'create index on a (f(b))'],
    ['indexes some rows', 'create index on a (b) where f(b)'],
    ['indexes by an operator class', 'create index on a (b mine)'],
    ['indexes by a method of a user', 'create index on a using mine (b)'],
    ['adds a column with a value of a function', 'alter table a add column b text default f()'],
    ['adds a column whose value differs by row', 'alter table a add column b uuid default gen_random_uuid()'],
    ['adds a column of a domain', "alter table a add column b mine default 'x'"],
    ['adds a column named like a method', 'alter table a add column b constructor'],
    ['adds a column that is checked', 'alter table a add column b int check (b > 0)'],
    ['adds a column that is made', 'alter table a add column b int generated always as (f(c)) stored'],
    ['adds a check', 'alter table a add constraint c check (f(b))'],
    ['adds what excludes', 'alter table a add exclude using gist (b with &&)'],
    ['drops beside', 'alter table a add column b int, drop column c'],
    ['switches RLS off', 'alter table a disable row level security'],
    ['takes FORCE away', 'alter table a no force row level security'],
    ['switches a trigger on', 'alter table a enable trigger all'],
    ['opens a table that was there', 'create policy p on a using (true)'],
    ['opens one that may have been there', 'create table if not exists a (id int); create policy p on a using (true)'],
    ['opens one of another spelling', 'create table public.a (id int); create policy p on a using (true)'],
    ['writes to a table that was there', 'insert into a values (1)'],
    ['writes to one that may have been there', 'create table if not exists a (id int); insert into a values (1)'],
    ['writes to a catalog', 'create table pg_policy (id int); insert into pg_policy values (1)'],
    ['evaluates a default', 'create table a (id int default f(), b int); insert into a (b) values (1)'],
    ['evaluates a check', 'create table a (id int check (f(id))); insert into a values (1)'],
    ['evaluates a domain', "create table a (id mine); insert into a values ('1')"],
    ['takes a number from a sequence', 'create table a (id serial, b int); insert into a (b) values (1)'],
    ['writes what it selects', 'create table a (id int); insert into a select f()'],
    ['writes what it calls', 'create table a (id int); insert into a values (f())'],
    ['returns', 'create table a (id int); insert into a values (1) returning f(id)'],
    ['casts by a cast of a user', 'create table a (id jsonb); insert into a values (1)'],
    ['casts to a type of a user', "create table a (id text); insert into a values ('x'::mine)"],
    ['compares by an operator of a user', 'create table a (id numeric check (id > 0)); insert into a values (1)'],
    ['writes more than there is', 'create table a (id int); insert into a values (1, 2)'],
    ['writes bits', "create table a (id text); insert into a values (B'1')"],
    ['runs as its owner', 'create function f() returns int language sql security definer as $$ select 1 $$'],
    ['takes a role', 'create function f() returns int language sql set role to admin as $$ select 1 $$'],
    ['takes a role in quotes', 'create function f() returns int set "role" = admin language sql as $$ select 1 $$'],
    ['is believed to tell nothing', 'create function f() returns int leakproof language sql as $$ select 1 $$'],
    ['is in another language', 'create function f() returns int language plpython3u as $$ return 1 $$'],
    ['is a procedure', 'create procedure p() language sql as $$ select 1 $$'],
    ['is made in a schema of the server', 'create function pg_catalog.f() returns int language sql as $$ select 1 $$'],
    ['has a body of statements', 'create function f() returns int language sql begin atomic select 1; end'],
    ['ends in the middle', 'create table a (id int'],
    ['is unknown behind what is known', `${TABLE}; drop policy p on a`],
  ])('%s: %s', (_, sql) => expect(additions(sql)).toBeUndefined());
});

test('whatever is made of such files by chance, what is recognised does nothing else by its syntax tree', () => {
  const random = new Random(20_261_127);
  const pool = [...ADDING, ...MAKING_FUNCTIONS, ...FOREIGN].flatMap(tokens);
  let recognised = 0;
  for (let round = 0; round < 5_000; round++) {
    const sql = changed(random, pool).join(' ');
    if (additions(sql) === undefined || !parses(sql)) continue;
    recognised++;
    expect(doesMore(sql), sql).toBeUndefined();
  }
  expect(recognised).toBeGreaterThan(500);
});

/** What would make more of a file than additions. */
const FOREIGN = [
  'select f ( a ) from pg_policy returning * where inherits ( b ) partition by temp unlogged',
  'security definer leakproof set role to role "role" begin atomic do $$ x $$ mine :: mine [ 1 ] collate "C" generated always as identity serial',
  'drop disable no grant on conflict do nothing || + - / set local cascade pg_temp . a current_user values default f ( )',
];

function tokens(sql: string): string[] {
  const text = Buffer.from(sql);
  const scanner = new Scanner(text);
  const found: string[] = [];
  while (scanner.next() !== TOKEN.end) found.push(text.toString('utf8', scanner.start, scanner.end));
  return found;
}

/** One or two statements of those above, with up to three tokens dropped, doubled, or put in from elsewhere. */
function changed(random: Random, pool: readonly string[]): string[] {
  const sources = [...ADDING, ...MAKING_FUNCTIONS];
  const list = [random.pick(sources), ...(random.chance(0.5) ? [random.pick(sources)] : [])].flatMap((sql) => [
    ...tokens(sql),
    ';',
  ]);
  for (let change = random.below(4); change > 0; change--) {
    const at = random.below(list.length);
    const how = random.below(4);
    if (how === 0) list.splice(at, 1);
    else if (how === 1) list.splice(at, 0, list[at]!);
    else if (how === 2) list.splice(at, 0, random.pick(pool));
    else list[at] = random.pick(pool);
  }
  return list;
}

function parses(sql: string): boolean {
  try {
    parseSync(sql);
    return true;
  } catch {
    return false;
  }
}

// ── the same question to the syntax tree ────────────────────────────────────────────────────────────────────────────

type Tree = { readonly [key: string]: Tree };

/** What in a file is no addition, as its syntax tree tells; written apart from what it is held against. */
function doesMore(sql: string): string | undefined {
  const made = new Map<string, Tree>();
  for (const { stmt } of (parseSync(sql) as unknown as { stmts?: { stmt: Tree }[] }).stmts ?? []) {
    const [[kind, node]] = Object.entries(stmt) as [[string, Tree]];
    const reason = REASONS[kind] === undefined ? kind : REASONS[kind](node, made);
    if (reason !== undefined) return `${kind}: ${reason}`;
  }
  return undefined;
}

const BUILT_IN =
  /^(int[248]|numeric|float[48]|bool|timestamptz?|date|uuid|text|varchar|bpchar|char|jsonb?|bytea|interval|inet|cidr)$/;
const CALLABLE = new Set(['now', 'gen_random_uuid']);

const REASONS: Readonly<Record<string, (node: Tree, made: Map<string, Tree>) => string | undefined>> = {
  CreateStmt: (node, made) => {
    const { relation, ...rest } = node;
    if (`${relation!['relpersistence']}` !== 'p' || nameOf(relation!).startsWith('pg_'))
      return 'temporary or of the server';
    const extra = ['inhRelations', 'partbound', 'partspec', 'ofTypename', 'options', 'tablespacename'].find(
      (k) => k in rest,
    );
    if (extra === undefined && !('if_not_exists' in node)) made.set(nameOf(relation!), node);
    return extra;
  },
  IndexStmt: (node) => {
    const elements = listOf(node['indexParams']).map((one) => one['IndexElem']!);
    if ('whereClause' in node || 'concurrent' in node) return 'condition or concurrently';
    return elements.every((one) => 'name' in one && !('opclass' in one) && !('collation' in one))
      ? undefined
      : 'expression';
  },
  CreatePolicyStmt: (node, made) => (made.has(nameOf(node['table']!)) ? undefined : 'a table that was there'),
  CreateEnumStmt: () => undefined,
  CommentStmt: () => undefined,
  CreateFunctionStmt: (node) => {
    const options = new Map(
      listOf(node['options']).map(({ DefElem }) => [`${DefElem!['defname']}`, DefElem!['arg']] as const),
    );
    if ('is_procedure' in node || 'sql_body' in node || options.has('leakproof')) return 'procedure, body or leakproof';
    if (JSON.stringify(options.get('security') ?? '').includes('true')) return 'definer';
    if (/"name":"role"/.test(JSON.stringify(node['options']))) return 'takes a role';
    if (JSON.stringify(listOf(node['funcname'])[0]).includes('"pg_')) return 'of the server';
    return /"(sql|plpgsql)"/i.test(JSON.stringify(options.get('language'))) ? undefined : 'language';
  },
  AlterTableStmt: (node) => {
    const commands = listOf(node['cmds']).map((one) => one['AlterTableCmd']!);
    return commands.map(reasonOfCommand).find((reason) => reason !== undefined);
  },
  InsertStmt: (node, made) => {
    const table = made.get(nameOf(node['relation']!));
    if (table === undefined) return 'a table that was there';
    const extra = ['returningList', 'onConflictClause', 'withClause'].find((key) => key in node);
    const values = node['selectStmt']?.['SelectStmt']?.['valuesLists'];
    if (extra !== undefined || values === undefined) return extra ?? 'no values';
    return evaluates(values, false) ?? evaluates(table['tableElts']!, false);
  },
};

function reasonOfCommand(command: Tree): string | undefined {
  const subtype = `${command['subtype']}`;
  if (subtype === 'AT_EnableRowSecurity' || subtype === 'AT_ForceRowSecurity') return undefined;
  if (subtype === 'AT_AddConstraint') {
    const kind = `${command['def']!['Constraint']!['contype']}`;
    return ['CONSTR_FOREIGN', 'CONSTR_UNIQUE', 'CONSTR_PRIMARY'].includes(kind) ? undefined : kind;
  }
  if (subtype !== 'AT_AddColumn') return subtype;
  return /CONSTR_(CHECK|GENERATED|IDENTITY)/.test(JSON.stringify(command))
    ? 'constraint'
    : evaluates(command['def']!, true);
}

/** What somewhere in there is no value or type of the server's own. */
function evaluates(tree: Tree, isLater: boolean): string | undefined {
  if (typeof tree !== 'object' || tree === null) return undefined;
  for (const [key, value] of Object.entries(tree)) {
    if (/^(SubLink|SelectStmt|ParamRef|CollateClause|CollateExpr|TableLikeClause|CONSTR_IDENTITY)$/.test(key))
      return key;
    if (key === 'contype' && /IDENTITY|GENERATED|EXCLUSION/.test(`${value}`)) return `${value}`;
    if (key === 'FuncCall') {
      const name = lastName(value['funcname']);
      if (!CALLABLE.has(name) || 'args' in value || (isLater && name !== 'now')) return name;
    }
    if (key === 'typeName' && !BUILT_IN.test(lastName(value['names']))) return lastName(value['names']);
    const inside = evaluates(value, isLater);
    if (inside !== undefined) return inside;
  }
  return undefined;
}

function nameOf(relation: Tree): string {
  return ['schemaname', 'relname'].flatMap((key) => (key in relation ? [`${relation[key]}`] : [])).join('.');
}

function lastName(names: Tree | undefined): string {
  return `${listOf(names).at(-1)?.['String']?.['sval']}`;
}

function listOf(list: Tree | undefined): Tree[] {
  return (list ?? []) as unknown as Tree[];
}
