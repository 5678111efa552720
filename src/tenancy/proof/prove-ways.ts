import { messageOf } from '../../errors.ts';
import { quoteIdentifier, quoteLiteral } from '../../postgres/quote.ts';
import type { Session } from '../../postgres/session.ts';
import type { AskLimits } from '../ask.ts';
import { readBodies } from '../catalog/functions.ts';
import type { ContextName, RlsFacts, RoleFacts, TableFacts } from '../facts.ts';
import { sqlName } from '../proposal.ts';
import type { TenancySettings } from '../settings.ts';
import { type Belongings, callsWith, isEnumerable } from './calls.ts';
import { compareOutputs } from './compare-outputs.ts';
import { CannotMake, type MadeRow, RowMaker, token } from './make-rows.ts';
import { makersFor } from './makers.ts';
import { COUNTING_WAY, countedRow, OPEN_WAY, plantingSteps, plantingStepsOfWay, uncaughtWay } from './planted.ts';
import type { WayProof } from './proof.ts';
import { freshTenant } from './row-values.ts';
import { runAttempts, type Step } from './run-probes.ts';
import { MOST_VARIANTS, variedRows, wordsIn } from './varied-rows.ts';
import { comparisonsOf, judgeComparisons, type WayComparison } from './way-comparisons.ts';
import {
  findWays,
  judgeWay,
  type Marks,
  marksOf,
  probesOfCalls,
  probesOfWay,
  type Watched,
  type Way,
  type WayProbe,
  writesThrough,
  writtenThrough,
} from './ways.ts';

const LIMITS: AskLimits = { lockTimeoutMs: 250, statementTimeoutMs: 5_000 };

/** What a session says of itself. */
type SessionOf = (context: ContextName, own: string, other?: string, role?: string) => Readonly<Record<string, string>>;

interface WaySetup {
  /** A session in which no setting was ever made. */
  readonly neverSet: Session;
  readonly facts: RlsFacts;
  readonly settings: TenancySettings;
  /** What is called for what it does is called as well. */
  readonly callsWriters: boolean;
  /** A user of each tenant that was made up. */
  readonly users: Map<string, string>;
}

/** A tenant with a row in every table behind a way. */
interface Side extends Belongings {
  readonly steps: readonly Step[];
  /** What is run once the rows of both tenants are there. */
  readonly after?: readonly Step[];
}

interface Pair {
  readonly own: Side;
  readonly other: Side;
  /** Without it, nothing of the rows is known. */
  readonly marks: Marks | undefined;
}

/** Proves with rows what comes through views, materialized views and functions that look at tables as somebody else. */
export class WayProver {
  readonly #session: Session;
  readonly #neverSet: Session;
  readonly #facts: RlsFacts;
  readonly #settings: TenancySettings;
  readonly #users: Map<string, string>;
  readonly #callsWriters: boolean;
  readonly #sessionOf: SessionOf;

  constructor(session: Session, { neverSet, facts, settings, users, callsWriters }: WaySetup, sessionOf: SessionOf) {
    this.#session = session;
    this.#neverSet = neverSet;
    this.#facts = facts;
    this.#settings = settings;
    this.#users = users;
    this.#callsWriters = callsWriters;
    this.#sessionOf = sessionOf;
  }

