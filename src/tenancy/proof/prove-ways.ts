import { messageOf } from '../../errors.ts';
import type { Session } from '../../postgres/session.ts';
import type { AskLimits } from '../ask.ts';
import type { ContextName, RlsFacts } from '../facts.ts';
import type { TenancySettings } from '../settings.ts';
import { CannotMake, type MadeRow, RowMaker, token } from './make-rows.ts';
import { makersFor } from './makers.ts';
import { OPEN_WAY, plantingSteps, plantingStepsOfWay, uncaughtWay } from './planted.ts';
import type { WayProof } from './proof.ts';
import { freshTenant } from './row-values.ts';
import { runAttempts, type Step } from './run-probes.ts';
import { findWays, judgeWay, type Marks, marksOf, probesOfWay, type Way, type WayProbe } from './ways.ts';

const LIMITS: AskLimits = { lockTimeoutMs: 250, statementTimeoutMs: 5_000 };

/** What a session says of itself. */
type SessionOf = (context: ContextName, own: string, other?: string, role?: string) => Readonly<Record<string, string>>;

/** Two tenants with a row in every table behind a way. */
interface Pair {
  readonly own: string;
  readonly other: string;
  readonly steps: readonly Step[];
  /** Without it, nothing of the rows is known. */
  readonly marks: Marks | undefined;
}

/** Proves with rows what comes through views, materialized views and functions that look at tables as somebody else. */
export class WayProver {
  readonly #session: Session;
  readonly #neverSet: Session;
  readonly #facts: RlsFacts;
  readonly #settings: TenancySettings;
  readonly #sessionOf: SessionOf;

  /** @param neverSet a session in which no setting was ever made */
  constructor(session: Session, neverSet: Session, facts: RlsFacts, settings: TenancySettings, sessionOf: SessionOf) {
    this.#session = session;
    this.#neverSet = neverSet;
    this.#facts = facts;
    this.#settings = settings;
    this.#sessionOf = sessionOf;
  }

  async proveAll(constantsIn: (text: string) => readonly string[]): Promise<WayProof[]> {
    const proofs: WayProof[] = [];
    for (const way of findWays(this.#facts)) {
      const proof = await this.#prove(way, constantsIn);
      if (!way.servesPolicy || proof.verdict === 'refuted') proofs.push(proof);
    }
    return proofs;
  }

  async #prove(way: Way, constantsIn: (text: string) => readonly string[]): Promise<WayProof> {
    const about = { object: way.object, kind: way.kind };
    const undecided = (reason: string): WayProof => ({ ...about, verdict: 'not-provable', reason });
    if (way.untried !== undefined) return undecided(way.untried);
    const pair = await this.#pair(way, constantsIn);
    const tenantColumn = await this.#tenantColumn(way);
    const role = (one: { readonly name: string }) => one.name;
    const probes = (contexts: readonly ContextName[]) =>
      contexts.flatMap((context) =>
        probesOfWay(
          {
            way,
            marks: pair.marks,
            tenantColumn,
            settings: (at, who) => this.#sessionOf(at, pair.own, pair.other, role(who)),
          },
          context,
        ),
      );
    const named = await this.#try(this.#session, way, pair, probes(['own', 'empty', 'garbage', 'unknown']));
    if (typeof named === 'string') return undecided(named);
    // Who has to name the tenant to make its rows cannot try what a session does that never named one.
    const isSet = pair.steps.some(({ settings }) => Object.keys(settings).length > 0);
    const unset = isSet ? [] : await this.#try(this.#neverSet, way, pair, probes(['unset']));
    return typeof unset === 'string' ? undecided(unset) : judgeWay(way, [...named, ...unset]);
  }

  /** Tries everything in one transaction, the planted view first; or says why nothing of it counts. */
  async #try(session: Session, way: Way, { own, other, steps }: Pair, probes: readonly WayProbe[]) {
    const type = way.tables[0]?.tenantColumn?.type ?? 'uuid';
    const control = { role: way.roles[0]!.name, settings: {}, sql: `select from pg_temp.${OPEN_WAY}` };
    const tried = await runAttempts(
      session,
      [...steps, ...plantingSteps(type, [own, other]), ...plantingStepsOfWay()],
      [control, ...probes.map(({ attempt }) => attempt)],
      LIMITS,
    );
    if ('error' in tried) return messageOf(tried.error);
    return uncaughtWay(tried[0]!) ?? probes.map((probe, at) => ({ probe, tried: tried[at + 1]! }));
  }

  /** Rows that are made for the occasion; what a materialized view holds was there before them. */
  async #pair(way: Way, constantsIn: (text: string) => readonly string[]): Promise<Pair> {
    const category = way.tables[0]?.tenantColumn?.category ?? 'U';
    const [own, other] = [freshTenant(category, token()), freshTenant(category, token())];
    const none: Pair = { own, other, steps: [], marks: undefined };
    if (way.kind === 'materialized view' || way.tables.length === 0) return none;
    // Texts that may stay empty are filled, if their constraints let them.
    for (const fillsTexts of [true, false]) {
      const made = await this.#makeRows(way, [own, other], constantsIn, fillsTexts);
      if (made !== undefined) return { own, other, ...made };
    }
    return none;
  }

  async #makeRows(
    way: Way,
    ids: readonly [string, string],
    constantsIn: (text: string) => readonly string[],
    fillsTexts: boolean,
  ): Promise<Pick<Pair, 'steps' | 'marks'> | undefined> {
    const ofTenant = (id: string) => this.#sessionOf('own', id);
    const maker = new RowMaker(this.#session, this.#facts, ofTenant, constantsIn, fillsTexts);
    const registry = [...this.#facts.tables.values()].find(({ isRegistry }) => isRegistry);
    await this.#session.query('begin');
    try {
      await this.#session.query("set local lock_timeout = '250ms'; set local statement_timeout = '5s'");
      const made = [new Map<number, MadeRow>(), new Map<number, MadeRow>()] as const;
      for (const [at, id] of ids.entries()) {
        if (registry !== undefined) await maker.makeTenant(registry, id, made[at]!);
        for (const table of way.tables) {
          const [who] = makersFor(this.#facts, table, ofTenant);
          if (who === undefined) throw new CannotMake(`nobody may make a row of ${table.name}`);
          await maker.make(table, id, who, made[at]!);
        }
      }
      const values = made.map((rows) => new Set([...rows.values()].flatMap((row) => [...row.values.values()])));
      const [ofOwn, ofOther] = values.map((all) => new Set([...all].filter((value) => value !== null)));
      const steps = made.flatMap((rows) => [...rows.values()].flatMap((row) => row.steps));
      return { steps: [...new Set(steps)], marks: marksOf(ofOwn!, ofOther!) };
    } catch (error) {
      if (!this.#session.inTransaction) throw error;
      return undefined;
    } finally {
      await this.#session.undo();
    }
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
