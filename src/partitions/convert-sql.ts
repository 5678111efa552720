import { dollarQuote, quoteIdentifier, quoteLiteral, quoteQualified } from '../postgres/quote.ts';
import { counted } from '../report/quantity.ts';
import {
  grantStatements,
  isToPublishViaRoot,
  publicationStatements,
  readerStatements,
  triggerStateStatements,
} from './convert-dress.ts';
import type { ConvertFacts, ConvertRequest } from './convert-facts.ts';
import { type ConvertPlan, mentionsItself, suffixed } from './convert-plan.ts';
import { convertRollbackSql } from './convert-rollback.ts';
import { timeLiteral } from './plan.ts';

/** Rows that are copied in one transaction. */
const BATCH_ROWS = 5_000;

/**
 * The body of the migration, statement by statement: each can be interrupted at any time and is gone on with. Writers
 * only note which rows they change; one session copies, and copies again what was noted, until nothing is left while
 * the lock of the swap is held. So nothing depends on what a writer's snapshot sees, whatever its isolation level.
 */
export function convertSql(
  facts: ConvertFacts,
  request: ConvertRequest,
  plan: ConvertPlan,
): { readonly forward: string; readonly rollback: string } {
  const sql = new ConvertSql(facts, request, plan);
  const forward = [
    sql.preface(),
    sql.settings(),
    sql.twin(),
    sql.notes(),
    sql.replay(),
    sql.copy(),
    ...sql.indexes(),
    sql.swap(),
    sql.validate(),
  ].join('\n');
  return { forward, rollback: convertRollbackSql(facts, plan, sql.giveUp()) };
}

class ConvertSql {
  readonly #facts: ConvertFacts;
  readonly #request: ConvertRequest;
  readonly #plan: ConvertPlan;
  readonly #schema: string;
  /** Quoted, with the schema. */
  readonly #table: string;
  readonly #twin: string;
  readonly #old: string;
  readonly #changes: string;
  readonly #copied: string;
  readonly #replay: string;
  readonly #note: string;
  /** Columns of the primary key as it was, quoted. */
  readonly #id: readonly string[];
  /** Quoted, without those that are generated. */
  readonly #columns: readonly string[];
  readonly #number: string;
  readonly #emptied: string;
  readonly #begun: string;
  readonly #rows: string;

  constructor(facts: ConvertFacts, request: ConvertRequest, plan: ConvertPlan) {
    const { table, primaryKey, columns } = facts;
    const { names } = plan;
    const of = (name: string) => quoteQualified(table.schema, name);
    this.#facts = facts;
    this.#request = request;
    this.#plan = plan;
    this.#schema = quoteIdentifier(table.schema);
    this.#table = of(table.name);
    this.#twin = of(names.twin);
    this.#old = of(names.old);
    this.#changes = of(names.changes);
    this.#copied = of(names.copied);
    this.#replay = of(names.replay);
    this.#note = of(names.note);
    this.#id = (primaryKey?.columns ?? []).map(quoteIdentifier);
    this.#columns = columns.filter(({ isGenerated }) => !isGenerated).map(({ name }) => quoteIdentifier(name));
    const free = (name: string) => {
      let own = name;
      while (primaryKey?.columns.includes(own)) own += '_';
      return quoteIdentifier(own);
    };
    this.#number = free('change_number');
    this.#emptied = free('table_emptied');
    this.#begun = free('is_begun');
    this.#rows = free('rows_copied');
  }

  preface(): string {
    const { table } = this.#facts;
    const { lost, partitions, outside, names } = this.#plan;
    const lines = [
      `What happens: a partitioned twin is made, rows are copied in batches of ${BATCH_ROWS} while others work on`,
      `the table, and the two change names in one short transaction. The old table stays, as ${oneLine(names.old)}.`,
      'It can be killed at any time: migrate goes on where it ended, with every row once.',
      '',
      `Partitions: ${partitions.length}, and ${oneLine(names.fallback)} for other times${table.isHidden ? '' : ` (${counted(outside, 'row')} now)`}.`,
      ...(table.rlsForced
        ? ['FORCE ROW LEVEL SECURITY is lifted until the swap, since the owner has to read every row.']
        : []),
      ...(lost.length === 0 ? [] : ['', 'What cannot be kept:']),
      ...lost.map(({ object, message }) => `- ${oneLine(object)}: ${oneLine(message)}`),
      '',
      'To give it up before the swap: aisha-db rollback, or by hand:',
      ...this.giveUp().map((line) => `  ${oneLine(line)}`),
    ];
    return `${lines.map((line) => `-- ${line}`.trimEnd()).join('\n')}\n`;
  }

