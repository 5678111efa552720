import { AishaError } from '../../errors.ts';
import type { Gate, GateJudgement, LaterFile } from '../../migrations/gate.ts';
import { NestedSession } from '../../postgres/nested-session.ts';
import { quoteIdentifier } from '../../postgres/quote.ts';
import { SQLSTATE, serverError } from '../../postgres/server-error.ts';
import type { Session } from '../../postgres/session.ts';
import type { Finding } from '../../report/report.ts';
import { displayPath, listNames } from '../names.ts';
import type { TenancySettings } from '../settings.ts';
import { compareStates, leftOpen, type Worsening } from './compare.ts';
import { newLeaks, type TableAnswer } from './leaks.ts';
import { guardSql, isCalledBy, readOpenTables, readState, readUnsecured } from './read-state.ts';
import type { GateMode, GateSettings } from './settings.ts';
import type { GateState, OpenTable, SecuredTable } from './state.ts';

export interface GateOptions extends GateSettings {
  /** A new table that is open is refused in its own file. */
  readonly isStrict: boolean;
}

/** A file in hand whose changes were looked at. */
interface Case {
  readonly file: string;
  readonly after: GateState;
  readonly worse: readonly Worsening[];
  readonly answers: ReadonlyMap<number, TableAnswer>;
  readonly suspects: readonly SecuredTable[];
  /** New tables without RLS, where that is judged at once. */
  readonly open: readonly OpenTable[];
  readonly looked: readonly string[];
}

const CHECK = 'gate';

/** The gate of migrate (docs/gate.md): facts of the catalog before and behind each file, and what policies answer. */
export class IsolationGate implements Gate {
  readonly #options: GateOptions;
  readonly #tenancy: TenancySettings;
  readonly #findings: Finding[] = [];
  readonly #judgements: GateJudgement[] = [];
  /** `undefined` when the catalog may not be read. */
  #before: GateState | undefined;
  #unsecured: readonly number[] = [];
  #case: Case | undefined;
  /** What policies opened already before the file in hand, by the table's OID: found out only when it matters. */
  #known = new Map<number, TableAnswer>();

  constructor(options: GateOptions, tenancy: TenancySettings) {
    this.#options = options;
    this.#tenancy = tenancy;
  }

  get findings(): readonly Finding[] {
    return this.#findings;
  }

  get judgements(): readonly GateJudgement[] {
    return this.#judgements;
  }

  async begin(session: Session): Promise<void> {
    try {
      this.#before = await readState(session, this.#tenancy, [], this.#options.isStrict);
      this.#unsecured = await readUnsecured(session);
    } catch (error) {
      const refusal = serverError(error);
      if (refusal?.code !== SQLSTATE.insufficientPrivilege) throw error;
      this.#noteBlind(refusal.message);
    }
  }

  get guard(): string {
    return this.#before === undefined ? 'select 1' : guardSql(this.#before.key, this.#options.isStrict);
  }

  isCalledBy(error: Error): boolean {
    return isCalledBy(error);
  }

  async judge(session: Session, file: string, canRollBack: boolean): Promise<AishaError | undefined> {
    const before = this.#before;
    if (before === undefined) return undefined;
    const known = before.tables.map(({ oid }) => oid);
    const after = await readState(session, this.#tenancy, known, this.#options.isStrict);
    if (after.key === before.key) return undefined;
    const { worse, suspects, looked } = compareStates(before, after);
    const open = this.#options.isStrict ? await this.#openTables(session, before) : [];
    const answers = await this.#ask(canRollBack ? new NestedSession(session) : session, suspects);
    this.#case = {
      file,
      after,
      worse: [...worse, ...open.map(leftOpen)],
      answers,
      suspects,
      open,
      looked: [...looked, ...open.map((table) => `new table ${displayPath(table)}`)],
    };
    return this.#verdict(this.#case, canRollBack);
  }

