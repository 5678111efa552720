import { messageOf } from '../../errors.ts';
import type { Session } from '../../postgres/session.ts';
import { readBodies } from '../catalog/functions.ts';
import type { ContextName, RlsFacts, RoleFacts } from '../facts.ts';
import { callsWith, isEnumerable } from './calls.ts';
import { compareOutputs } from './compare-outputs.ts';
import { token } from './make-rows.ts';
import { COUNTING_WAY, countedRow } from './planted.ts';
import type { WayProof } from './proof.ts';
import { RuleProver } from './prove-rules.ts';
import { freshTenant } from './row-values.ts';
import { waysOfRules } from './rule-ways.ts';
import { MOST_VARIANTS, wordsIn } from './varied-rows.ts';
import { comparisonsOf, judgeComparisons, type WayComparison } from './way-comparisons.ts';
import {
  categoryOf,
  LIMITS,
  type Pair,
  type Side,
  typeOf,
  undecided,
  untold,
  type WaySetup,
  WayTrials,
} from './way-trials.ts';
import {
  findWays,
  judgeWay,
  type Marks,
  probesOfCalls,
  probesOfWay,
  type Way,
  writesThrough,
  writtenThrough,
} from './ways.ts';

/** Proves with rows what comes through views, materialized views and functions that look at tables as somebody else. */
export class WayProver {
  readonly #session: Session;
  readonly #trials: WayTrials;
  readonly #setup: WaySetup;

  constructor(session: Session, setup: WaySetup) {
    this.#session = session;
    this.#setup = setup;
    this.#trials = new WayTrials(session, setup);
  }

