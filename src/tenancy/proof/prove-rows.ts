import { messageOf } from '../../errors.ts';
import { quoteIdentifier, quoteLiteral } from '../../postgres/quote.ts';
import type { Session } from '../../postgres/session.ts';
import { hasPrivilege, isBound } from '../access.ts';
import { audience, classOf, GATES, openingsAt } from '../answers.ts';
import type { AskLimits } from '../ask.ts';
import { memberOf } from '../catalog/members.ts';
import { knownSource, settingsOf } from '../contexts.ts';
import {
  COMMANDS,
  type ColumnFacts,
  type ContextName,
  type RlsFacts,
  type RoleFacts,
  type SampleRow,
  type TableFacts,
} from '../facts.ts';
import { holdsTenantsOnce, ownerColumnOf } from '../lineage.ts';
import { isUserColumn, type Membership } from '../membership.ts';
import { displayPath, listNames } from '../names.ts';
import { loadParse } from '../parse.ts';
import { sqlName } from '../proposal.ts';
import { seers } from '../read-facts.ts';
import type { TenancySettings } from '../settings.ts';
import { judgeRole, type Outcome } from './judge-probes.ts';
import { CannotMake, type MadeRow, RowMaker, sqlValue, token, whyUntouched } from './make-rows.ts';
import { type Maker, makersFor } from './makers.ts';
import { readTenantsOfPartitions, thoseOfHash } from './partition-tenants.ts';
import { plantingSteps, probesOfControls, uncaught } from './planted.ts';
import { type ProbeRole, type ProbeSetup, type ProbeTable, type ProbeTenant, placeOf, probesIn } from './probes.ts';
import { concludeTable, type RoleProof, type TableProof } from './proof.ts';
import type { Proof, Unchecked } from './prove.ts';
import { withoutIdleRoles } from './prove-policies.ts';
import { WayProver } from './prove-ways.ts';
import type { RowTable } from './row-columns.ts';
import { freshTenant, type Value } from './row-values.ts';
import { whyRulesReachTooMany } from './rule-reach.ts';
import { runAttempts, type Step, type Tried } from './run-probes.ts';
import { isSearchableBy } from './searchable.ts';
import { namingTheUnsaid } from './unsaid.ts';

/** What the proof with rows needs besides the facts. */
export interface RowProofSetup {
  readonly facts: RlsFacts;
  readonly settings: TenancySettings;
  /** A session in which no setting was ever made: what such a one sees can be had nowhere else. */
  readonly neverSet: Session;
  /** Functions and procedures that are called for what they do are called as well. */
  readonly callsWriters: boolean;
  /** Called before each table, and each way around them; what it throws ends the proof. */
  readonly onTable: (done: number, total: number, object: string) => void;
}

/** The same with the users that are known of tenants. */
interface Setup extends RowProofSetup {
  readonly users: Map<string, string>;
}

/** A lock on a row is held no longer than this, in milliseconds, and none is waited for. */
const LIMITS: AskLimits = { lockTimeoutMs: 250, statementTimeoutMs: 5_000 };

const LIMITED = "set local lock_timeout = '250ms'; set local statement_timeout = '5s'";

/** Of so many tenants two are likely to go into a partition by hash. */
const MOST_HASHED = 512;

/** Tables of more pages than this are sampled for the look at everything. */
const SAMPLED_FROM = 1_000;

/**
 * Proves with rows, in transactions that are rolled back, what the proof without rows says already: statements of every
 * kind are tried as each role in each kind of session, on rows of two tenants.
 */
export async function proveWithRows(session: Session, without: Proof, given: RowProofSetup): Promise<Proof> {
  if (without.failedControl !== undefined) return without;
  const setup: Setup = { ...given, users: new Map() };
  const parse = await loadParse();
  const ofTenant = (id: string) => sessionOf(setup, 'own', id);
  const constantsIn = (text: string) => parse(text)?.constants ?? [];
  const maker = new RowMaker(session, setup.facts, ofTenant, constantsIn);
  const tables: TableProof[] = [];
  const leftBehind: string[] = [];
  const unchecked: Unchecked[] = [];
  for (const proof of without.tables) {
    setup.onTable(tables.length, without.tables.length, displayPath(proof.table));
    const provers = variants(proof).map((one) => new TableProver(session, maker, one, setup));
    tables.push(await proveAll(provers, proof));
    leftBehind.push(...provers.flatMap((prover) => prover.leftBehind));
    unchecked.push(...provers.flatMap((prover) => prover.unchecked));
  }
  const wayProver = new WayProver(session, {
    ...setup,
    constantsIn,
    sessionOf: (context, own, other, role) => sessionOf(setup, context, own, other, role),
  });
  const ways = await wayProver.proveAll((object) => setup.onTable(tables.length, tables.length, object));
  return { ...without, tables, leftBehind, unchecked, ways };
}

