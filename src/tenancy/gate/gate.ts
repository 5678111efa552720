import { randomBytes } from 'node:crypto';
import { AishaError } from '../../errors.ts';
import { groupBy } from '../../group-by.ts';
import type { Additions } from '../../migrations/additive.ts';
import {
  DROP_PREPARED,
  type Gate,
  type GateCall,
  type GateJudgement,
  type GateOutcome,
  type GateVerdict,
  type LaterFile,
} from '../../migrations/gate.ts';
import { PlannedSession } from '../../postgres/planned-session.ts';
import { quoteIdentifier } from '../../postgres/quote.ts';
import { SQLSTATE, serverError } from '../../postgres/server-error.ts';
import { preparing, type Session } from '../../postgres/session.ts';
import type { Finding } from '../../report/report.ts';
import { displayName, displayPath, listNames } from '../names.ts';
import type { TenancySettings } from '../settings.ts';
import { tablesToAskBefore } from './ask-before.ts';
import { type Ahead, Asking, loadAsking } from './asking.ts';
import { type Changes, changesBetween, focusOf } from './changes.ts';
import { compareStates, leftOpen, newlyOpen, readThrough, type Worsening } from './compare.ts';
import { exposedBy, readInherits, readingsOf, readRights } from './exposed.ts';
import { type Call, type Guard, makeGuard, preparedName, readCall } from './guard.ts';
import { newLeaks, type TableAnswer } from './leaks.ts';
import type { OwnRows } from './own-rows.ts';
import { type InHand, knownStates, type Read, readChanges } from './read-changes.ts';
import {
  changeAny,
  readLists,
  readOpenTables,
  readSecured,
  readState,
  readUnsecured,
  standOnAny,
  standOnChanged,
} from './read-state.ts';
import type { GateMode, GateSettings } from './settings.ts';
import {
  type Focus,
  type GateState,
  MOST_AT_ONCE,
  type OpenTable,
  type SecuredTable,
  type Watched,
  type WayAround,
} from './state.ts';
import type { Told } from './telling.ts';

export interface GateOptions extends GateSettings {
  /** A new table that is open is refused in its own file. */
  readonly isStrict: boolean;
  /** The option with which a refused file runs all the same, where there is one. */
  readonly insist: string | undefined;
}

/** A file in hand whose changes were looked at. */
interface Case {
  readonly file: string;
  readonly worse: readonly Worsening[];
  readonly answers: ReadonlyMap<number, TableAnswer>;
  readonly suspects: readonly Suspect[];
  /** Tables without RLS that are said to be so here, and need not be again. */
  readonly open: readonly number[];
  readonly looked: readonly string[];
}

/** Somebody's rows that policies may open now. */
interface Suspect {
  /** Whose policies are asked. */
  readonly table: SecuredTable;
  /** Whose policies isolated these rows before, by OID. */
  readonly instead: number;
  /** API roles that these policies did not concern before, where they concerned others. */
  readonly roles: readonly string[] | undefined;
  /** Whose rows they are, as exceptions name it. */
  readonly object: string;
  /** What to say before what they open. */
  readonly because: string;
  /** What the file did, and whose policies may therefore open what they did not, for the report. */
  readonly did: string;
  readonly whose: string;
}

/** What there was before the file in hand. */
interface Side {
  /** What the file made of it. */
  changes(): Promise<Changes>;
  /** That, and what is there now. */
  states(focus: Focus): Promise<readonly [was: GateState, now: GateState]>;
  /** What was told of what is around tables, without the file, where that was asked. */
  around?(): string | undefined;
  /** What policies opened, where that cannot be asked any more. */
  readonly known?: ReadonlyMap<number, TableAnswer>;
  /** Tables with RLS. */
  secured(): Promise<ReadonlySet<number>>;
}

type Teller = typeof import('./telling.ts');

const CHECK = 'gate';