  get #facts(): RlsFacts {
    return this.#setup.facts;
  }

  /** @param onWay called before each */
  async proveAll(onWay: (object: string) => void): Promise<WayProof[]> {
    const proofs: WayProof[] = [];
    const bodies = this.#facts.definers.length === 0 ? [] : await readBodies(this.#session);
    for (const way of findWays(this.#facts, bodies, this.#setup.callsWriters)) {
      onWay(way.object);
      const proof = await this.#prove(way);
      if (!way.servesPolicy || proof.verdict === 'refuted') proofs.push(proof);
    }
    const rules = new RuleProver(this.#session, this.#trials, this.#setup);
    for (const way of waysOfRules(this.#facts)) {
      onWay(way.object);
      proofs.push(await rules.prove(way));
    }
    return proofs;
  }

  async #prove(way: Way): Promise<WayProof> {
    if (way.untried !== undefined)
      return { object: way.object, kind: way.kind, verdict: 'not-provable', reason: way.untried };
    const pair = await this.#trials.pair(way);
    if (way.writes === 'only') return whatIsProvedOf(way, await this.#proveByCalling(way, pair));
    const shown = await this.#proveByRows(way, pair);
    const isOpen = shown.verdict === 'not-provable' && pair.marks !== undefined;
    const usual = isOpen ? await this.#proveByChange(way, pair, shown) : shown;
    const proof = usual.verdict === 'refuted' ? usual : ((await this.#refuteByOtherRows(way, pair)) ?? usual);
    if (proof.verdict === 'proved' && way.kind === 'view') return this.#proveByWriting(way, pair, proof);
    if (!way.writes || !this.#setup.callsWriters || proof.verdict === 'refuted') return whatIsProvedOf(way, proof);
    const called = await this.#proveByCalling(way, pair);
    // What only shows changes nothing of its own rows either.
    return whatIsProvedOf(way, called.verdict === 'not-provable' && proof.verdict === 'proved' ? proof : called);
  }

  /** Looks for a row of the other tenant among those that come out of the way. */
  async #proveByRows(way: Way, pair: Pair): Promise<WayProof> {
    const tenantColumn = await this.#trials.tenantColumn(way);
    const parameters = way.parameters ?? [];
    const inSessionOf = (own: Side, other: Side, marks: Marks | undefined) => ({
      way,
      session: own.tenant,
      marks,
      calls: { own: callsWith(parameters, own, own.tenant), other: callsWith(parameters, other, own.tenant) },
      tenantColumn,
      settings: (at: ContextName, { name }: RoleFacts) => this.#setup.sessionOf(at, own.tenant, other.tenant, name),
    });
    const { own, other, marks } = pair;
    const setup = inSessionOf(own, other, marks);
    const reverse = inSessionOf(other, own, marks && { own: marks.other, other: marks.own });
    const probes = (context: ContextName) => [
      ...probesOfWay(setup, context),
      ...(context === 'own' ? probesOfWay(reverse, context) : []),
    ];
    const tried = await this.#trials.inBothKinds(pair, (session, contexts) =>
      this.#trials.try(session, way, pair, contexts.flatMap(probes)),
    );
    return typeof tried === 'string' ? undecided(way, tried) : judgeWay(way, tried);
  }

  /** Looks for a row that comes out of the way for what stands in it: `or status = 'public'`. */
  async #refuteByOtherRows(way: Way, usual: Pair): Promise<WayProof | undefined> {
    if (usual.marks === undefined) return undefined;
    const words = wordsIn([...way.texts, ...(await this.#definitions(way))]);
    for (let turn = 0; turn < MOST_VARIANTS; turn++) {
      const ids = [freshTenant(categoryOf(way), token()), freshTenant(categoryOf(way), token())] as const;
      const pair = await this.#trials.makeRows(way, ids, { fillsTexts: true, varied: { words, turn } });
      if (typeof pair !== 'object') continue;
      const proof = await this.#proveByRows(way, pair);
      if (proof.verdict === 'refuted') return proof;
    }
    return undefined;
  }

  /** Where somebody has locked a view, its words are not known. */
  async #definitions({ views }: Way): Promise<string[]> {
    if (views.length === 0) return [];
    await this.#session.query('begin');
    try {
      await this.#session.query("set local lock_timeout = '250ms'; set local statement_timeout = '5s'");
      const rows = await this.#session.query<{ text: string | null }>(
        'select pg_catalog.pg_get_viewdef(v.oid) as text from pg_catalog.unnest($1::oid[]) v (oid)',
        [views],
      );
      return rows.flatMap(({ text }) => text ?? []);
    } catch (error) {
      if (!this.#session.inTransaction) throw error;
      return [];
    } finally {
      await this.#session.undo();
    }
  }

  /** Looks whether a call shows the other tenant's rows or makes them other than they were. */
  async #proveByCalling(way: Way, pair: Pair): Promise<WayProof> {
    if (way.tables.length === 0 || pair.marks === undefined) return undecided(way, untold(pair));
    const { own, other, marks } = pair;
    const parameters = way.parameters ?? [];
    const watched = new Map([own, other].map((side) => [side, this.#trials.watch(way, side)]));
    const inSessionOf = (mine: Side, theirs: Side, told: Marks, context: ContextName) =>
      probesOfCalls(
        {
          way,
          session: mine.tenant,
          marks: told,
          calls: { own: callsWith(parameters, mine, mine.tenant), other: callsWith(parameters, theirs, mine.tenant) },
          tenantColumn: undefined,
          settings: (at, { name }) => this.#setup.sessionOf(at, mine.tenant, theirs.tenant, name),
        },
        { own: watched.get(mine)!, other: watched.get(theirs)! },
        context,
      );
    const probes = (context: ContextName) => [
      ...inSessionOf(own, other, marks, context),
      ...(context === 'own' ? inSessionOf(other, own, { own: marks.other, other: marks.own }, context) : []),
    ];
    const before = [...watched.values()].flat().map((one) => one.before);
    const withBefore = { ...pair, own: { ...own, after: before } };
    const tried = await this.#trials.inBothKinds(pair, (session, contexts) =>
      this.#trials.try(session, way, withBefore, contexts.flatMap(probes)),
    );
    return typeof tried === 'string' ? undecided(way, tried) : judgeWay(way, tried);
  }

  /** Looks whether rows that a view shows can be given to the other tenant through it: it writes as its owner. */
  async #proveByWriting(way: Way, pair: Pair, proof: WayProof): Promise<WayProof> {
    const tenantColumn = await this.#trials.tenantColumn(way);
    const writers = way.roles.filter((role) => way.writers.get(role.oid)?.size);
    if (tenantColumn === undefined || way.tables.length !== 1 || writers.length === 0) return proof;
    const columns = await this.#copiedColumns(way, tenantColumn);
    const { own, other } = pair;
    const [watched] = this.#trials.watch(way, other);
    if (watched === undefined || pair.marks === undefined) return proof;
    const sessionOf = (role: RoleFacts) => this.#setup.sessionOf('own', own.tenant, other.tenant, role.name);
    const probes = writers.flatMap((role) =>
      writesThrough(way, role, { tenantColumn, columns, tenant: other.tenant, settings: sessionOf(role), watched }),
    );
    const withBefore = { ...pair, own: { ...own, after: [watched.before] } };
    const tried = await this.#trials.try(this.#session, way, withBefore, probes);
    return typeof tried === 'string' ? undecided(way, tried) : (writtenThrough(way, tried) ?? proof);
  }

  /** Columns of a view that a copy of one of its rows may have as well. */
  async #copiedColumns({ oid, tables: [table] }: Way, tenantColumn: string): Promise<string[]> {
    const rows = await this.#session.query<{ name: string }>(
      `select v.attname as name
       from pg_catalog.pg_attribute v
       join pg_catalog.pg_attribute t on t.attrelid = $2 and t.attname = v.attname
       where v.attrelid = $1 and v.attnum > 0 and not v.attisdropped and v.attname <> $3
         and t.attgenerated = '' and t.attidentity = ''
         and not exists (
           select from pg_catalog.pg_index i
           where i.indrelid = t.attrelid and i.indisunique and t.attnum = any (i.indkey::int2[])
         )
       order by v.attnum`,
      [oid, table!.oid, tenantColumn],
    );
    return rows.map(({ name }) => name);
  }

  /** Looks whether what the way shows changes when the other tenant gets a row. */
  async #proveByChange(way: Way, pair: Pair, shown: WayProof): Promise<WayProof> {
    const parameters = way.parameters ?? [];
    const side = (one: Side) => ({ id: one.tenant, steps: one.steps, calls: callsWith(parameters, one, one.tenant) });
    const setup = {
      way,
      own: side(pair.own),
      other: side(pair.other),
      settings: (at: ContextName, own: string, other: string, { name }: RoleFacts) =>
        this.#setup.sessionOf(at, own, other, name),
    };
    const compared = await this.#trials.inBothKinds(pair, (session, contexts) =>
      this.#compare(
        session,
        way,
        pair,
        contexts.flatMap((context) => comparisonsOf(setup, context)),
      ),
    );
    if (typeof compared === 'string') return shown;
    return judgeComparisons(way, compared);
  }

  /** The same of comparisons: the planted view that counts everybody's rows has to change. */
  async #compare(session: Session, way: Way, { own, other }: Pair, comparisons: readonly WayComparison[]) {
    const sql = `select count::text from pg_temp.${COUNTING_WAY}`;
    const control = {
      shown: { role: way.roles[0]!.name, settings: {}, sql },
      before: [],
      change: [countedRow(typeOf(way), other.tenant)],
    };
    const compared = await compareOutputs(
      session,
      this.#trials.planting(way, own, other),
      [control, ...comparisons.map(({ comparison }) => comparison)],
      LIMITS,
    );
    if ('error' in compared) return messageOf(compared.error);
    const caught = compared[0]!;
    if (!('changed' in caught) || !caught.changed) return 'a view that counts what it should not was not caught';
    return comparisons.map((of, at) => ({ of, compared: compared[at + 1]! }));
  }
}

function whatIsProvedOf(way: Way, proof: WayProof): WayProof {
  return proof.verdict === 'proved' ? whatIsProved(way, proof) : proof;
}

/** Of keys and switches all that matters was tried; what another text would show nobody knows. */
function whatIsProved(way: Way, proof: WayProof): WayProof {
  const open = (way.parameters ?? []).filter((parameter) => !isEnumerable(parameter));
  if (open.length === 0) return proof;
  const types = [...new Set(open.map(({ type }) => type))].join(', ');
  return undecided(way, `no call of it showed a row of another tenant, but not every ${types} could be tried`);
}