/** Where a key of several columns says whose a row is, tenants are told apart by each of them, alike in the others. */
function variants(proof: TableProof): TableProof[] {
  const { lineage } = proof.table;
  if (lineage === undefined) return [proof];
  return lineage.columns.map((column) => ({ ...proof, table: { ...proof.table, lineage: { ...lineage, column } } }));
}

/** The worst verdict of all: a policy that looks at half of a key is sound where only that half differs. */
async function proveAll(provers: readonly TableProver[], { table }: TableProof): Promise<TableProof> {
  let worst: TableProof | undefined;
  for (const prover of provers) {
    if (provers.length > 1 && !(await prover.isPossible())) continue;
    const proof = { ...(await prover.prove()), table };
    if (proof.verdict === 'refuted') return proof;
    if (worst === undefined || proof.verdict === 'not-provable') worst = proof;
  }
  return worst ?? provers[0]!.prove();
}

/** Two tenants with rows, or what they lack. */
interface Pair {
  readonly own: ProbeTenant;
  readonly other: ProbeTenant;
  readonly steps: readonly Step[];
  readonly maker: Maker;
  /** Nobody else has heard of these tenants. */
  readonly isFresh: boolean;
}

class TableProver {
  readonly leftBehind: string[] = [];
  readonly unchecked: Unchecked[] = [];
  readonly #session: Session;
  readonly #maker: RowMaker;
  readonly #without: TableProof;
  readonly #setup: Setup;

  constructor(session: Session, maker: RowMaker, without: TableProof, setup: Setup) {
    this.#session = session;
    this.#maker = maker;
    this.#without = without;
    this.#setup = setup;
  }