/** The gate of migrate (docs/gate.md): facts of the catalog before and behind each file, and what policies answer. */
export class IsolationGate implements Gate {
  readonly #options: GateOptions;
  readonly #tenancy: TenancySettings;
  readonly #tag = randomBytes(6).toString('hex');
  readonly #guard: Guard;
  /** The session of the files, while one of its transactions is open. */
  #inside: PlannedSession | undefined;
  /** The session has what the guard is made of, and no other prepared statement. */
  #isPrepared = false;
  /** Nothing is taken on trust: new tables are judged as well, or other people's code may run in this database. */
  #isWary: boolean;
  readonly #findings: Finding[] = [];
  readonly #judgements: GateJudgement[] = [];
  /** `undefined` when the catalog may not be read. */
  #committed: Session | undefined;
  /** The file looked at last wrote policies, and so, where another names some, will that. */
  #expectsPolicies = false;
  /** Catalogs that files that wrote policies wrote to. */
  #rowsOf: ReadonlySet<Watched> = new Set();
  /** Statements for the end of the file in hand. */
  #telling: readonly string[] | undefined;
  #teller: Teller | undefined;
  /** Of a file that commits as it goes. */
  #remembered: ((session: Session) => Side) | undefined;
  #unsecured: readonly number[] = [];
  #case: Case | undefined;
  /** What policies opened already before the file in hand, by the OID of their table: found out only when it matters. */
  #known: ReadonlyMap<number, TableAnswer> = new Map();
  #asking: Asking | undefined;

  constructor(options: GateOptions, tenancy: TenancySettings) {
    this.#options = options;
    this.#tenancy = tenancy;
    this.#isWary = options.isStrict;
    this.#guard = makeGuard(this.#tag, options.isStrict);
  }

  get findings(): readonly Finding[] {
    return this.#findings;
  }

  get judgements(): readonly GateJudgement[] {
    return this.#judgements;
  }

