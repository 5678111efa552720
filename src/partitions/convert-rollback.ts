import { dollarQuote, quoteIdentifier, quoteLiteral, quoteQualified } from '../postgres/quote.ts';
import { grantStatements, publicationStatements, readerStatements, triggerStateStatements } from './convert-dress.ts';
import type { ConvertFacts } from './convert-facts.ts';
import type { ConvertPlan } from './convert-plan.ts';

/**
 * What undoes a conversion, in one transaction: before the swap what was made is dropped; after it the old table gets
 * what was written since, takes its place again with all that hung on it, and the partitioned one goes. Only rows that
 * were compared, every one of them, under the lock of the swap.
 * @param giveUp statements that undo all that is there before the swap
 */
export function convertRollbackSql(facts: ConvertFacts, plan: ConvertPlan, giveUp: readonly string[]): string {
  const rollback = new ConvertRollback(facts, plan);
  return `${rollback.preface()}
${rollback.settings()}
do ${dollarQuote(rollback.body(giveUp))};
${rollback.validate()}`;
}

class ConvertRollback {
  readonly #facts: ConvertFacts;
  readonly #plan: ConvertPlan;
  readonly #table: string;
  readonly #twin: string;
  readonly #old: string;
  readonly #schema: string;
  /** Quoted, without those that are generated. */
  readonly #columns: readonly string[];

  constructor(facts: ConvertFacts, plan: ConvertPlan) {
    const { table, columns } = facts;
    const of = (name: string) => quoteQualified(table.schema, name);
    this.#facts = facts;
    this.#plan = plan;
    this.#table = of(table.name);
    this.#twin = of(plan.names.twin);
    this.#old = of(plan.names.old);
    this.#schema = quoteIdentifier(table.schema);
    this.#columns = columns.filter(({ isGenerated }) => !isGenerated).map(({ name }) => quoteIdentifier(name));
  }

  preface(): string {
    const { old } = this.#plan.names;
    const name = old.replace(/\s+/g, ' ');
    return `-- Before the swap: drops what was made; the table was never touched. After it: ${name} gets the rows that were
-- written since, and takes its place again; the partitioned table goes. Everybody waits meanwhile, for about as long as
-- it takes to read both twice. Columns, policies, indexes and grants that the table got since are not carried back.
`;
  }

  settings(): string {
    return `-- Rows that a policy hides from this role would be lost: then nothing is done.
set local row_security = off;`;
  }

  body(giveUp: readonly string[]): string {
    const { primaryKey } = this.#facts;
    const key = (primaryKey?.columns ?? []).map(quoteIdentifier);
    return `declare
  wrong bigint;
  is_bound constant boolean := not (
    select r.rolsuper or r.rolbypassrls from pg_catalog.pg_roles r where r.rolname = current_user);
begin
  if pg_catalog.to_regclass(${quoteLiteral(this.#twin)}) is not null then
${indented(giveUp)}
    return;
  end if;
  if (select c.relkind from pg_catalog.pg_class c where c.oid = pg_catalog.to_regclass(${quoteLiteral(this.#table)})) is distinct from 'p' then
    return;
  end if;
  if pg_catalog.to_regclass(${quoteLiteral(this.#old)}) is null then
    raise exception 'the table as it was, %, is not there any more', ${quoteLiteral(this.#old)}
      using hint = 'Restore it from a backup, or keep the partitioned table.';
  end if;
  lock table ${[this.#table, this.#old, ...this.#others()].join(', ')} in access exclusive mode;
  if (${columnsOf(this.#table)}) is distinct from (${columnsOf(this.#old)}) then
    raise exception 'the columns of the table were changed since it was partitioned'
      using hint = 'Make the same change to the old table, then run this again.';
  end if;
  alter table ${this.#table} no force row level security;
  alter table ${this.#old} no force row level security;
  -- What its triggers do was done when the rows were written.
  alter table ${this.#old} disable trigger user;
  delete from ${this.#old} o where not exists (
    select from ${this.#table} n where ${key.map((name) => `n.${name} = o.${name}`).join(' and ')}
      and ${this.#row('n')} = ${this.#row('o')});
  insert into ${this.#old} (${this.#columns.join(', ')}) overriding system value
  select ${this.#columns.map((name) => `n.${name}`).join(', ')} from ${this.#table} n
  where not exists (select from ${this.#old} o where ${key.map((name) => `o.${name} = n.${name}`).join(' and ')});
  set constraints all immediate;
  select (select count(*) from ${this.#table}) - (select count(*) from ${this.#old}) into wrong;
  if wrong <> 0 then
    raise exception '% rows of the partitioned table have no place in the old one: their keys are there already', wrong;
  end if;
  perform pg_catalog.set_config('row_security', 'on', true);
${indented([...this.#swap(), ...this.#foreignKeys()])}
end`;
  }