  get #table(): TableFacts {
    return this.#without.table;
  }

  get #owner(): ColumnFacts {
    return ownerColumnOf(this.#table)!;
  }

  /** Whether two tenants' rows may be alike but for the column that tells them apart. */
  async isPossible(): Promise<boolean> {
    await this.#session.query('begin');
    try {
      await this.#session.query(LIMITED);
      const others = this.#table.lineage!.columns.filter(({ name }) => name !== this.#owner.name);
      return await this.#maker.mayBeAlike(
        this.#table,
        others.map(({ name }) => name),
      );
    } finally {
      await this.#session.undo();
    }
  }

  /** The best verdict that two tenants give: made ones, whom nobody else's rows stand in the way of, or real ones. */
  async prove(): Promise<TableProof> {
    const { table } = this.#without;
    if (ownerColumnOf(table) === undefined || this.#roles().length === 0) return this.#without;
    const tooMany =
      !this.#setup.callsWriters && (await whyRulesReachTooMany(this.#session, this.#setup.facts, table, LIMITS));
    if (tooMany) return this.#without.verdict === 'refuted' ? this.#without : this.#undecided(tooMany);
    let last: TableProof | undefined;
    const reasons: string[] = [];
    for await (const pair of this.#pairs(reasons)) {
      last = await this.#proveWith(pair);
      if (last.verdict !== 'not-provable') break;
    }
    const proof = last ?? this.#undecided(reasons[0] ?? 'no two tenants have rows in it');
    if (proof.verdict === 'refuted') return proof;
    const isForPeople = this.#without.roles.some((role) => role.isForPeople);
    return this.#without.verdict === 'refuted' || isForPeople ? this.#without : proof;
  }

  /** Roles whose rights are worth a try; of the others the catalog says enough. */
  #roles(): RoleFacts[] {
    const decided = new Set(this.#without.roles.filter(({ outcome }) => outcome === 'denied').map(({ role }) => role));
    return audience(this.#setup.facts, this.#table).filter(
      (role) => isBound(role, this.#table) && !decided.has(role.name),
    );
  }

  #undecided(reason: string): TableProof {
    return { table: this.#table, level: 'rows', verdict: 'not-provable', reason, roles: [] };
  }

  // ── tenants and their rows ──

  async *#pairs(reasons: string[]): AsyncGenerator<Pair> {
    for (const maker of this.#makers()) {
      const fresh =
        this.#setup.settings.tenants === undefined ? await this.#freshPair(maker) : 'tenants are configured';
      if (typeof fresh !== 'string') yield fresh;
      else reasons.push(fresh);
    }
    for (const maker of this.#setup.settings.tenants === undefined ? this.#makers() : [])
      yield* this.#pairsOfPartitions(maker, reasons);
    const known = this.#knownTenants();
    for (const maker of known === undefined ? [] : this.#makers()) {
      const made = await this.#freshPair(maker, { there: known });
      if (typeof made !== 'string') yield made;
      else reasons.push(made);
    }
    for (const maker of this.#setup.settings.tenants === undefined ? this.#makers() : []) {
      for (const liked of await this.#likedValues(maker)) {
        const fresh = await this.#freshPair(maker, { liked });
        if (typeof fresh === 'object') yield fresh;
      }
    }
    if (this.#table.lineage !== undefined) return;
    for (const maker of this.#makers()) {
      const real = await this.#realPair(maker).catch((error: unknown) => messageOf(error));
      if (typeof real !== 'string') yield real;
      else reasons.push(real);
    }
  }

  /** Two tenants of whom partitions take rows; one by itself where there is no partition for another. */
  async *#pairsOfPartitions(maker: Maker, reasons: string[]): AsyncGenerator<Pair> {
    const { oid, tenantColumn } = this.#table;
    if (tenantColumn === undefined) return;
    const category = categoryOfTenant(this.#table, undefined);
    const some = Array.from({ length: MOST_HASHED }, () => freshTenant(category, token()));
    const [first, second] = await thoseOfHash(this.#session, oid, tenantColumn, some);
    if (first !== undefined && second !== undefined) {
      const hashed = await this.#freshPair(maker, { there: [first, second], makesTenants: true, isFresh: true });
      if (typeof hashed === 'object') return yield hashed;
    }
    const ids = await readTenantsOfPartitions(this.#session, oid, tenantColumn.name);
    if (ids.length === 0) return;
    const nobody = freshTenant(category, token());
    const alone = ids.map((own) => [own, nobody] as const);
    const together = ids.slice(1).map((other, at) => [ids[at]!, other] as const);
    let last = '';
    // A partition may be there before its tenant is.
    for (const there of [...together, ...alone])
      for (const makesTenants of [false, true]) {
        const made = await this.#freshPair(maker, { there, makesTenants, isLone: there[1] === nobody });
        if (typeof made === 'object') return yield made;
        last = made;
      }
    reasons.unshift(`no row could be made of a tenant whom its partitions take (${listNames(ids, 2)}): ${last}`);
  }

  #makers(): Maker[] {
    return makersFor(this.#setup.facts, this.#table, (id) => sessionOf(this.#setup, 'own', id));
  }

  /** Tenants that there are, for tables that take rows of no other. */
  #knownTenants(): readonly [string, string] | undefined {
    const { facts, settings } = this.#setup;
    const tenants = classOf(facts, this.#table)?.tenants;
    return settings.tenants ?? (tenants?.areReal ? [tenants.own, tenants.other] : undefined);
  }

  /**
   * What a made-up row held that the own tenant is shown: policies ask for more than whose a row is. Where they look up
   * who asks, and nobody was there to ask them as, what made-up rows held that leave least open.
   */
  async #likedValues(maker: Maker): Promise<ReadonlyMap<string, Value>[]> {
    const { facts } = this.#setup;
    const { columns } = await this.#knownTable(maker);
    const owners = [this.#table.tenantColumn?.name, ...(this.#table.lineage?.columns ?? []).map(({ name }) => name)];
    const referring = this.#table.foreignKeys.flatMap(({ columnNames }) => columnNames);
    const free = columns.filter(
      ({ name, generated }) => !generated && !owners.includes(name) && !referring.includes(name),
    );
    const { tenants, rows = [] } = classOf(facts, this.#table) ?? {};
    const mayBe = ({ owner, values, isPersonal, assumes }: SampleRow) =>
      owner === 'own' &&
      !isPersonal &&
      assumes === undefined &&
      !Object.values(values).includes(tenants?.own) &&
      free.every(({ name, required }) => !(required && values[name] === null));
    const told = (values: SampleRow['values']) =>
      new Map(
        free
          .filter(({ name }) => values[name] !== undefined)
          .map(({ name, category }) => [name, textOf(values[name], category)]),
      );
    for (const role of this.#roles()) {
      const at = { gate: GATES[0], role, context: 'own' } as const;
      const shown = openingsAt(facts, this.#table, this.#table.policies, at).map(({ row }) => row);
      const liked = shown.find(mayBe);
      if (liked !== undefined) return [told(liked.values)].filter(({ size }) => size > 0);
    }
    if (!this.#table.policies.some(({ looksUp }) => looksUp)) return [];
    const nulls = ({ values }: SampleRow) => Object.values(values).filter((value) => value === null).length;
    const likely = rows.filter(mayBe).toSorted((a, b) => nulls(a) - nulls(b));
    const distinct = new Map(
      likely.map(({ values }) => told(values)).map((values) => [JSON.stringify([...values]), values]),
    );
    return [...distinct.values()].filter(({ size }) => size > 0).slice(0, MOST_KINDS);
  }

  /**
   * Two tenants with a row each that are made for the occasion; or why that cannot be.
   * @param of `there`: tenants that are known; `makesTenants`: in the table of the tenants as well; `liked`: what the rows of the table hold; `isLone`: the table takes
   * no row of the second; `isFresh`: nobody else has heard of them
   */
  async #freshPair(
    maker: Maker,
    {
      there,
      makesTenants = there === undefined,
      liked = new Map(),
      isLone = false,
      isFresh = there === undefined,
    }: {
      readonly there?: readonly [string, string] | undefined;
      readonly makesTenants?: boolean;
      readonly liked?: ReadonlyMap<string, Value>;
      readonly isLone?: boolean;
      readonly isFresh?: boolean;
    } = {},
  ): Promise<Pair | string> {
    const registry = [...this.#setup.facts.tables.values()].find(({ isRegistry }) => isRegistry);
    const kind = categoryOfTenant(this.#table, registry);
    const ids = there ?? [freshTenant(kind, token()), freshTenant(kind, token())];
    if (there !== undefined) for (const id of there) await this.#findMember(id);
    await this.#session.query('begin');
    try {
      await this.#session.query(LIMITED);
      // What is made of columns and settings alone asks for no user.
      const asksUsers = this.#table.policies.some(({ isPlain }) => !isPlain);
      const membership = asksUsers ? await this.#ownMembership(maker) : undefined;
      const rows: MadeRow[] = [];
      const keys: string[] = [];
      const steps: Step[] = [];
      let alike: (readonly [string, string])[] = [];
      for (const id of isLone ? ids.slice(0, 1) : ids) {
        const made = new Map<number, MadeRow>();
        if (registry !== undefined && makesTenants) await this.#maker.makeTenant(registry, id, made);
        const isKnown = there !== undefined && this.#setup.users.has(id);
        if (!isKnown && asksUsers) await this.#maker.makeMember(id, this.#setup.users, made, membership);
        const isOwned = this.#table.lineage === undefined;
        const owned = isOwned
          ? new Map<string, string>()
          : await this.#maker.ownerKey(this.#table, id, made, new Map(alike));
        alike = [...owned].filter(([name]) => name !== this.#owner.name);
        const key = owned.get(this.#owner.name) ?? id;
        const given = new Map([...liked, ...owned]);
        if (keys.includes(key)) throw new CannotMake(`rows of two tenants have the same ${this.#owner.name}`);
        const row = await this.#maker.make(this.#table, id, maker, made, given);
        keys.push(key);
        steps.push(...[...made.values()].flatMap((one) => one.steps).map((step) => this.#keeping(step, row, key)));
        rows.push((await this.#spareRow(id, maker, made, given)) ?? row);
      }
      const known = await this.#maker.table(this.#table, maker);
      const names = this.#table.lineage?.keys[0]?.columnNames ?? [];
      const beside = names.filter((name) => name !== this.#owner.name);
      const [own, other] = ids.map((id, at) => ({
        ...tenantOf(id, keys[at] ?? id, known, rows[at]),
        beside,
        isAbsent: rows[at] === undefined,
      }));
      return { own: own!, other: other!, steps: [...new Set(steps)], maker, isFresh };
    } catch (error) {
      if (!this.#session.inTransaction) throw error;
      return error instanceof CannotMake ? error.message : messageOf(error);
    } finally {
      await this.#session.undo();
    }
  }

  /** The column of the table itself that holds the user: rows are shown to nobody else, and have to be the user's. */
  async #ownMembership(maker: Maker): Promise<Membership | undefined> {
    const { columns } = await this.#maker.table(this.#table, maker);
    const read = new Set(this.#table.policies.flatMap((policy) => policy.columns));
    const user = columns.find(
      ({ number, name }) => read.has(number) && name !== this.#owner.name && isUserColumn(name),
    );
    return user && this.#table.lineage === undefined ? { table: this.#table, tenant: this.#owner, user } : undefined;
  }

  /** Two tenants that have rows in the table. */
  async #realPair(maker: Maker): Promise<Pair | string> {
    const { facts, settings } = this.#setup;
    const { reachesOut } = await this.#knownTable(maker);
    if (reachesOut !== undefined) return whyUntouched(this.#table, reachesOut);
    await this.#session.query('begin');
    try {
      await this.#session.query(LIMITED);
      const ids = settings.tenants ?? (await this.#tenantsInTable(maker, await this.#maker.table(this.#table, maker)));
      if (ids.length < 2) return 'no two tenants have rows in it, and none could be made';
      await this.#session.undo();
      for (const id of ids) await this.#findMember(id);
      await this.#session.query('begin');
      await this.#session.query(LIMITED);
      const known = await this.#maker.table(this.#table, maker);
      const isReferred = [...facts.tables.values()].some(({ foreignKeys }) =>
        foreignKeys.some(
          ({ target, actions }) => target === this.#table.oid && /on delete (cascade|set)/.test(actions),
        ),
      );
      const pair: ProbeTenant[] = [];
      for (const id of ids)
        pair.push({ ...tenantOf(id, id, known, await this.#spareRow(id, maker, new Map())), isDeletable: !isReferred });
      const [own, other] = pair;
      return { own: own!, other: other!, steps: [], maker, isFresh: false };
    } finally {
      await this.#session.undo();
    }
  }

  /** A user that the tenant has already. */
  async #findMember(tenant: string): Promise<void> {
    const { facts, users } = this.#setup;
    const subject = await memberOf(this.#session, facts.memberships, tenant, seers(facts));
    if (subject !== undefined) users.set(tenant, subject);
  }

  /** A row that could be inserted beside the ones that are there; none where a tenant may have but one. */
  #spareRow(
    id: string,
    maker: Maker,
    made: ReadonlyMap<number, MadeRow>,
    given?: ReadonlyMap<string, Value>,
  ): Promise<MadeRow | undefined> {
    const others = new Map([...made].filter(([oid]) => oid !== this.#table.oid));
    return this.#maker.make(this.#table, id, maker, others, given).catch((error: unknown) => {
      if (error instanceof CannotMake) return undefined;
      throw error;
    });
  }

  async #tenantsInTable(maker: Maker, known: RowTable): Promise<string[]> {
    const column = quoteIdentifier(this.#table.tenantColumn!.name);
    await this.#session.query("select pg_catalog.set_config('role', $1, true)", [maker.role ?? 'none']);
    const { sample, isSearchable } = this.#reach(known);
    if (!isSearchable) {
      const rows = await this.#session.query<{ id: string }>(
        `select distinct ${column}::text as id from ${sqlName(this.#table)} tablesample system (${sample}) where ${column} is not null limit 2`,
      );
      return rows.map(({ id }) => id);
    }
    const found: string[] = [];
    for (let turn = 0; turn < 2; turn++) {
      const after = found.length === 0 ? '' : `and ${column} > ${quoteLiteral(found[0]!)}`;
      const rows = await this.#session.query<{ id: string }>(
        `select ${column}::text as id from ${sqlName(this.#table)} where ${column} is not null ${after} order by ${column} limit 1`,
      );
      found.push(...rows.map(({ id }) => id));
    }
    return found;
  }

  /** The step that makes the table's own row keeps its place: a large table is not searched for it. */
  #keeping(step: Step, row: MadeRow, key: string): Step {
    return step === row.steps.at(-1) ? { ...step, keeps: placeOf(this.#table, key) } : step;
  }

  // ── trying and judging ──

  async #proveWith(pair: Pair): Promise<TableProof> {
    const known = await this.#knownTable(pair.maker);
    const swapped = { ...pair, own: pair.other, other: pair.own };
    // Whose rows there are is who is tried to be reached.
    const usual = pair.other.isAbsent ? swapped : pair;
    const named = await this.#try(this.#session, pair, known, [
      [pair, 'own'],
      [swapped, 'own'],
      [usual, 'forged'],
      [usual, 'empty'],
      [usual, 'garbage'],
      [usual, 'unknown'],
    ]);
    if (typeof named === 'string') return this.#undecided(named);
    const unset = await this.#try(this.#setup.neverSet, pair, known, [[usual, 'unset']]);
    await this.#checkLeftBehind(pair);
    if (typeof unset === 'string') return this.#undecided(unset);
    return this.#conclude([...named, ...unset]);
  }

  async #knownTable(maker: Maker): Promise<RowTable> {
    await this.#session.query('begin');
    try {
      await this.#session.query(LIMITED);
      return await this.#maker.table(this.#table, maker);
    } finally {
      await this.#session.undo();
    }
  }

  /** Tries everything in one transaction, the planted tables first; or says why nothing of it counts. */
  async #try(
    session: Session,
    pair: Pair,
    known: RowTable,
    contexts: readonly (readonly [Pair, ContextName])[],
  ): Promise<Outcome[] | string> {
    const probing = this.#roles().map((role) => this.#probeRole(role, known));
    const setup = (tenants: Pair, role: ProbeRole) => this.#probeSetup(tenants, role, known);
    const planted = probesOfControls(setup(pair, probing[0]!));
    // Where a setting was never made, the planted probes must not make it either.
    const isUnset = contexts.every(([, context]) => context === 'unset');
    const controls = isUnset ? planted.map((one) => ({ ...one, probe: withoutSettings(one.probe) })) : planted;
    const probes = probing.flatMap((role) =>
      contexts.flatMap(([tenants, context]) => probesIn(setup(tenants, role), context)),
    );
    const steps = [...pair.steps, ...plantingSteps(this.#owner.type, [pair.own.key, pair.other.key])];
    // Who has to name the tenant to make its rows cannot try what a session does that never named one.
    const names = [pair.maker.settings(pair.own.id), ...pair.steps.map(({ settings }) => settings)];
    if (isUnset && names.some((settings) => Object.keys(settings).length > 0)) return [];
    const all = [...controls.map(({ probe }) => probe), ...probes];
    const tried = await runAttempts(
      session,
      steps,
      all.map(({ attempt, kind }, at) =>
        at < controls.length || kind === 'own rows seen' ? attempt : { ...attempt, settles: true },
      ),
      LIMITS,
    );
    if ('error' in tried) return messageOf(tried.error);
    const caught = controls.map((one, at) => ({ ...one, tried: tried[at] as Tried }));
    const wrong = uncaught(caught);
    if (wrong !== undefined) return wrong;
    return probes.map((probe, at) => ({ probe, tried: tried[controls.length + at] as Tried }));
  }

  #probeRole(role: RoleFacts, { updatable, insertable, selectable, readers }: RowTable): ProbeRole {
    const tenant = this.#owner.name;
    const columns = [...(updatable.get(role.name) ?? [])];
    return {
      name: role.name,
      commands: new Set(COMMANDS.filter((command) => hasPrivilege(role, this.#table, command))),
      updatable: columns.includes(tenant) ? [tenant, ...columns] : columns,
      insertable: insertable.get(role.name) ?? new Set(),
      readsOwner: selectable.get(role.name)?.has(tenant) ?? false,
      readsPlaces: readers.has(role.name),
    };
  }

  /** How much of the table is looked at: a large one is read neither to its end nor for the rows of one tenant. */
  #reach({ pages }: RowTable): Pick<ProbeTable, 'sample' | 'isSearchable'> {
    if (pages <= SAMPLED_FROM) return { sample: undefined, isSearchable: true };
    return { sample: percentage(SAMPLED_FROM, pages), isSearchable: isSearchableBy(this.#table, this.#owner) };
  }

  #probeSetup({ own, other, maker, isFresh }: Pair, role: ProbeRole, known: RowTable): ProbeSetup {
    const { foreignKeys } = this.#table;
    const owner = this.#owner.name;
    const isBypassing = Object.keys(maker.settings(own.id)).length === 0;
    return {
      table: {
        ...this.#table,
        tenantColumn: this.#owner,
        isOfTenants: holdsTenantsOnce(this.#table),
        ownerKeys: foreignKeys.filter(({ columnNames }) => columnNames.includes(owner)).map(({ name }) => name),
        ...this.#reach(known),
      },
      role,
      own,
      other,
      settings: (context) => sessionOf(this.#setup, context, own.id, other.id, role.name),
      seer: (tenant) => ({ role: maker.role, settings: maker.settings(tenant) }),
      isFresh,
      isCountable: isFresh && isBypassing,
    };
  }

  #conclude(outcomes: readonly Outcome[]): TableProof {
    const tried = new Set(this.#roles().map(({ name }) => name));
    const roles = this.#without.roles.map(
      (role): RoleProof => (tried.has(role.role) ? judgeRole(role.role, outcomes) : role),
    );
    const { facts, settings } = this.#setup;
    const busy = withoutIdleRoles(facts, this.#table, roles);
    return concludeTable(this.#table, 'rows', namingTheUnsaid(facts, this.#table, settings, busy));
  }

  /** Nothing of what was made may be there once its transaction is undone. */
  async #checkLeftBehind({ own, other, maker, isFresh }: Pair): Promise<void> {
    if (!isFresh) return;
    const column = quoteIdentifier(this.#owner.name);
    const ids = [own, other].map(({ key }) => sqlValue(key, this.#owner.type)).join(', ');
    await this.#session.query('begin transaction read only');
    try {
      await this.#session.query(LIMITED);
      await this.#session.query("select pg_catalog.set_config('role', $1, true)", [maker.role ?? 'none']);
      const rows = await this.#session.query(`select from ${sqlName(this.#table)} where ${column} in (${ids}) limit 1`);
      if (rows.length > 0) this.leftBehind.push(displayPath(this.#table));
    } catch (error) {
      if (!this.#session.inTransaction) throw error;
      this.unchecked.push({ object: displayPath(this.#table), reason: messageOf(error) });
    } finally {
      await this.#session.undo();
    }
  }
}

/** With three digits behind the point; a page that is there is never left out by rounding. */
function percentage(part: number, whole: number): number {
  return Math.ceil((100_000 * part) / whole) / 1_000;
}

/** What a tenant is made of: a column of text refers to whatever the table of the tenants has. */
function categoryOfTenant({ tenantColumn, lineage }: TableFacts, registry: TableFacts | undefined): string {
  const { category } = tenantColumn ?? lineage!.tenantColumn;
  return category === 'S' ? (registry?.tenantColumn?.category ?? category) : category;
}

/** So many kinds of rows are made where no kind is known to be shown. */
const MOST_KINDS = 6;

/** No tenant has it: a tenant of the proof is made up of random digits. */
const NOBODY = { uuid: '00000000-0000-4000-8000-0000000000ff', number: '7999' } as const;

/** What a session says of itself, in every setting and claim that is known. */
function sessionOf(
  { facts, settings, users }: Setup,
  context: ContextName,
  own: string,
  other = own,
  role = 'authenticated',
): Readonly<Record<string, string>> {
  const source = knownSource(facts, settings);
  const unknown = /^\d+$/.test(own) ? NOBODY.number : NOBODY.uuid;
  return settingsOf(context, source, { own, other, unknown, subject: users.get(own) }, role);
}

/** A value of a made-up row as its type reads it. */
function textOf(value: unknown, category: string): Value {
  if (value === null || value === undefined) return null;
  if (Array.isArray(value) && category === 'A') return `{${value.map((one) => JSON.stringify(one)).join(',')}}`;
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

function withoutSettings<T extends { readonly attempt: { readonly settings: object } }>(probe: T): T {
  return { ...probe, attempt: { ...probe.attempt, settings: {} } };
}

function tenantOf(id: string, key: string, known: RowTable, row: MadeRow | undefined): ProbeTenant {
  const types = new Map(known.columns.map(({ name, type }) => [name, type]));
  const values =
    row === undefined
      ? undefined
      : new Map([...row.values].map(([name, value]) => [name, sqlValue(value, types.get(name)!)]));
  return { id, key, values, isDeletable: true };
}
