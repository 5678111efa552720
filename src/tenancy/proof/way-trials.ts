import { messageOf } from '../../errors.ts';
import { quoteIdentifier, quoteLiteral } from '../../postgres/quote.ts';
import type { Session } from '../../postgres/session.ts';
import type { AskLimits } from '../ask.ts';
import type { ContextName, RlsFacts, TableFacts } from '../facts.ts';
import { sqlName } from '../proposal.ts';
import type { TenancySettings } from '../settings.ts';
import type { Belongings } from './calls.ts';
import { CannotMake, type MadeRow, RowMaker, token } from './make-rows.ts';
import { makersFor } from './makers.ts';
import { OPEN_WAY, plantingSteps, plantingStepsOfWay, uncaughtWay } from './planted.ts';
import type { WayProof } from './proof.ts';
import type { RowColumn } from './row-columns.ts';
import { freshTenant, type Value } from './row-values.ts';
import { runAttempts, type Step } from './run-probes.ts';
import { freeColumns, variedRows } from './varied-rows.ts';
import { type Marks, marksOf, type Watched, type Way, type WayProbe } from './ways.ts';

/** No lock is waited for, and a lock on a row is held no longer than this, in milliseconds. */
export const LIMITS: AskLimits = { lockTimeoutMs: 250, statementTimeoutMs: 5_000 };

/** What a session says of itself. */
type SessionOf = (context: ContextName, own: string, other?: string, role?: string) => Readonly<Record<string, string>>;

export interface WaySetup {
  /** A session in which no setting was ever made. */
  readonly neverSet: Session;
  readonly facts: RlsFacts;
  readonly settings: TenancySettings;
  /** What is called for what it does is called as well. */
  readonly callsWriters: boolean;
  /** A user of each tenant that was made up. */
  readonly users: Map<string, string>;
  /** Constants of an expression: what its checks mention may please a column. */
  readonly constantsIn: (text: string) => readonly string[];
  readonly sessionOf: SessionOf;
}

/** A tenant with a row in every table behind a way. */
export interface Side extends Belongings {
  readonly steps: readonly Step[];
  /** By the OID of their table. */
  readonly rows: ReadonlyMap<number, MadeRow>;
  /** What is run once the rows of both tenants are there. */
  readonly after?: readonly Step[];
}

export interface Pair {
  readonly own: Side;
  readonly other: Side;
  /** Without it, nothing of the rows is known. */
  readonly marks: Marks | undefined;
  /** Whoever makes its rows names their tenant. */
  readonly saysTenant?: boolean;
  /** Why none could be made. */
  readonly unmade?: string | undefined;
}

/** Makes rows behind ways around the tables, and tries statements on them, in transactions that are rolled back. */
export class WayTrials {
  readonly #session: Session;
  readonly #neverSet: Session;
  readonly #facts: RlsFacts;
  readonly #settings: TenancySettings;
  readonly #users: Map<string, string>;
  readonly #constantsIn: (text: string) => readonly string[];
  readonly #sessionOf: SessionOf;

  constructor(session: Session, { neverSet, facts, settings, users, constantsIn, sessionOf }: WaySetup) {
    this.#session = session;
    this.#neverSet = neverSet;
    this.#facts = facts;
    this.#settings = settings;
    this.#users = users;
    this.#constantsIn = constantsIn;
    this.#sessionOf = sessionOf;
  }

