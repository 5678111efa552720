import { quoteIdentifier } from '../../postgres/quote.ts';
import { clientsWith, inOrder } from '../access.ts';
import type { Relation, RlsFacts, RuleFacts } from '../facts.ts';
import { displayName, displayPath } from '../names.ts';
import { sqlName } from '../proposal.ts';
import { tablesReachedAs } from '../views.ts';
import { sqlValue } from './make-rows.ts';
import type { RowColumn } from './row-columns.ts';
import type { Value } from './row-values.ts';
import type { Way } from './ways.ts';
import { boundOf, tenantTables } from './ways.ts';

// Rules: what they do to other tables when clients write to theirs they do as the owner (PostgreSQL docs, 41.5).

/** A rule that clients may set off and that reaches other tables. */
export interface RuleWay extends Way {
  readonly rule: RuleFacts;
  /** The table or view that it is a rule of. */
  readonly relation: Relation;
}

const UNTOLD = 'no column of what it reaches says whose a row is, so that it cannot be told what it does to others';

/** All rules of tables and views that are looked at, in the order of their names. */
export function waysOfRules(facts: RlsFacts): RuleWay[] {
  const ruled = new Set(facts.rules.map(({ relation }) => relation));
  const relations = [...ruled].flatMap((oid) => facts.tables.get(oid) ?? facts.views.get(oid) ?? []);
  return inOrder(relations.filter(({ inScope }) => inScope)).flatMap((relation) =>
    facts.rules.filter((rule) => rule.relation === relation.oid).flatMap((rule) => wayOf(facts, relation, rule)),
  );
}

function wayOf(facts: RlsFacts, relation: Relation, rule: RuleFacts): RuleWay[] {
  const roles = boundOf(facts, clientsWith(facts, relation, [rule.command])).filter(
    ({ inherits }) => !inherits.has(relation.owner),
  );
  const reached = tablesReachedAs(facts, rule.relations, relation.owner).map(({ table }) => table);
  const tables = tenantTables(reached);
  if (roles.length === 0 || !reached.some(({ rlsEnabled }) => rlsEnabled)) return [];
  return [
    {
      kind: 'rule',
      object: `${displayPath(relation)} (rule ${displayName(rule.name)})`,
      oid: relation.oid,
      from: sqlName(relation),
      parameters: undefined,
      roles,
      tables,
      views: [],
      texts: [],
      untried: tables.length === 0 ? UNTOLD : undefined,
      writers: new Map(),
      writes: 'only',
      servesPolicy: false,
      rule,
      relation,
    },
  ];
}

/** A column of the table or view that has the rule, and what it may hold. */
export interface RuledColumn extends Pick<RowColumn, 'name' | 'type' | 'generated' | 'fills'> {
  /** It says whose a row is. */
  readonly isOwner: boolean;
  /** No two rows have the same there. */
  readonly isKey: boolean;
  /** It may hold a tenant, whatever it is called. */
  readonly isLikeOwner: boolean;
  /** In the rows of the session's tenant and of the other one; `undefined`: nothing is known of it. */
  readonly mine: Value | undefined;
  readonly theirs: Value | undefined;
  /** A value that no row has. */
  readonly fresh: Value | undefined;
}

/** A statement that sets the rule off. */
export interface Firing {
  readonly sql: string;
  /** The own tenant's rows are to be other than before: the rule does something. */
  readonly isControl: boolean;
  /** Refused by the constraints of what is behind in all of its kind, it tells nothing. */
  readonly group?: string;
}

/**
 * Statements on a table or view that set a rule off, with what belongs to the own tenant and with what belongs to the
 * other, as somebody would try who means to reach it.
 * @param columns those that the role may write
 * @param own SQL, true of the own rows; `other` of the other tenant's
 */
export function firings(
  { rule: { command }, from }: Pick<RuleWay, 'rule' | 'from'>,
  columns: readonly RuledColumn[],
  where: { readonly own: string; readonly other: string } | undefined,
  tenants: { readonly own: string; readonly other: string },
): Firing[] {
  const usable = columns.filter(({ generated }) => !generated);
  if (command === 'INSERT') return insertions(from, usable, tenants);
  if (where === undefined) return [];
  if (command === 'DELETE')
    return [
      { sql: `delete from ${from} where ${where.own}`, isControl: true },
      { sql: `delete from ${from} where ${where.own}`, isControl: false },
      { sql: `delete from ${from} where ${where.other}`, isControl: false },
    ];
  return updates(from, usable, where);
}

/** What a column is given; `undefined`: it is left away. */
type Choice = (column: RuledColumn) => Value | undefined;

function insertions(
  from: string,
  columns: readonly RuledColumn[],
  tenants: { readonly own: string; readonly other: string },
): Firing[] {
  const insert = (choice: Choice, isControl: boolean, group?: string): Firing[] => {
    const given = columns.flatMap((column) => {
      const value = choice(column);
      return value === undefined ? [] : [{ name: quoteIdentifier(column.name), sql: sqlValue(value, column.type) }];
    });
    if (given.length === 0) return [];
    const sql = `insert into ${from} (${given.map(({ name }) => name).join(', ')}) values (${given.map((one) => one.sql).join(', ')})`;
    return [{ sql, isControl, ...(group === undefined ? {} : { group }) }];
  };
  const fresh: Choice = ({ fills, fresh: value }) => (fills ? undefined : value);
  const mine: Choice = (one) => (one.isKey && !one.isOwner ? fresh(one) : one.mine);
  const theirs: Choice = (one) => (one.isKey && !one.isOwner ? fresh(one) : one.theirs);
  const isOther = ({ isLikeOwner, isOwner, isKey }: RuledColumn) => isLikeOwner && !isOwner && !isKey;
  return [
    ...insert(mine, true),
    ...insert(mine, false),
    ...insert(theirs, false, 'a row of the other tenant'),
    ...insert(({ theirs: value }) => value, false, 'a row of the other tenant'),
    ...insert((one) => (one.isOwner ? one.mine : one.theirs), false),
    // The other's row is told by its key, and is to be other than before.
    ...insert((one) => (one.isKey ? one.theirs : one.mine), false),
    ...(columns.some(isOther) ? insert((one) => (isOther(one) ? tenants.other : mine(one)), false) : []),
  ];
}

function updates(
  from: string,
  columns: readonly RuledColumn[],
  where: { readonly own: string; readonly other: string },
): Firing[] {
  const update = (condition: string, choice: Choice, isControl = false): Firing[] => {
    const assignments = columns.flatMap((column) => {
      const value = choice(column);
      return value === undefined ? [] : [`${quoteIdentifier(column.name)} = ${sqlValue(value, column.type)}`];
    });
    if (assignments.length === 0) return [];
    return [{ sql: `update ${from} set ${assignments.join(', ')} where ${condition}`, isControl }];
  };
  const content: Choice = ({ isKey, isOwner, theirs }) => (isKey || isOwner ? undefined : theirs);
  return [
    ...update(where.own, content, true),
    ...update(where.own, content),
    ...update(where.other, content),
    ...update(where.own, ({ isOwner, theirs }) => (isOwner ? theirs : undefined)),
    ...update(where.own, ({ isOwner, theirs }) => (isOwner ? undefined : theirs)),
    ...update(where.own, ({ theirs }) => theirs),
    ...update(where.own, ({ isKey, isOwner, mine, theirs }) => (isOwner ? undefined : isKey ? theirs : mine)),
  ];
}
