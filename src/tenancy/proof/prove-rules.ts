import { messageOf } from '../../errors.ts';
import { quoteIdentifier } from '../../postgres/quote.ts';
import { SQLSTATE } from '../../postgres/server-error.ts';
import type { Session } from '../../postgres/session.ts';
import type { ContextName, RoleFacts } from '../facts.ts';
import { reachesOut } from '../reaching-out.ts';
import { sqlValue, token } from './make-rows.ts';
import type { WayProof } from './proof.ts';
import { type RowTable, readRowTable } from './row-columns.ts';
import { candidatesOf, columnsOf, freshTenant } from './row-values.ts';
import { whyRulesReachTooMany, whyTooMany } from './rule-reach.ts';
import { type Firing, firings, type RuledColumn, type RuleWay } from './rule-ways.ts';
import type { Tried } from './run-probes.ts';
import { MOST_VARIANTS, wordsIn } from './varied-rows.ts';
import {
  categoryOf,
  LIMITS,
  type Pair,
  type RowKind,
  type Side,
  undecided,
  untold,
  type WaySetup,
  type WayTrials,
} from './way-trials.ts';
import { judgeWay, UNTOLD_ROW, type WayProbe } from './ways.ts';

/** What is known of what a rule is about. */
interface Ruled {
  /** The table or view that has the rule, and those behind it, by OID. */
  readonly tables: ReadonlyMap<number, RowTable>;
  /** Words of its definition. */
  readonly words: readonly string[];
}

/** Proves with rows what becomes of other tenants' rows when clients set rules off. */
export class RuleProver {
  readonly #session: Session;
  readonly #trials: WayTrials;
  readonly #setup: WaySetup;

  constructor(session: Session, trials: WayTrials, setup: WaySetup) {
    this.#session = session;
    this.#trials = trials;
    this.#setup = setup;
  }