  /** @param onWay called before each */
  async proveAll(
    constantsIn: (text: string) => readonly string[],
    onWay: (object: string) => void,
  ): Promise<WayProof[]> {
    const proofs: WayProof[] = [];
    const bodies = this.#facts.definers.length === 0 ? [] : await readBodies(this.#session);
    for (const way of findWays(this.#facts, bodies, this.#callsWriters)) {
      onWay(way.object);
      const proof = await this.#prove(way, constantsIn);
      if (!way.servesPolicy || proof.verdict === 'refuted') proofs.push(proof);
    }
    return proofs;
  }

  async #prove(way: Way, constantsIn: (text: string) => readonly string[]): Promise<WayProof> {
    if (way.untried !== undefined)
      return { object: way.object, kind: way.kind, verdict: 'not-provable', reason: way.untried };
    const pair = await this.#pair(way, constantsIn);
    if (way.writes === 'only') return whatIsProvedOf(way, await this.#proveByCalling(way, pair));
    const shown = await this.#proveByRows(way, pair);
    const isOpen = shown.verdict === 'not-provable' && pair.marks !== undefined;
    const usual = isOpen ? await this.#proveByChange(way, pair, shown) : shown;
    const proof =
      usual.verdict === 'refuted' ? usual : ((await this.#refuteByOtherRows(way, pair, constantsIn)) ?? usual);
    if (proof.verdict === 'proved' && way.kind === 'view') return this.#proveByWriting(way, pair, proof);
    if (!way.writes || !this.#callsWriters || proof.verdict === 'refuted') return whatIsProvedOf(way, proof);
    const called = await this.#proveByCalling(way, pair);
    // What only shows changes nothing of its own rows either.
    return whatIsProvedOf(way, called.verdict === 'not-provable' && proof.verdict === 'proved' ? proof : called);
  }

  /** Looks for a row of the other tenant among those that come out of the way. */
  async #proveByRows(way: Way, pair: Pair): Promise<WayProof> {
    const tenantColumn = await this.#tenantColumn(way);
    const parameters = way.parameters ?? [];
    const inSessionOf = (own: Side, other: Side, marks: Marks | undefined) => ({
      way,
      session: own.tenant,
      marks,
      calls: { own: callsWith(parameters, own, own.tenant), other: callsWith(parameters, other, own.tenant) },
      tenantColumn,
      settings: (at: ContextName, { name }: RoleFacts) => this.#sessionOf(at, own.tenant, other.tenant, name),
    });
    const { own, other, marks } = pair;
    const setup = inSessionOf(own, other, marks);
    const reverse = inSessionOf(other, own, marks && { own: marks.other, other: marks.own });
    const probes = (context: ContextName) => [
      ...probesOfWay(setup, context),
      ...(context === 'own' ? probesOfWay(reverse, context) : []),
    ];
    const tried = await this.#inBothKinds(pair, (session, contexts) =>
      this.#try(session, way, pair, contexts.flatMap(probes)),
    );
    return typeof tried === 'string' ? undecided(way, tried) : judgeWay(way, tried);
  }

  /** Looks for a row that comes out of the way for what stands in it: `or status = 'public'`. */
  async #refuteByOtherRows(
    way: Way,
    usual: Pair,
    constantsIn: (text: string) => readonly string[],
  ): Promise<WayProof | undefined> {
    if (usual.marks === undefined) return undefined;
    const words = wordsIn([...way.texts, ...(await this.#definitions(way))]);
    for (let turn = 0; turn < MOST_VARIANTS; turn++) {
      const ids = [freshTenant(categoryOf(way), token()), freshTenant(categoryOf(way), token())] as const;
      const pair = await this.#makeRows(way, ids, constantsIn, { fillsTexts: true, varied: { words, turn } });
      if (pair === undefined) continue;
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
    if (way.tables.length === 0 || pair.marks === undefined)
      return undecided(way, 'no rows could be made of which it could be told what it does to them');
    const { own, other, marks } = pair;
    const parameters = way.parameters ?? [];
    const watched = new Map([own, other].map((side) => [side, this.#watch(way, side)]));
    const inSessionOf = (mine: Side, theirs: Side, told: Marks, context: ContextName) =>
      probesOfCalls(
        {
          way,
          session: mine.tenant,
          marks: told,
          calls: { own: callsWith(parameters, mine, mine.tenant), other: callsWith(parameters, theirs, mine.tenant) },
          tenantColumn: undefined,
          settings: (at, { name }) => this.#sessionOf(at, mine.tenant, theirs.tenant, name),
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
    const tried = await this.#inBothKinds(pair, (session, contexts) =>
      this.#try(session, way, withBefore, contexts.flatMap(probes)),
    );
    return typeof tried === 'string' ? undecided(way, tried) : judgeWay(way, tried);
  }

  /** Looks whether rows that a view shows can be given to the other tenant through it: it writes as its owner. */
  async #proveByWriting(way: Way, pair: Pair, proof: WayProof): Promise<WayProof> {
    const tenantColumn = await this.#tenantColumn(way);
    const writers = way.roles.filter((role) => way.writers.get(role.oid)?.size);
    if (tenantColumn === undefined || way.tables.length !== 1 || writers.length === 0) return proof;
    const columns = await this.#copiedColumns(way, tenantColumn);
    const { own, other } = pair;
    const [watched] = this.#watch(way, other);
    if (watched === undefined || pair.marks === undefined) return proof;
    const sessionOf = (role: RoleFacts) => this.#sessionOf('own', own.tenant, other.tenant, role.name);
    const probes = writers.flatMap((role) =>
      writesThrough(way, role, { tenantColumn, columns, tenant: other.tenant, settings: sessionOf(role), watched }),
    );
    const withBefore = { ...pair, own: { ...own, after: [watched.before] } };
    const tried = await this.#try(this.#session, way, withBefore, probes);
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

  /** What there is of a tenant's rows in the tables behind the way, before and after a call. */
  #watch(way: Way, { tenant }: Side): Watched[] {
    return way.tables.flatMap((table): Watched[] => {
      const [maker] = makersFor(this.#facts, table, (id) => this.#sessionOf('own', id));
      if (maker === undefined) return [];
      const { name, type } = table.tenantColumn!;
      const rows = `select pg_catalog.md5(coalesce(pg_catalog.string_agg(x::text, ',' order by x::text), '')) from ${sqlName(table)} x where x.${quoteIdentifier(name)} = ${quoteLiteral(tenant)}::${type}`;
      const setting = quoteLiteral(`aisha_db.before_${table.oid}_${token()}`);
      const as = { role: maker.role, settings: maker.settings(tenant) };
      return [
        {
          before: { ...as, sql: `select pg_catalog.set_config(${setting}, (${rows}), true)` },
          changed: { ...as, sql: `select (${rows}) is distinct from pg_catalog.current_setting(${setting}, true)` },
        },
      ];
    });
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
        this.#sessionOf(at, own, other, name),
    };
    const compared = await this.#inBothKinds(pair, (session, contexts) =>
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

  /** In sessions that named a tenant, and in one that never did; or why nothing of it counts. */
  async #inBothKinds<T>(
    { own, other }: Pair,
    attempt: (session: Session, contexts: readonly ContextName[]) => Promise<T[] | string>,
  ): Promise<T[] | string> {
    const named = await attempt(this.#session, ['own', 'empty', 'garbage', 'unknown']);
    // Who has to name the tenant to make its rows cannot try what a session does that never named one.
    const isSet = [...own.steps, ...other.steps].some(({ settings }) => Object.keys(settings).length > 0);
    if (typeof named === 'string' || isSet) return named;
    const unset = await attempt(this.#neverSet, ['unset']);
    return typeof unset === 'string' ? unset : [...named, ...unset];
  }

  /** Tries everything in one transaction, the planted view first; or says why nothing of it counts. */
  async #try(session: Session, way: Way, { own, other }: Pair, probes: readonly WayProbe[]) {
    const control = { role: way.roles[0]!.name, settings: {}, sql: `select from pg_temp.${OPEN_WAY}` };
    const tried = await runAttempts(
      session,
      [...new Set([...own.steps, ...other.steps]), ...this.#planting(way, own, other), ...(own.after ?? [])],
      [control, ...probes.map(({ attempt }) => attempt)],
      LIMITS,
    );
    if ('error' in tried) return messageOf(tried.error);
    return uncaughtWay(tried[0]!) ?? probes.map((probe, at) => ({ probe, tried: tried[at + 1]! }));
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
      this.#planting(way, own, other),
      [control, ...comparisons.map(({ comparison }) => comparison)],
      LIMITS,
    );
    if ('error' in compared) return messageOf(compared.error);
    const caught = compared[0]!;
    if (!('changed' in caught) || !caught.changed) return 'a view that counts what it should not was not caught';
    return comparisons.map((of, at) => ({ of, compared: compared[at + 1]! }));
  }

  #planting(way: Way, own: Side, other: Side): Step[] {
    return [...plantingSteps(typeOf(way), [own.tenant, other.tenant]), ...plantingStepsOfWay()];
  }

  /** Rows that are made for the occasion; what a materialized view holds was there before them. */
  async #pair(way: Way, constantsIn: (text: string) => readonly string[]): Promise<Pair> {
    const category = categoryOf(way);
    const bare = (tenant: string): Side => ({ tenant, values: new Set(), steps: [] });
    const ids = [freshTenant(category, token()), freshTenant(category, token())] as const;
    const none: Pair = { own: bare(ids[0]), other: bare(ids[1]), marks: undefined };
    if (way.kind === 'materialized view' || way.tables.length === 0) return none;
    // Texts that may stay empty are filled, if their constraints let them.
    for (const fillsTexts of [true, false]) {
      const made = await this.#makeRows(way, ids, constantsIn, { fillsTexts });
      if (made !== undefined) return made;
    }
    return none;
  }

  async #makeRows(
    way: Way,
    ids: readonly [string, string],
    constantsIn: (text: string) => readonly string[],
    { fillsTexts, varied }: RowKind,
  ): Promise<Pair | undefined> {
    const ofTenant = (id: string) => this.#sessionOf('own', id);
    const maker = new RowMaker(this.#session, this.#facts, ofTenant, constantsIn, { fillsTexts, tellsKeys: true });
    const registry = [...this.#facts.tables.values()].find(({ isRegistry }) => isRegistry);
    await this.#session.query('begin');
    try {
      await this.#session.query("set local lock_timeout = '250ms'; set local statement_timeout = '5s'");
      const made = [new Map<number, MadeRow>(), new Map<number, MadeRow>()] as const;
      let hasVaried = false;
      for (const [at, id] of ids.entries()) {
        if (at === 1) for (const [oid, row] of this.#shared(made[0])) made[1].set(oid, row);
        if (registry !== undefined) await maker.makeTenant(registry, id, made[at]!);
        await maker.makeMember(id, this.#users, made[at]!);
        for (const table of way.tables) {
          const [who] = makersFor(this.#facts, table, ofTenant);
          if (who === undefined) throw new CannotMake(`nobody may make a row of ${table.name}`);
          const given = varied && variedRows(await maker.table(table, who), fixedIn(table), varied.words)[varied.turn];
          hasVaried ||= given !== undefined;
          await maker.make(table, id, who, made[at]!, given);
        }
      }
      if (varied !== undefined && !hasVaried) return undefined;
      const [own, other] = made.map((rows, at) => sideOf(ids[at]!, rows));
      return { own: own!, other: other!, marks: marksOf(own!.values, other!.values) };
    } catch (error) {
      if (!this.#session.inTransaction) throw error;
      return undefined;
    } finally {
      await this.#session.undo();
    }
  }

  /** Rows of tables without tenants, which the rows of either tenant may refer to. */
  #shared(made: ReadonlyMap<number, MadeRow>): (readonly [number, MadeRow])[] {
    return [...made].filter(([oid]) => this.#facts.tables.get(oid)?.tenantColumn === undefined);
  }

  /** The column of a view that says whose a row is. */
  async #tenantColumn({ kind, oid }: Way): Promise<string | undefined> {
    if (kind === 'function') return undefined;
    const rows = await this.#session.query<{ name: string }>(
      `select attname as name from pg_catalog.pg_attribute
       where attrelid = $1 and attname = any ($2::name[]) and attnum > 0 and not attisdropped
       order by array_position($2::name[], attname) limit 1`,
      [oid, this.#settings.columns],
    );
    return rows[0]?.name;
  }
}

/** How the rows of a way are made. */
interface RowKind {
  /** Texts that may stay empty are filled. */
  readonly fillsTexts: boolean;
  /** They hold words of the definition, others in each turn. */
  readonly varied?: { readonly words: readonly string[]; readonly turn: number };
}

function categoryOf({ tables }: Way): string {
  return tables[0]?.tenantColumn?.category ?? 'U';
}

/** Columns whose values refer to a row, or say whose it is. */
function fixedIn({ tenantColumn, foreignKeys }: TableFacts): ReadonlySet<string> {
  return new Set([tenantColumn!.name, ...foreignKeys.flatMap(({ columnNames }) => columnNames)]);
}

function sideOf(tenant: string, rows: ReadonlyMap<number, MadeRow>): Side {
  const all = [...rows.values()];
  const values = all.flatMap((row) => [...row.values.values()]).filter((value) => value !== null);
  return { tenant, values: new Set(values), steps: [...new Set(all.flatMap(({ steps }) => steps))] };
}

function typeOf({ tables }: Way): string {
  return tables[0]?.tenantColumn?.type ?? 'uuid';
}

function whatIsProvedOf(way: Way, proof: WayProof): WayProof {
  return proof.verdict === 'proved' ? whatIsProved(way, proof) : proof;
}

function undecided({ object, kind }: Way, reason: string): WayProof {
  return { object, kind, verdict: 'not-provable', reason };
}

/** Of keys and switches all that matters was tried; what another text would show nobody knows. */
function whatIsProved(way: Way, proof: WayProof): WayProof {
  const open = (way.parameters ?? []).filter((parameter) => !isEnumerable(parameter));
  if (open.length === 0) return proof;
  const types = [...new Set(open.map(({ type }) => type))].join(', ');
  return undecided(way, `no call of it showed a row of another tenant, but not every ${types} could be tried`);
}