  /** As text: types without an equality are compared as well. */
  #row(alias: string): string {
    return `row (${this.#columns.map((name) => `${alias}.${name}`).join(', ')})::text`;
  }

  #others(): readonly string[] {
    return [...new Set(this.#facts.inbound.filter(({ isSelf }) => !isSelf).map(({ table }) => table))];
  }

  #swap(): readonly string[] {
    const { table, triggers, primaryKey, columns } = this.#facts;
    const { names, indexes, inbound } = this.#plan;
    const pairs = [{ name: primaryKey?.name ?? '', ...names.primaryKey }, ...indexes];
    const index = (name: string) => `${this.#schema}.${quoteIdentifier(name)}`;
    const serials = columns.filter(({ sequence }) => sequence !== null);
    const own = (of: string, column: string) =>
      `pg_catalog.pg_get_serial_sequence(${quoteLiteral(of)}, ${quoteLiteral(column)})`;
    return [
      ...serials.map(({ name, isIdentity, sequence }) =>
        isIdentity
          ? `perform pg_catalog.setval(${own(this.#old, name)}, s.last_value, s.is_called) from ${sequenceLabel(sequence!)} s;`
          : `alter sequence ${sequenceLabel(sequence!)} owned by ${this.#old}.${quoteIdentifier(name)};`,
      ),
      ...inbound.map(
        ({ table: from, name }) => `alter table ${from} drop constraint if exists ${quoteIdentifier(name)};`,
      ),
      `alter table ${this.#table} rename to ${quoteIdentifier(names.twin)};`,
      `alter table ${this.#old} rename to ${quoteIdentifier(table.name)};`,
      ...readerStatements(this.#facts),
      ...publicationStatements(this.#twin, this.#table, this.#facts),
      // Whatever else came to hang on it keeps it, and all of this is undone.
      `drop table ${this.#twin};`,
      ...pairs.map(({ name, old }) => `alter index if exists ${index(old)} rename to ${quoteIdentifier(name)};`),
      ...serials
        .filter(({ isIdentity }) => isIdentity)
        .map(
          ({ name, sequence }) =>
            `execute pg_catalog.format('alter sequence %s rename to %I', ${own(this.#table, name)}, ${quoteLiteral(sequence!.name)});`,
        ),
      ...grantStatements(this.#table, this.#facts),
      `alter table ${this.#table} enable trigger user;`,
      ...triggerStateStatements(this.#table, triggers),
    ];
  }

  /**
   * Those of the table held for the same rows until now. A role that policies bind would not see the rows that they
   * point at: while the table is closed to it, it sees none of either, and needs none.
   */
  #foreignKeys(): readonly string[] {
    const { foreignKeys, inbound, table } = this.#facts;
    const label = this.#table;
    const closed = quoteIdentifier('closed while foreign keys are made');
    const add = ({ name, definition, isValid }: (typeof foreignKeys)[number]) =>
      `alter table ${label} add constraint ${quoteIdentifier(name)} ${definition}${isValid ? '' : ' not valid'};`;
    return [
      ...(foreignKeys.length === 0
        ? []
        : [
            'if is_bound then',
            `alter table ${label} enable row level security, force row level security;`,
            `create policy ${closed} on ${label} as restrictive using (false);`,
            'end if;',
            ...foreignKeys.map(add),
            'if is_bound then',
            `drop policy ${closed} on ${label};`,
            'end if;',
          ]),
      `alter table ${label} ${table.rlsEnabled ? 'enable' : 'disable'} row level security, ${table.rlsForced ? '' : 'no '}force row level security;`,
      ...inbound
        .filter(({ isSelf }) => !isSelf)
        .map(
          ({ table: from, name, definition }) =>
            `alter table ${from} add constraint ${quoteIdentifier(name)} ${definition} not valid;`,
        ),
    ];
  }

  /** Rows that point nowhere since their key was lost are told, and keep nothing from going back. */
  validate(): string {
    const keys = this.#facts.inbound.filter(({ isSelf, isValid }) => !isSelf && isValid);
    if (keys.length === 0) return '';
    const blocks = keys.map(
      ({ table: from, name }) => `  begin
    alter table ${from} validate constraint ${quoteIdentifier(name)};
  exception when foreign_key_violation then
    raise warning 'not validated, since some rows point nowhere: % of %', ${quoteLiteral(name)}, ${quoteLiteral(from)};
  end;`,
    );
    return `do ${dollarQuote(`begin
  if (select relkind from pg_catalog.pg_class where oid = pg_catalog.to_regclass(${quoteLiteral(this.#table)})) = 'r' then
${blocks.join('\n')}
  end if;
end`)};
`;
  }
}

/** Columns by name and type, whatever their order. */
function columnsOf(label: string): string {
  return `select pg_catalog.array_agg(format('%I %s', a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod)) order by a.attname)
    from pg_catalog.pg_attribute a where a.attrelid = ${quoteLiteral(label)}::regclass and a.attnum > 0 and not a.attisdropped`;
}

function sequenceLabel({ schema, name }: { readonly schema: string; readonly name: string }): string {
  return quoteQualified(schema, name);
}

function indented(statements: readonly string[]): string {
  return statements.map((line) => `  ${line}`).join('\n');
}