  /** What there is of a tenant's rows in the tables behind the way, before and after a call. */
  watch(way: Way, { tenant }: Side): Watched[] {
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

  /** In sessions that named a tenant, and in one that never did; or why nothing of it counts. */
  async inBothKinds<T>(
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
  async try(session: Session, way: Way, { own, other }: Pair, probes: readonly WayProbe[]) {
    const control = { role: way.roles[0]!.name, settings: {}, sql: `select from pg_temp.${OPEN_WAY}` };
    const tried = await runAttempts(
      session,
      [...new Set([...own.steps, ...other.steps]), ...this.planting(way, own, other), ...(own.after ?? [])],
      [control, ...probes.map(({ attempt }) => attempt)],
      LIMITS,
    );
    if ('error' in tried) return messageOf(tried.error);
    return uncaughtWay(tried[0]!) ?? probes.map((probe, at) => ({ probe, tried: tried[at + 1]! }));
  }

  planting(way: Way, own: Side, other: Side): Step[] {
    return [...plantingSteps(typeOf(way), [own.tenant, other.tenant]), ...plantingStepsOfWay()];
  }

  /** Rows that are made for the occasion; what a materialized view holds was there before them. */
  async pair(way: Way): Promise<Pair> {
    const category = categoryOf(way);
    const bare = (tenant: string): Side => ({ tenant, values: new Set(), steps: [], rows: new Map() });
    const ids = [freshTenant(category, token()), freshTenant(category, token())] as const;
    const none: Pair = { own: bare(ids[0]), other: bare(ids[1]), marks: undefined };
    if (way.kind === 'materialized view' || way.tables.length === 0) return none;
    // Texts that may stay empty are filled, if their constraints let them.
    let unmade: string | undefined;
    const kinds: RowKind[] = [{ fillsTexts: true }, { fillsTexts: false }];
    // What a rule does as they are made, its owner does, whose session has to say whose they are if RLS binds it.
    if (way.kind === 'rule') kinds.push({ fillsTexts: true, saysTenant: true });
    for (const kind of kinds) {
      const made = await this.makeRows(way, ids, kind);
      if (typeof made === 'object') return made;
      unmade = made;
    }
    return { ...none, unmade };
  }

  /**
   * Makes a row of each of two tenants in every table of a way, and undoes it.
   * @returns why none could be made; `undefined` where there is no such kind of rows
   */
  async makeRows(
    way: Way,
    ids: readonly [string, string],
    { fillsTexts, varied, isAlike = false, saysTenant = false }: RowKind,
  ): Promise<Pair | string | undefined> {
    const ofTenant = (id: string) => this.#sessionOf('own', id);
    const maker = new RowMaker(this.#session, this.#facts, ofTenant, this.#constantsIn, {
      fillsTexts,
      tellsKeys: true,
    });
    const registry = [...this.#facts.tables.values()].find(({ isRegistry }) => isRegistry);
    await this.#session.query('begin');
    try {
      await this.#session.query("set local lock_timeout = '250ms'; set local statement_timeout = '5s'");
      const made = [new Map<number, MadeRow>(), new Map<number, MadeRow>()] as const;
      const contents = new Contents();
      let hasVaried = false;
      for (const [at, id] of ids.entries()) {
        if (at === 1) for (const [oid, row] of this.#shared(made[0])) made[1].set(oid, row);
        if (registry !== undefined) await maker.makeTenant(registry, id, made[at]!);
        await maker.makeMember(id, this.#users, made[at]!);
        for (const table of way.tables) {
          const [who] = makersFor(this.#facts, table, ofTenant);
          if (who === undefined) throw new CannotMake(`nobody may make a row of ${table.name}`);
          const author = saysTenant ? { ...who, settings: ofTenant } : who;
          const known = await maker.table(table, author);
          const free = freeColumns(known, fixedIn(table));
          const given = varied ? variedRows(known, fixedIn(table), varied.words)[varied.turn] : contents.of(free);
          hasVaried ||= given !== undefined;
          const row = await maker.make(table, id, author, made[at]!, given);
          if (isAlike) contents.keep(free, row);
        }
      }
      if (varied !== undefined && !hasVaried) return undefined;
      const [own, other] = made.map((rows, at) => sideOf(ids[at]!, rows));
      return { own: own!, other: other!, marks: marksOf(own!.values, other!.values), saysTenant };
    } catch (error) {
      if (!this.#session.inTransaction) throw error;
      return messageOf(error);
    } finally {
      await this.#session.undo();
    }
  }

  /** Rows of tables without tenants, which the rows of either tenant may refer to. */
  #shared(made: ReadonlyMap<number, MadeRow>): (readonly [number, MadeRow])[] {
    return [...made].filter(([oid]) => this.#facts.tables.get(oid)?.tenantColumn === undefined);
  }

  /** The column of a view that says whose a row is. */
  async tenantColumn({ kind, oid }: Way): Promise<string | undefined> {
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

export function untold({ unmade }: Pair): string {
  const why = unmade === undefined ? '' : `: ${unmade}`;
  return `no rows could be made of which it could be told what it does to them${why}`;
}

/** How the rows of a way are made. */
export interface RowKind {
  /** Texts that may stay empty are filled. */
  readonly fillsTexts: boolean;
  /** They hold words of the definition, others in each turn. */
  readonly varied?: { readonly words: readonly string[]; readonly turn: number };
  /** Those of one tenant are like those of the other, but for what says whose they are and for keys. */
  readonly isAlike?: boolean;
  /** Whoever makes them names the tenant. */
  readonly saysTenant?: boolean;
}

/** What rows hold that are to be alike, by the name and type of the column. */
class Contents {
  readonly #values = new Map<string, Value>();

  of(columns: readonly RowColumn[]): ReadonlyMap<string, Value> {
    return new Map(
      columns.flatMap(({ name, type }) => {
        const value = this.#values.get(`${name} ${type}`);
        return value === undefined ? [] : [[name, value]];
      }),
    );
  }

  keep(columns: readonly RowColumn[], { values }: MadeRow): void {
    for (const { name, type } of columns) {
      const value = values.get(name);
      if (value !== undefined) this.#values.set(`${name} ${type}`, value);
    }
  }
}

export function categoryOf({ tables }: Way): string {
  return tables[0]?.tenantColumn?.category ?? 'U';
}

/** Columns whose values refer to a row, or say whose it is. */
function fixedIn({ tenantColumn, foreignKeys }: TableFacts): ReadonlySet<string> {
  return new Set([tenantColumn!.name, ...foreignKeys.flatMap(({ columnNames }) => columnNames)]);
}

function sideOf(tenant: string, rows: ReadonlyMap<number, MadeRow>): Side {
  const all = [...rows.values()];
  const values = all.flatMap((row) => [...row.values.values()]).filter((value) => value !== null);
  return { tenant, rows, values: new Set(values), steps: [...new Set(all.flatMap(({ steps }) => steps))] };
}

export function typeOf({ tables }: Way): string {
  return tables[0]?.tenantColumn?.type ?? 'uuid';
}

export function undecided({ object, kind }: Way, reason: string): WayProof {
  return { object, kind, verdict: 'not-provable', reason };
}