  async appeal(session: Session): Promise<AishaError | undefined> {
    const inHand = this.#case!;
    const leaking = inHand.suspects.filter(({ oid }) => this.#newLeaks(oid, inHand.answers.get(oid)).length > 0);
    this.#known = new Map(await this.#ask(session, leaking));
    const standing = this.#verdict(inHand, true);
    if (standing !== undefined) this.#record(inHand);
    return standing;
  }

  accept(): void {
    if (this.#case === undefined) return;
    const { after, open, looked } = this.#case;
    if (looked.length > 0) this.#record(this.#case);
    this.#before = after;
    // What was let pass is said once.
    this.#unsecured = [...this.#unsecured, ...open.map(({ oid }) => oid), ...after.disabled.map(({ oid }) => oid)];
    this.#case = undefined;
    this.#known = new Map();
  }

  async end(session: Session, ran: readonly LaterFile[], later: readonly LaterFile[]): Promise<AishaError | undefined> {
    if (this.#before === undefined) return undefined;
    const open = await this.#openTables(session, this.#before);
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

  #verdict(inHand: Case, canRollBack: boolean): AishaError | undefined {
    const refused = this.#worsenings(inHand).filter(({ object }) => this.#modeOf(object) === 'enforce');
    return refused.length === 0 ? undefined : refusal(inHand.file, refused, canRollBack);
  }

  #worsenings({ worse, suspects, answers }: Case): Worsening[] {
    const leaks = suspects.flatMap((table) =>
      // One thing that a table's policies open says enough; it may be every command in every session.
      this.#newLeaks(table.oid, answers.get(table.oid))
        .slice(0, 1)
        .map((what): Worsening => ({ object: displayPath(table), what, fix: undefined })),
    );
    return [...worse, ...leaks];
  }

  #newLeaks(oid: number, answer: TableAnswer | undefined): string[] {
    return answer === undefined ? [] : newLeaks(answer.leaks, this.#known.get(oid)?.leaks);
  }

  /** What the report says about a file that was looked at. */
  #record(inHand: Case): void {
    const { file, suspects, answers, looked } = inHand;
    const told = this.#worsenings(inHand).map((worsening) => ({ worsening, mode: this.#modeOf(worsening.object) }));
    for (const { worsening, mode } of told) if (mode !== 'off') this.#note(worsening, mode, `by ${file}`);
    for (const table of suspects) {
      const answer = answers.get(table.oid);
      if (answer?.undecided === undefined || this.#newLeaks(table.oid, answer).length > 0) continue;
      this.#noteUndecided(file, table, answer.undecided);
    }
    const modes = told.map(({ mode }) => mode);
    const verdict = modes.includes('enforce') ? 'refused' : modes.includes('warn') ? 'warned' : 'passed';
    this.#judgements.push({ file, verdict, looked });
  }

  #modeOf(object: string): GateMode {
    return this.#options.exceptions.find((exception) => exception.object === object)?.mode ?? this.#options.mode;
  }

  #note({ object, what, fix }: Worsening, mode: GateMode, where: string | undefined): void {
    const exception = this.#options.exceptions.find((one) => one.object === object);
    const reason = exception === undefined ? '' : ` (allowed: ${exception.reason})`;
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

  #noteUndecided(file: string, table: SecuredTable, reason: string): void {
    this.#findings.push({
      check: CHECK,
      severity: 'warning',
      object: displayPath(table),
      message: `${file} changed its policies, and they could not be asked what they open now: ${reason}`,
      remediation: 'aisha-db rls-check says what it takes.',
    });
  }

  // ── asking ────────────────────────────────────────────────────────────────────────────────────────────────────────

  async #ask(session: Session, tables: readonly SecuredTable[]): Promise<ReadonlyMap<number, TableAnswer>> {
    if (tables.length === 0) return new Map();
    // Few runs change a policy: what asks them is not loaded for the others.
    const [{ readFactsOf }, { answerOf }] = await Promise.all([import('../read-facts.ts'), import('./answer.ts')]);
    const wanted = new Set(tables.map(({ oid }) => oid));
    const facts = await readFactsOf(session, this.#tenancy, ({ oid }) => wanted.has(oid));
    return new Map(
      [...facts.tables.values()].flatMap((table) =>
        wanted.has(table.oid) ? [[table.oid, answerOf(facts, table)] as const] : [],
      ),
    );
  }

  #openTables(session: Session, before: GateState): Promise<OpenTable[]> {
    const known = [...this.#unsecured, ...before.tables.map(({ oid }) => oid)];
    return readOpenTables(session, this.#tenancy, known);
  }
}

function refusal(file: string, worse: readonly Worsening[], canRollBack: boolean): AishaError {
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
      ? 'Change the file so that what it opens is closed again at its end, or name what is meant under gate.exceptions in the configuration with the reason.'
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