  /** Sets a rule off in every way that may reach the other tenant, and looks what became of the rows behind it. */
  async prove(given: RuleWay): Promise<WayProof> {
    if (given.untried !== undefined) return undecided(given, given.untried);
    const { callsWriters, facts } = this.#setup;
    const ruled = facts.tables.get(given.oid);
    const known = await this.#read(given);
    if (typeof known === 'string') return undecided(given, known);
    // Its own rows come first: as they are made they set the rule off, which is to find none of the others yet.
    const isOfTenants = ruled?.tenantColumn !== undefined && !given.tables.includes(ruled);
    const withRuled = isOfTenants ? { ...given, tables: [ruled, ...given.tables] } : given;
    const tenantColumn = ruled?.tenantColumn?.name ?? (await this.#trials.tenantColumn(given));
    const way = { ...given, tenantColumn };
    const tooMany = ruled && !callsWriters && (await whyRulesReachTooMany(this.#session, facts, ruled, LIMITS));
    if (tooMany) return undecided(way, tooMany);
    const pair = await this.#trials.pair(withRuled);
    if (pair.marks === undefined) return undecided(way, untold(pair));
    if (!callsWriters) {
      const reason = await this.#whyTooMany(way, pair, known);
      if (reason !== undefined) return undecided(way, reason);
    }
    let best = await this.#try(way, pair, known);
    for (const kind of kindsOf(known, pair)) {
      if (best.verdict === 'refuted') return best;
      const ids = [freshTenant(categoryOf(way), token()), freshTenant(categoryOf(way), token())] as const;
      const other = await this.#trials.makeRows(withRuled, ids, kind);
      const proof = typeof other === 'object' ? await this.#try(way, other, known) : best;
      // A rule may do something with rows of some kind only.
      if (proof.verdict === 'refuted' || best.verdict === 'not-provable') best = proof;
    }
    return best;
  }

  async #try(way: KeptWay, pair: Pair, known: Ruled): Promise<WayProof> {
    const watched = new Map([pair.own, pair.other].map((side) => [side, this.#trials.watch(way, side)]));
    const probesIn = (own: Side, other: Side, context: ContextName) =>
      way.roles.flatMap((role) =>
        firingsOf(way, role, known, own, other)
          .filter(({ isControl }) => !isControl || context === 'own')
          .flatMap(({ sql, isControl, group }) =>
            watched.get(isControl ? own : other)!.map(({ changed }): WayProbe => {
              const settings = this.#setup.sessionOf(context, own.tenant, other.tenant, role.name);
              const looks = { effect: changed, verify: changed };
              const attempt = { role: role.name, settings, sql, ...looks, ...(isControl ? {} : { settles: true }) };
              const about = { role, context, session: own.tenant, isControl, statement: `${sql};`, isCall: true };
              return { ...about, attempt, ...(group && context === 'own' ? { group: `${role.name} ${group}` } : {}) };
            }),
          ),
      );
    const probes = (context: ContextName) => [
      ...probesIn(pair.own, pair.other, context),
      ...(context === 'own' ? probesIn(pair.other, pair.own, context) : []),
    ];
    const before = [...watched.values()].flat().map((one) => one.before);
    const withBefore = { ...pair, own: { ...pair.own, after: before } };
    const tried = await this.#trials.inBothKinds(pair, (session, contexts) =>
      this.#trials.try(session, way, withBefore, contexts.flatMap(probes)),
    );
    return typeof tried === 'string' ? undecided(way, tried) : judgeRule(way, tried);
  }

  /** What is known of the table or view that has the rule, and of those behind it; or why it is better left alone. */
  async #read(way: RuleWay): Promise<Ruled | string> {
    const roles = way.roles.map(({ name }) => name);
    await this.#session.query('begin');
    try {
      await this.#session.query("set local lock_timeout = '250ms'; set local statement_timeout = '5s'");
      const [definition] = await this.#session.query<{ text: string | null }>(
        'select pg_catalog.pg_get_ruledef($1) as text',
        [way.rule.oid],
      );
      const outside = reachesOut(definition?.text ?? '');
      if (outside !== undefined) return `it reaches out of its transaction (${outside}): that no rollback undoes`;
      const tables = new Map<number, RowTable>();
      for (const relation of [way.relation, ...way.tables])
        tables.set(relation.oid, await readRowTable(this.#session, relation, roles));
      return { tables, words: wordsIn([definition?.text ?? '']) };
    } catch (error) {
      if (!this.#session.inTransaction) throw error;
      return messageOf(error);
    } finally {
      await this.#session.undo();
    }
  }

  /** Of a large table no more than a few rows are locked, and none is searched for. */
  async #whyTooMany(way: KeptWay, { own, other }: Pair, known: Ruled): Promise<string | undefined> {
    const questions = way.roles.flatMap((role) =>
      firingsOf(way, role, known, own, other).map(({ sql }) => ({
        role: role.name,
        settings: this.#setup.sessionOf('own', own.tenant, other.tenant, role.name),
        sql,
      })),
    );
    return whyTooMany(this.#session, way.tables, questions, LIMITS, true);
  }
}

/** With the column of its table or view that says whose a row is. */
interface KeptWay extends RuleWay {
  readonly tenantColumn: string | undefined;
}

/** Rows that a rule may take for each other's: alike in all but their keys, or with the words of its definition. */
function kindsOf({ words }: Ruled, { saysTenant = false }: Pair): RowKind[] {
  const about = { fillsTexts: true, saysTenant };
  const varied = Array.from({ length: MOST_VARIANTS }, (_, turn) => ({ ...about, varied: { words, turn } }));
  return [{ ...about, isAlike: true }, ...varied];
}

/** Statements with which a role sets a rule off, with the rows of two tenants. */
function firingsOf(way: KeptWay, role: RoleFacts, { tables }: Ruled, own: Side, other: Side): Firing[] {
  const { tenantColumn } = way;
  const ruled = tables.get(way.oid)!;
  const { type: ownerType } = way.tables[0]!.tenantColumn!;
  // What a view shows under a name is most likely what stands under that name behind it.
  const sources = [way.oid, ...way.tables.map(({ oid }) => oid)];
  const valueIn = ({ rows, tenant }: Side, name: string) => {
    if (name === tenantColumn) return tenant;
    const source = sources.find((oid) => rows.get(oid)?.values.has(name));
    return source === undefined ? undefined : rows.get(source)!.values.get(name);
  };
  const keys = new Set(
    sources.flatMap((oid) => {
      const table = tables.get(oid)!;
      return table.constraints.filter(({ kind }) => kind === 'unique').flatMap((one) => columnsOf(one, table));
    }),
  );
  const granted = way.rule.command === 'INSERT' ? ruled.insertable : ruled.updatable;
  const columns = ruled.columns
    .filter(({ name }) => way.rule.command === 'DELETE' || granted.get(role.name)?.has(name))
    .map((column): RuledColumn => {
      const { name, type } = column;
      const [fresh] = candidatesOf(column, { constraints: [], example: {} }, () => [], token());
      const said = { mine: valueIn(own, name), theirs: valueIn(other, name), fresh };
      const isOwner = name === tenantColumn;
      return { ...column, ...said, isOwner, isKey: keys.has(name) && !isOwner, isLikeOwner: type === ownerType };
    });
  const told = ruled.columns.find(
    ({ name }) => ruled.selectable.get(role.name)?.has(name) && valueIn(own, name) !== valueIn(other, name),
  );
  const teller = ruled.columns.find(({ name }) => name === tenantColumn) ?? told;
  const isValue = (side: Side) =>
    `${quoteIdentifier(teller!.name)} = ${sqlValue(valueIn(side, teller!.name)!, teller!.type)}`;
  const where = teller && { own: isValue(own), other: isValue(other) };
  return firings(way, columns, where, { own: own.tenant, other: other.tenant });
}

/** One row of another tenant refutes; what constraints refused, whoever's row it was, proves nothing. */
function judgeRule(way: RuleWay, tried: readonly { readonly probe: WayProbe; readonly tried: Tried }[]): WayProof {
  const proof = judgeWay(way, tried);
  if (proof.verdict === 'refuted') return proof;
  const errors = new Map<string, string>();
  const passed = new Set<string>();
  for (const { probe, tried: one } of tried) {
    if (probe.group === undefined) continue;
    if ('error' in one && one.sqlState !== SQLSTATE.insufficientPrivilege) errors.set(probe.group, one.error);
    else passed.add(probe.group);
  }
  const stopped = [...errors].find(([group]) => !passed.has(group));
  if (stopped !== undefined)
    return undecided(way, `what would be a row of another tenant came to nothing: ${stopped[1]}`);
  if (proof.reason?.endsWith(UNTOLD_ROW))
    return { ...proof, reason: proof.reason.replace(UNTOLD_ROW, 'nothing that was tried made it write a row') };
  return proof;
}