  /** Statements that undo all that is there before the swap. */
  giveUp(): readonly string[] {
    const { table } = this.#facts;
    return [
      `drop function if exists ${this.#note}() cascade;`,
      `drop function if exists ${this.#replay}(integer);`,
      `drop table if exists ${this.#twin}, ${this.#changes}, ${this.#copied};`,
      `alter table ${this.#table} drop constraint if exists ${quoteIdentifier(this.#plan.names.keyPresent)};`,
      ...(table.rlsForced ? [`alter table ${this.#table} force row level security;`] : []),
    ];
  }

  settings(): string {
    return `-- Rows that a policy hides from this role would be lost: then nothing is copied.
set row_security = off;
set default_transaction_isolation = 'read committed';
`;
  }

  // ── before the copy ───────────────────────────────────────────────────────────────────────────────────────────────

  twin(): string {
    const { table, checks, columns } = this.#facts;
    const { names, partitions, key } = this.#plan;
    const options = table.options === null ? '' : ` with (${table.options})`;
    const leaf = (name: string, bounds: string) =>
      `create table ${this.#schema}.${quoteIdentifier(name)} partition of ${this.#twin} ${bounds}${options};`;
    return `-- 1. The twin and its partitions, closed to everybody but the owner.
begin;
create table ${this.#twin} (like ${this.#table} including all excluding indexes)
  partition by range (${quoteIdentifier(this.#request.column)});
alter table ${this.#twin} add constraint ${quoteIdentifier(names.primaryKey.draft)} primary key (${list(key)});
${lines([
  ...columns.flatMap(({ name, statistics }) =>
    statistics === null
      ? []
      : [`alter table ${this.#twin} alter column ${quoteIdentifier(name)} set statistics ${statistics};`],
  ),
  ...checks
    .filter(({ isValid }) => !isValid)
    .map(({ name }) => `alter table ${this.#twin} drop constraint ${quoteIdentifier(name)};`),
  ...partitions.map(({ name, from, to }) =>
    leaf(name, `for values from (${timeLiteral(from)}) to (${timeLiteral(to)})`),
  ),
  leaf(names.fallback, 'default'),
])}${block(`${this.#closing(`select ${this.#oid(this.#twin)} union all ${this.#leaves(this.#twin)}`)}`, CLOSING_VARIABLES)}
commit;
`;
  }

  notes(): string {
    const { table } = this.#facts;
    const id = this.#id;
    const { names } = this.#plan;
    const columns = id.join(', ');
    const changed = `(${id.map((name) => `old.${name}`).join(', ')}) is distinct from (${id.map((name) => `new.${name}`).join(', ')})`;
    const insert = (row: string) =>
      `insert into ${this.#changes} (${columns}) values (${id.map((name) => `${row}.${name}`).join(', ')});`;
    const body = `begin
  if tg_op = 'TRUNCATE' then
    insert into ${this.#changes} (${this.#emptied}) values (true);
    return null;
  end if;
  if tg_op <> 'INSERT' then
    ${insert('old')}
  end if;
  if tg_op = 'INSERT' then
    ${insert('new')}
  elsif tg_op = 'UPDATE' then
    if ${changed} then
      ${insert('new')}
    end if;
  end if;
  return null;
end`;
    return `-- 2. From here on every change of a row is noted, by its primary key.
begin;
create table ${this.#changes} as select ${columns} from ${this.#table} with no data;
alter table ${this.#changes}
  add column ${this.#number} bigint generated always as identity primary key,
  add column ${this.#emptied} boolean not null default false;
create table ${this.#copied} as select ${columns} from ${this.#table} with no data;
alter table ${this.#copied}
  add column ${this.#begun} boolean not null default false,
  add column ${this.#rows} bigint not null default 0;
insert into ${this.#copied} default values;
alter table ${this.#changes} enable row level security;
alter table ${this.#copied} enable row level security;
${block(this.#closing(`select ${this.#oid(this.#changes)} union all select ${this.#oid(this.#copied)}`, false), CLOSING_VARIABLES)}
create function ${this.#note}() returns trigger language plpgsql security definer set search_path = '' as ${dollarQuote(body)};
revoke all on function ${this.#note}() from public;
${lines([
  ...(table.rlsForced ? [`alter table ${this.#table} no force row level security;`] : []),
  `create trigger ${quoteIdentifier(names.note)} after insert or update or delete on ${this.#table}
  for each row execute function ${this.#note}();`,
  `create trigger ${quoteIdentifier(names.noteAll)} after truncate on ${this.#table}
  for each statement execute function ${this.#note}();`,
  `alter table ${this.#table} enable always trigger ${quoteIdentifier(names.note)};`,
  `alter table ${this.#table} enable always trigger ${quoteIdentifier(names.noteAll)};`,
  `alter table ${this.#table} add constraint ${quoteIdentifier(names.keyPresent)}
  check (${quoteIdentifier(this.#request.column)} is not null) not valid;`,
])}commit;

alter table ${this.#table} validate constraint ${quoteIdentifier(names.keyPresent)};
`;
  }

  /** Makes rows that were noted the same in both; returns how many notes it has worked off. */
  replay(): string {
    const id = this.#id;
    const same = (one: string, other: string) => id.map((name) => `${one}.${name} = ${other}.${name}`).join(' and ');
    const body = `declare
  numbers bigint[];
  emptied bigint;
begin
  select max(c.${this.#number}) into emptied from ${this.#changes} c where c.${this.#emptied};
  if emptied is not null then
    truncate ${this.#twin};
    delete from ${this.#changes} c where c.${this.#number} <= emptied;
  end if;
  select array_agg(n.${this.#number}) into numbers
  from (select c.${this.#number} from ${this.#changes} c order by c.${this.#number} limit most) n;
  if numbers is null then
    return 0;
  end if;
  delete from ${this.#twin} r using ${this.#changes} c where c.${this.#number} = any (numbers) and ${same('r', 'c')};
  insert into ${this.#twin} (${this.#columns.join(', ')}) overriding system value
  select ${this.#columns.map((name) => `r.${name}`).join(', ')} from ${this.#table} r
  where (${id.map((name) => `r.${name}`).join(', ')}) in (
    select ${id.map((name) => `c.${name}`).join(', ')} from ${this.#changes} c where c.${this.#number} = any (numbers));
  delete from ${this.#changes} c where c.${this.#number} = any (numbers);
  return cardinality(numbers);
end`;
    return `-- 3. What was noted is copied again; only this session does so.
create function ${this.#replay}(most integer) returns integer language plpgsql as ${dollarQuote(body)};
revoke all on function ${this.#replay}(integer) from public;
`;
  }

  copy(): string {
    const id = this.#id;
    const row = (alias: string) => `(${id.map((name) => `${alias}.${name}`).join(', ')})`;
    const plain = (alias: string) => id.map((name) => `${alias}.${name}`).join(', ');
    const edge = (where: string) => `select ${plain('e')} into edge
      from (select ${plain('r')} from ${this.#table} r${where} order by ${plain('r')} limit batch) e
      order by ${id.map((name) => `e.${name} desc`).join(', ')} limit 1;`;
    const insert = (where: string) => `insert into ${this.#twin} (${this.#columns.join(', ')}) overriding system value
      select ${this.#columns.map((name) => `r.${name}`).join(', ')} from ${this.#table} r
      where ${where}${row('r')} <= ${row('edge')}
      on conflict do nothing;`;
    const body = `declare
  batch constant integer := ${BATCH_ROWS}; -- rows in one transaction
  pause constant double precision := 0.01; -- seconds between two
  sofar record;
  edge record;
  moved bigint;
begin
  loop
    select * into sofar from ${this.#copied};
    if sofar.${this.#begun} then
      ${edge(` where ${row('r')} > ${row('sofar')}`)}
      exit when not found;
      ${insert(`${row('r')} > ${row('sofar')} and `)}
    else
      ${edge('')}
      exit when not found;
      ${insert('')}
    end if;
    get diagnostics moved = row_count;
    update ${this.#copied} c set (${id.join(', ')}) = row (${plain('edge')}), ${this.#begun} = true, ${this.#rows} = c.${this.#rows} + moved;
    perform ${this.#replay}(batch);
    commit;
    raise notice '% rows copied', sofar.${this.#rows} + moved;
    perform pg_catalog.pg_sleep(pause);
  end loop;
end`;
    return `-- 4. The copy, in the order of the primary key; how far it is, is committed with each batch.
do ${dollarQuote(body)};
`;
  }

  indexes(): string[] {
    const { indexes } = this.#plan;
    if (indexes.length === 0) return [];
    const statements = indexes.map(({ draft, isUnique, constraint, tail }) =>
      constraint === null
        ? `create ${isUnique ? 'unique ' : ''}index ${quoteIdentifier(draft)} on ${this.#twin} ${tail};`
        : `alter table ${this.#twin} add constraint ${quoteIdentifier(draft)} ${constraint};`,
    );
    return [`-- 5. Its indexes: nobody reads or writes it yet.\n${lines(statements)}`];
  }

  // ── the swap ──────────────────────────────────────────────────────────────────────────────────────────────────────

  swap(): string {
    const others = this.#facts.inbound.filter(({ isSelf }) => !isSelf).map(({ table }) => table);
    const locked = [this.#table, ...new Set(others)];
    const body = `declare
  wrong record;
  is_bound constant boolean := not (
    select r.rolsuper or r.rolbypassrls from pg_catalog.pg_roles r where r.rolname = current_user);
  ${CLOSING_VARIABLES.join('\n  ')}
begin
  -- Interrupted between the swap and its record: it is done.
  if pg_catalog.to_regclass(${quoteLiteral(this.#twin)}) is null then
    return;
  end if;
  while ${this.#replay}(${BATCH_ROWS}) = ${BATCH_ROWS} loop
    commit;
  end loop;
  commit;
  ${this.#compare()}
  commit;
  lock table ${locked.join(', ')} in access exclusive mode;
  while ${this.#replay}(${BATCH_ROWS}) > 0 loop
  end loop;
  perform pg_catalog.set_config('row_security', 'on', true);

${lines([...this.#release(), ...this.#rename(), ...this.#dress()])}end`;
    return `-- 6. Once what was noted is worked off and both are compared, row by row, they change names. The lock that this
-- takes is held for what was noted meanwhile, and for a few changes of the catalog.
do ${dollarQuote(body)};
`;
  }

  /** Rows that nobody has changed since they were copied are the same in both, all of them, or it stops. */
  #compare(): string {
    const { columns } = this.#facts;
    const whole = columns.map(({ name }) => `r.${quoteIdentifier(name)}`).join(', ');
    const noted = `(select from ${this.#changes} c where ${this.#id.map((name) => `c.${name} = r.${name}`).join(' and ')})`;
    const side = (from: string) =>
      `(select count(*) as n, sum(pg_catalog.hashtextextended(row (${whole})::text, 0)) as h
      from ${from} r where not exists ${noted})`;
    return `select a.n as expected, b.n as found into wrong
from ${side(this.#table)} a,
    ${side(this.#twin)} b
where (a.n, a.h) is distinct from (b.n, b.h)
  and not exists (select from ${this.#changes} c where c.${this.#emptied});
if found then
  raise exception 'the copy is not the same: % rows in the table, % in its twin', wrong.expected, wrong.found
    using hint = 'Nothing was changed for the users of the table. Give it up as the head of this file says, and begin again.';
end if;`;
  }

  /** What holds the old table to others, and what was only there for the copy. */
  #release(): readonly string[] {
    const { names } = this.#plan;
    const { foreignKeys, inbound, table } = this.#facts;
    return [
      `drop function ${this.#note}() cascade;`,
      `drop function ${this.#replay}(integer);`,
      `drop table ${this.#changes}, ${this.#copied};`,
      `alter table ${this.#table} drop constraint ${quoteIdentifier(names.keyPresent)};`,
      ...foreignKeys.map(({ name }) => `alter table ${this.#table} drop constraint ${quoteIdentifier(name)};`),
      ...inbound
        .filter(({ isSelf }) => !isSelf)
        .map(({ table: from, name }) => `alter table ${from} drop constraint ${quoteIdentifier(name)};`),
      ...(table.rlsForced ? [`alter table ${this.#table} force row level security;`] : []),
    ];
  }

  #rename(): readonly string[] {
    const { table, primaryKey, columns } = this.#facts;
    const { names, indexes } = this.#plan;
    const pairs = [{ name: primaryKey?.name ?? '', ...names.primaryKey }, ...indexes];
    return [
      `alter table ${this.#table} rename to ${quoteIdentifier(names.old)};`,
      `alter table ${this.#twin} rename to ${quoteIdentifier(table.name)};`,
      ...pairs.flatMap(({ name, draft, old }) => [
        `alter index ${this.#schema}.${quoteIdentifier(name)} rename to ${quoteIdentifier(old)};`,
        `alter index ${this.#schema}.${quoteIdentifier(draft)} rename to ${quoteIdentifier(name)};`,
      ]),
      ...columns.flatMap(({ name, isIdentity, sequence }) => {
        if (sequence === null) return [];
        const label = quoteQualified(sequence.schema, sequence.name);
        if (!isIdentity) return [`alter sequence ${label} owned by ${this.#table}.${quoteIdentifier(name)};`];
        const own = `pg_catalog.pg_get_serial_sequence(${quoteLiteral(this.#table)}, ${quoteLiteral(name)})`;
        const draft = quoteIdentifier(suffixed(sequence.name, '_unpartitioned'));
        return [
          `perform pg_catalog.setval(${own}, s.last_value, s.is_called) from ${label} s;`,
          `alter sequence ${label} rename to ${draft};`,
          `execute pg_catalog.format('alter sequence %s rename to %I', ${own}, ${quoteLiteral(sequence.name)});`,
        ];
      }),
    ];
  }

  /** What the new table gets of the old one, under the old one's name. */
  #dress(): readonly string[] {
    const { table, policies, checks, comments, publications } = this.#facts;
    const { triggers, foreignKeys, inbound } = this.#plan;
    const leaves = this.#leaves(this.#table);
    const leafPolicies = mentionsItself(table.name, policies) ? [] : policies;
    return [
      `for item in ${leaves} union all select ${this.#oid(this.#table)} loop`,
      run('alter table %s owner to %I', 'item', quoteLiteral(table.owner)),
      ...(table.rlsForced ? [run('alter table %s force row level security', 'item')] : []),
      'end loop;',
      ...(foreignKeys.length + leafPolicies.length === 0
        ? []
        : [`for item in ${leaves} loop`, ...this.#leafForeignKeys(), ...leafPolicies.map(leafPolicy), 'end loop;']),
      this.#closing(`select ${this.#oid(this.#old)}`, false),
      ...policies.map(({ name, clauses }) => `create policy ${quoteIdentifier(name)} on ${this.#table} ${clauses};`),
      ...grantStatements(this.#table, this.#facts),
      ...triggers.map(({ definition }) => `${definition};`),
      ...triggerStateStatements(this.#table, triggers),
      ...checks
        .filter(({ isValid }) => !isValid)
        .map(
          ({ name, definition }) =>
            `alter table ${this.#table} add constraint ${quoteIdentifier(name)} ${definition} not valid;`,
        ),
      ...inbound.map(
        ({ table: from, name, definition }) =>
          `alter table ${from} add constraint ${quoteIdentifier(name)} ${definition} not valid;`,
      ),
      ...readerStatements(this.#facts),
      ...publicationStatements(this.#old, this.#table, this.#facts),
      ...publications
        .filter(isToPublishViaRoot)
        .map(({ name }) => `alter publication ${quoteIdentifier(name)} set (publish_via_partition_root = true);`),
      ...comments.map((statement) => `${statement};`),
    ];
  }

  /**
   * Foreign keys of a partition, in force without a look at its rows. A role that policies bind cannot look later: its
   * validation would see rows without the rows they point at. While the partition is closed to it it sees none, and
   * needs to see none, since the key of the old table held for all of them until now.
   */
  #leafForeignKeys(): readonly string[] {
    const { foreignKeys } = this.#plan;
    const { table } = this.#facts;
    const valid = foreignKeys.filter(({ isValid }) => isValid);
    const statements = foreignKeys.map(({ name, definition }) =>
      run('alter table %s add constraint %I %s not valid', 'item', quoteLiteral(name), quoteLiteral(definition)),
    );
    if (valid.length === 0) return statements;
    return [
      ...statements,
      '  if is_bound then',
      run('alter table %s enable row level security, force row level security', 'item'),
      ...valid.map(({ name }) => run('alter table %s validate constraint %I', 'item', quoteLiteral(name))),
      ...(table.rlsForced ? [] : [run('alter table %s no force row level security', 'item')]),
      ...(table.rlsEnabled ? [] : [run('alter table %s disable row level security', 'item')]),
      '  end if;',
    ];
  }

  // ── after the swap ────────────────────────────────────────────────────────────────────────────────────────────────

  validate(): string {
    const { foreignKeys, inbound } = this.#plan;
    const valid = foreignKeys.filter(({ isValid }) => isValid);
    const body = `declare
  item regclass;
begin
  for item in ${this.#leaves(this.#table)} loop
${lines(valid.map(({ name }) => run('alter table %s validate constraint %I', 'item', quoteLiteral(name))))}  commit;
  end loop;
end`;
    return `-- 7. Foreign keys hold for new rows since the swap; now for all, while others work, and for coming partitions.
${lines([
  ...(valid.length === 0 ? [] : [`do ${dollarQuote(body)};`]),
  ...valid.map(
    ({ name, definition }) => `alter table ${this.#table} add constraint ${quoteIdentifier(name)} ${definition};`,
  ),
  ...inbound.map(({ table, name }) => `alter table ${table} validate constraint ${quoteIdentifier(name)};`),
  `analyze ${this.#table};`,
])}`;
  }

  // ── pieces ────────────────────────────────────────────────────────────────────────────────────────────────────────

  #oid(label: string): string {
    return `${quoteLiteral(label)}::regclass`;
  }

  #leaves(label: string): string {
    return `select i.inhrelid::regclass from pg_catalog.pg_inherits i where i.inhparent = ${this.#oid(label)}`;
  }

  /** Takes from everybody but the owner what default privileges gave him; RLS as the table has it. */
  #closing(relations: string, withRls = this.#facts.table.rlsEnabled): string {
    return `for item in ${relations} loop
${withRls ? `  ${run('alter table %s enable row level security', 'item').trim()}\n` : ''}  for other in
    select distinct coalesce(pg_catalog.quote_ident(r.rolname), 'public')
    from pg_catalog.pg_class c cross join pg_catalog.aclexplode(c.relacl) a
    left join pg_catalog.pg_roles r on r.oid = a.grantee
    where c.oid = item and a.grantee <> c.relowner
  loop
    execute pg_catalog.format('revoke all on %s from %s', item, other);
  end loop;
end loop;`;
  }
}

const CLOSING_VARIABLES: readonly string[] = ['item regclass;', 'other text;'];

function leafPolicy({ name, clauses }: ConvertFacts['policies'][number]): string {
  return run('create policy %I on %s %s', quoteLiteral(name), 'item', quoteLiteral(clauses));
}

function run(format: string, ...values: readonly string[]): string {
  return `  execute pg_catalog.format(${[quoteLiteral(format), ...values].join(', ')});`;
}

/** A DO block, which a transaction around it commits. */
function block(statements: string, variables: readonly string[]): string {
  return `do ${dollarQuote(`declare\n  ${variables.join('\n  ')}\nbegin\n${statements}\nend`)};`;
}

function lines(statements: readonly string[]): string {
  return statements.map((line) => `${line}\n`).join('');
}

function list(names: readonly string[]): string {
  return names.map(quoteIdentifier).join(', ');
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ');
}