  async begin(work: Session, committed: Session, expectsPolicies = () => false): Promise<void> {
    try {
      const { mark, guard } = this.#guard;
      const preparing = work.scripts([...this.#preparing(), `${mark};${guard}`]);
      const reading = readLists(committed).then(() => readUnsecured(committed));
      reading.catch(() => undefined);
      // While the server has both to do.
      if (expectsPolicies()) await loadAsking();
      const unprepared = await preparing;
      this.#unsecured = await reading;
      if (unprepared) throw unprepared;
      await committed.query('set plan_cache_mode = force_generic_plan');
      this.#committed = new PlannedSession(committed, `${preparedName('before', this.#tag)}_`);
      // It never makes a setting that is not the program's own.
      this.#asking = new Asking(this.#tenancy, { session: committed, settings: new Map() });
      this.#inside = new PlannedSession(work, `${preparedName('ask', this.#tag)}_`);
      this.#isPrepared = true;
    } catch (error) {
      const refusal = serverError(error);
      if (refusal?.code !== SQLSTATE.insufficientPrivilege) throw error;
      this.#noteBlind(refusal.message);
    }
  }

  prepare(text: () => string): readonly string[] {
    const isPrepared = this.#isPrepared;
    // Until the guard of the next file has said that they are there, and no others.
    this.#isPrepared = false;
    if (!isPrepared) this.#inside?.forget();
    const missing = isPrepared ? [] : [DROP_PREPARED, ...(this.#committed === undefined ? [] : this.#preparing())];
    const telling = this.#expectsPolicies && /\bpolicy\b/i.test(text()) ? this.#makeTelling() : undefined;
    this.#telling = telling?.statements;
    return [...missing, ...(telling?.ahead ?? [])];
  }

  #preparing(): readonly string[] {
    return this.#guard.statements.map(({ name, ...statement }) => preparing(name, statement));
  }

  #makeTelling(): ReturnType<Teller['telling']> | undefined {
    const [inside, module] = [this.#inside, this.#teller];
    if (inside === undefined || module === undefined) return undefined;
    const { ahead, statements } = module.telling(inside, this.#tenancy, {
      wrote: this.#guard.wrote,
      rowsOf: this.#rowsOf,
      wantsTables: this.#asking?.expectsQuestions === true,
    });
    return { ahead, statements: [this.#guard.counting, ...statements] };
  }

  named(what: string): string {
    return preparedName(what, this.#tag);
  }

  get mark(): string {
    return this.#committed === undefined ? 'select' : this.#guard.mark;
  }

  get guard(): string {
    return this.#committed === undefined ? 'select' : this.#guard.guard;
  }

  get telling(): readonly string[] | undefined {
    return this.#telling;
  }

  readTold(
    begun: readonly (string | null)[],
    [counting, text]: readonly (string | null)[],
  ): ReturnType<Gate['readTold']> {
    const told = JSON.parse(text!) as Told;
    return { message: this.#guard.toldOf(begun, counting!, told.wrote), told };
  }

  trust(additions: Additions): string | undefined {
    if (this.#isWary) return undefined;
    return this.#committed === undefined ? 'select' : this.#guard.trust(additions === 'functions');
  }

  isDistrust(error: Error): boolean {
    const isDistrust = this.#guard.isDistrust(error);
    this.#isWary ||= isDistrust;
    return isDistrust;
  }

  pass(): void {
    this.#isPrepared = this.#committed !== undefined;
  }

  leave(): void {
    this.#isPrepared = false;
  }

  isCalledBy(error: Error): boolean {
    return this.#guard.isCall(error);
  }

  get calm(): GateVerdict | undefined {
    return this.#committed === undefined ? undefined : 'passed';
  }

  async remember(work: Session, text: () => string): Promise<void> {
    this.leave();
    const committed = this.#committed;
    if (committed === undefined) return;
    const lists = await readLists(committed);
    const inherits = await readInherits(committed);
    const tables = [...lists.secured.keys()];
    const isolated = new Set(tables);
    const rights = await readRights(
      committed,
      readingsOf(inherits, inherits, isolated, []).map(({ through }) => through),
      this.#tenancy,
    );
    const state = await readState(committed, this.#tenancy, {
      tables,
      policiesOf: tables,
      ways: true,
      defaults: true,
    });
    const asked = await tablesToAskBefore(text(), state.tables, {
      standOnAny: () => standOnAny(committed),
      changeAny: (names, writesRows) => changeAny(committed, names, writesRows),
    });
    const known = await this.#asking!.ask(work, asked);
    this.#remembered = (session) => ({
      known,
      changes: async () => {
        const changes = changesBetween(lists, await readLists(session));
        const readings = readingsOf(inherits, await readInherits(session), isolated, changes.successors);
        const through = readings.map((one) => one.through);
        const exposed = exposedBy(readings, rights, await readRights(session, through, this.#tenancy));
        return { ...changes, ways: changes.ways || readings.some(({ wasThere }) => !wasThere), exposed };
      },
      states: async (focus) => {
        // Policies that are read of one side alone would seem to be gone.
        const wanted = new Set(focus.policiesOf);
        const was = { ...state, policies: state.policies.filter(({ table }) => wanted.has(table)) };
        return [was, await readState(session, this.#tenancy, focus)];
      },
      secured: () => Promise.resolve(isolated),
    });
  }

  async judge(session: Session, file: string, called?: GateCall): Promise<GateOutcome> {
    const committed = this.#committed;
    if (committed === undefined) return { verdict: undefined, refusal: undefined, isPrepared: false };
    const canRollBack = called !== undefined;
    if (called?.message === '') return this.#letPass(session, called);
    const told = called?.told as Told | undefined;
    const call =
      called && callOf(called.message, told?.own, (touched) => this.#teller!.tellsAll(this.#rowsOf, touched));
    this.#isPrepared = call?.isPrepared === true;
    if (!this.#isPrepared) this.#inside?.forget();
    const within = call === undefined ? session : this.#inside!;
    const ahead = call && told && this.#asking?.askAhead(within, told, call);
    const { isolation } = this.#guard;
    const side =
      call === undefined
        ? this.#remembered!(session)
        : this.#sideOf({
            call,
            session: within,
            committed,
            back: called!.back,
            isolation,
            told: told && { ...told, at: ahead?.answers, around: ahead?.around },
          });
    if (side.known !== undefined) this.#known = side.known;
    this.#case = await this.#look(within, side, file, ahead);
    this.#expectsPolicies = this.#isPrepared && call!.touched.has('pg_policy');
    if (this.#expectsPolicies) {
      this.#rowsOf = new Set([...this.#rowsOf, ...call!.touched]);
      this.#teller ??= await import('./telling.ts');
    }
    const worse = this.#told(this.#case);
    const refused = worse.filter(({ mode }) => mode === 'enforce').map(({ worsening }) => worsening);
    return {
      verdict: verdictOf(worse.map(({ mode }) => mode)),
      refusal: refused.length === 0 ? undefined : refusal(file, refused, canRollBack, this.#options.insist),
      isPrepared: this.#isPrepared,
    };
  }

  /** What was expected to have written policies has written nothing that matters. */
  async #letPass(session: Session, { back }: GateCall): Promise<GateOutcome> {
    if (back.length > 0) await session.query(back.join(';'));
    this.#isPrepared = true;
    this.#expectsPolicies = false;
    this.#case = undefined;
    return { verdict: this.calm, refusal: undefined, isPrepared: true };
  }

  async appeal(session: Session): Promise<AishaError | undefined> {
    const inHand = this.#case!;
    const leaking = inHand.suspects.filter((suspect) => this.#newLeaks(suspect, inHand.answers).length > 0);
    this.#known = await this.#asking!.ask(
      session,
      leaking.map(({ table, instead }) => ({ ...table, oid: instead })),
    );
    const refused = this.#told(inHand).flatMap(({ worsening, mode }) => (mode === 'enforce' ? [worsening] : []));
    if (refused.length === 0) return undefined;
    this.#record(inHand);
    return refusal(inHand.file, refused, true, this.#options.insist);
  }

  accept(): void {
    if (this.#case === undefined) return;
    if (this.#case.looked.length > 0) this.#record(this.#case);
    // What was let pass is said once.
    this.#unsecured = [...this.#unsecured, ...this.#case.open];
    this.#case = undefined;
    this.#remembered = undefined;
    this.#known = new Map();
  }

  async end(session: Session, ran: readonly LaterFile[], later: readonly LaterFile[]): Promise<AishaError | undefined> {
    if (this.#committed === undefined) return undefined;
    const open = await readOpenTables(session, this.#tenancy, this.#unsecured);
    const refused = open.flatMap((table) => {
      const worsening = { ...leftOpen(table), mentions: mentionsOf(table, ran, later) };
      const mode = this.#modeOf(worsening.object);
      if (mode === 'off') return [];
      this.#note(worsening, mode, worsening.mentions);
      return mode === 'enforce' ? [worsening] : [];
    });
    if (refused.length === 0) return undefined;
    return new AishaError(
      'rlsGate',
      `this run leaves ${refused.length === 1 ? 'a new table' : `${refused.length} new tables`} without row-level security: ${listNames(refused.map(({ object }) => object))}`,
      {
        details: refused.flatMap(({ object, what, mentions, fix }) => [
          `${object}: ${what}${mentions === undefined ? '' : `; ${mentions}`}`,
          `  ${fix}`,
        ]),
        hint: 'What ran is applied. Secure the tables in a migration (aisha-db new), or name them under gate.exceptions in the configuration with the reason why they are open.',
      },
    );
  }

  // ── judging ───────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Compares what is there now with what was there before, as far as the file wrote to the catalog at all. */
  async #look(session: Session, side: Side, file: string, ahead?: Ahead): Promise<Case> {
    const changes = await side.changes();
    const [was, now] = await side.states(focusOf(changes));
    const leading = now.owned.length > 0 || now.ways.some(({ tables }) => tables !== null);
    const isolated = leading ? await side.secured() : new Set<number>();
    const { successors, exposed } = changes;
    const { worse, ways, suspects, exposures, concerning, looked, disabled } = compareStates(
      was,
      now,
      isolated,
      successors,
      exposed,
    );
    const open = this.#options.isStrict
      ? await readOpenTables(session, this.#tenancy, [...this.#unsecured, ...disabled])
      : [];
    // Policies that are asked anyway tell themselves what their functions do.
    const asked = now.policies.filter(({ table }) => suspects.some(({ oid }) => oid === table));
    const news = asked.flatMap(({ oid }) => (changes.policies.includes(oid) ? [oid] : []));
    const called = await this.#suspectsByCalls(session, side, changes, news);
    const concerned = await this.#isolated(session, side, concerning);
    const leadingAnywhere = await this.#leadingAnywhere(session, ways);
    const places = new Map(successors.map(({ table, instead }) => [table, instead]));
    const ownSuspect =
      (did: string, whose: string) =>
      (table: SecuredTable): Suspect => {
        const predecessor = places.get(table.oid);
        return {
          table,
          instead: predecessor ?? table.oid,
          roles: undefined,
          object: displayPath(table),
          because: '',
          ...(predecessor === undefined
            ? { did, whose }
            : { did: 'put it in the place of another table', whose: 'its policies' }),
        };
      };
    const own = [
      ...concerned.map(ownSuspect('changed whom its policies concern', 'they')),
      ...called.map(ownSuspect('changed what policies stand on', 'its policies')),
      ...suspects.map(ownSuspect('changed its policies', 'they')),
    ];
    const exposing = exposures.map((exposure): Suspect => {
      const { table, through, instead, wasThere, roles } = exposure;
      const name = displayPath(through);
      return {
        table: through,
        instead,
        roles: wasThere ? roles : undefined,
        object: displayPath(table),
        because: `${readThrough(exposure)}: `,
        did: wasThere
          ? `let ${listNames(roles.map(displayName))} use ${name}, through which its rows are read`
          : `made it a partition or child of ${name}`,
        whose: `the policies of ${name}`,
      };
    });
    const questioned = [...new Map(own.map((one) => [one.table.oid, one])).values(), ...exposing];
    const answers = await this.#asking!.askOnce(
      session,
      [...new Map(questioned.map(({ table }) => [table.oid, table])).values()],
      now,
      ahead && { ...ahead, around: side.around?.() },
    );
    return {
      file,
      worse: [...worse, ...leadingAnywhere.map(newlyOpen), ...open.map(leftOpen)],
      answers,
      suspects: questioned,
      open: [...disabled, ...open.map(({ oid }) => oid)],
      looked: [
        ...looked,
        ...concerned.map((table) => `roles whom policies of ${displayPath(table)} concern`),
        ...(called.length > 0 ? ['functions and views on which policies stand'] : []),
        ...open.map((table) => `new table ${displayPath(table)}`),
      ],
    };
  }

  #sideOf(inHand: InHand): Side {
    const { session, committed } = inHand;
    let read: Read | undefined;
    return {
      changes: async () => {
        read = await readChanges(inHand, this.#tenancy);
        return read.changes;
      },
      around: () => read?.around,
      states: (focus) => {
        const known = read?.sides && knownStates(read.sides, focus);
        if (known !== undefined) return Promise.resolve(known);
        return Promise.all([committed, session].map((one) => readState(one, this.#tenancy, focus))) as Promise<
          [GateState, GateState]
        >;
      },
      secured: () => readSecured(committed),
    };
  }

  /** Every table that was isolated, when functions or views were changed on which policies stand that were not. */
  async #suspectsByCalls(
    session: Session,
    side: Side,
    changes: Changes,
    asked: readonly number[],
  ): Promise<readonly SecuredTable[]> {
    if (!changes.isolates || changes.functions.length + changes.views.length === 0) return [];
    if (!(await standOnChanged(session, changes, asked))) return [];
    return this.#isolated(session, side, undefined);
  }

  /** Not views of tables that are nobody's, with which their users may do the same by the policies. */
  async #leadingAnywhere(session: Session, ways: readonly WayAround[]): Promise<readonly WayAround[]> {
    const isView = ({ kind, tables }: WayAround) => kind.endsWith('view') && tables!.length <= MOST_AT_ONCE;
    const tables = [...new Set(ways.flatMap((way) => (isView(way) ? way.tables! : [])))];
    if (tables.length === 0) return ways;
    const state = await readState(session, this.#tenancy, { tables, policiesOf: [], ways: false, defaults: false });
    const answers = await this.#asking!.ask(session, state.tables);
    return ways.filter((way) => {
      const isOpen = (oid: number) => way.uses.every((use) => answers.get(oid)?.open.has(use) === true);
      return !(isView(way) && way.tables!.every(isOpen));
    });
  }

  /** Tables that were isolated and are: all of them, or some. */
  async #isolated(session: Session, side: Side, some: readonly number[] | undefined): Promise<readonly SecuredTable[]> {
    if (some?.length === 0) return [];
    const secured = await side.secured();
    const tables = some?.filter((oid) => secured.has(oid)) ?? [...secured];
    const state = await readState(session, this.#tenancy, { tables, policiesOf: [], ways: false, defaults: false });
    return state.tables.filter(({ isSecured }) => isSecured);
  }

  /** What is worse, each with what is done about it. */
  #told(inHand: Case): { readonly worsening: Worsening; readonly mode: GateMode }[] {
    return this.#worsenings(inHand).map((worsening) => ({ worsening, mode: this.#modeOf(worsening.object) }));
  }

  #worsenings({ worse, suspects, answers }: Case): Worsening[] {
    const leaks = suspects.flatMap((suspect) =>
      // One thing that a table's policies open says enough; it may be every command in every session.
      this.#newLeaks(suspect, answers)
        .slice(0, 1)
        .map((what): Worsening => ({ object: suspect.object, what: `${suspect.because}${what}`, fix: undefined })),
    );
    return [...worse, ...leaks];
  }

  #newLeaks({ table, instead, roles }: Suspect, answers: Case['answers']): string[] {
    const answer = answers.get(table.oid);
    return answer === undefined ? [] : newLeaks(answer.leaks, this.#known.get(instead)?.leaks, roles);
  }

  /** What the report says about a file that was looked at. */
  #record(inHand: Case): void {
    const { file, suspects, answers, looked } = inHand;
    const told = this.#told(inHand);
    for (const { worsening, mode } of told) if (mode !== 'off') this.#note(worsening, mode, `by ${file}`);
    const undecided = suspects.flatMap((suspect) => {
      const answer = answers.get(suspect.table.oid);
      if (answer?.undecided === undefined || this.#newLeaks(suspect, answers).length > 0) return [];
      return [{ ...suspect, reason: answer.undecided }];
    });
    for (const alike of groupBy(undecided, (one) => JSON.stringify([one.reason, one.did])).values())
      this.#noteUndecided(file, alike, alike[0]!.reason);
    this.#judgements.push({ file, verdict: verdictOf(told.map(({ mode }) => mode)), looked });
  }

  #modeOf(object: string): GateMode {
    return this.#options.exceptions.find((exception) => exception.object === object)?.mode ?? this.#options.mode;
  }

  #note({ object, what, fix }: Worsening, mode: GateMode, where: string | undefined): void {
    const exception = this.#options.exceptions.find((one) => one.object === object);
    const kind = mode === 'enforce' ? 'enforced' : 'allowed';
    const reason = exception === undefined ? '' : ` (${kind}: ${exception.reason})`;
    this.#findings.push({
      check: CHECK,
      severity: mode === 'enforce' ? 'critical' : 'warning',
      object,
      message: `${what}${where === undefined ? '' : `; ${where}`}${reason}`,
      ...(fix === undefined ? {} : { remediation: fix }),
    });
  }

  #noteBlind(reason: string): void {
    this.#findings.push({
      check: CHECK,
      severity: 'warning',
      object: 'every file',
      message: `nothing is judged: the catalog may not be read (${reason})`,
      remediation: 'Run as a role that may read pg_catalog, or set "gate" to "off" in the configuration.',
    });
  }

  /** A function may have changed the policies of every table: the same is not said as often. */
  #noteUndecided(file: string, [suspect, ...others]: readonly Suspect[], reason: string): void {
    const { object, did, whose } = suspect!;
    const more = others.length === 0 ? '' : ` (and the same of ${listNames(others.map((one) => one.object))})`;
    this.#findings.push({
      check: CHECK,
      severity: 'warning',
      object,
      message: `${file} ${did}${more}, and ${whose} could not be asked what they open now: ${reason}`,
      remediation: 'aisha-db rls-check says what it takes.',
    });
  }
}

/** @param tellsAll the rows that were told are all that catalogs which were written to have */
function callOf(message: string, own: OwnRows | undefined, tellsAll: (touched: Call['touched']) => boolean): Call {
  const call = readCall(message);
  return own !== undefined && tellsAll(call.touched) ? { ...call, own } : call;
}

function verdictOf(modes: readonly GateMode[]): GateVerdict {
  return modes.includes('enforce') ? 'refused' : modes.includes('warn') ? 'warned' : 'passed';
}

function refusal(
  file: string,
  worse: readonly Worsening[],
  canRollBack: boolean,
  insist: string | undefined,
): AishaError {
  const objects = listNames([...new Set(worse.map(({ object }) => object))]);
  const end = canRollBack
    ? 'nothing of the file remains'
    : 'it ran statement by statement and cannot be rolled back: what it did is committed and recorded';
  return new AishaError('rlsGate', `${file} makes isolation worse for ${objects}; ${end}`, {
    details: worse.flatMap(({ object, what, fix }) => [
      `${object}: ${what}`,
      ...(fix === undefined ? [] : [`  ${fix}`]),
    ]),
    hint: canRollBack
      ? `Change the file so that what it opens is closed again at its end, or name what is meant under gate.exceptions in the configuration with the reason${insist === undefined ? '' : `, or insist with ${insist}`}.`
      : 'Close it with a new migration now; or name what is meant under gate.exceptions in the configuration with the reason.',
  });
}

/** Files that name the table: the one that made it, and the one that would secure it. */
function mentionsOf(table: OpenTable, ran: readonly LaterFile[], later: readonly LaterFile[]): string | undefined {
  const spellings = [table.name, quoteIdentifier(table.name)].map((name) => name.toLowerCase());
  const names = ({ text }: LaterFile) => spellings.some((name) => text().toLowerCase().includes(name));
  const origin = ran.find(names);
  const cure = later.find((file) => /row\s+level\s+security|rls/i.test(file.text()) && names(file));
  const parts = [
    origin === undefined ? undefined : `it comes with ${origin.file}`,
    cure === undefined ? undefined : `${cure.file}, which has not run, names it beside row-level security`,
  ].filter((part) => part !== undefined);
  return parts.length === 0 ? undefined : parts.join(', and ');
}
