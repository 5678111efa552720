import { AishaError } from '../errors.ts';
import type { Gate } from '../migrations/gate.ts';
import { migrate } from '../migrations/migrate.ts';
import type { RunHooks } from '../migrations/open.ts';
import { describeChanges } from './catalog-print.ts';
import type { Copy } from './copy.ts';
import { effectsOf, type FileEffects, type Step } from './observation.ts';
import type { RehearsalOrder } from './rehearse.ts';
import type { FileRehearsal, FileVerdict, RollbackRehearsal } from './result.ts';
import type { RunGate } from './run-gate.ts';
import { type Snapshot, StepReader, sampleLocks, takeSnapshot } from './watch.ts';

const NOT_TRIED: RollbackRehearsal = {
  state: 'not-tried',
  files: [],
  backMs: undefined,
  forthMs: undefined,
  reason: [],
  leftovers: [],
};

/** Applies files to the copy one by one, each in a session of its own, and sees what each does. */
export class FileRehearser {
  readonly #copy: Copy;
  readonly #order: RehearsalOrder;
  readonly #gate: RunGate;
  readonly #hooks: RunHooks;
  readonly #steps: StepReader;
  /** The copy before each file, for the comparison after its rollback. */
  readonly before = new Map<string, Snapshot>();
  #last: Snapshot | undefined;

  constructor(copy: Copy, order: RehearsalOrder, gate: RunGate, hooks: RunHooks) {
    this.#copy = copy;
    this.#order = order;
    this.#gate = gate;
    this.#hooks = hooks;
    this.#steps = new StepReader(copy.admin, Number.parseInt(copy.serverVersion, 10));
  }

  async apply(file: string, mode: string): Promise<FileRehearsal> {
    const before = this.#last ?? (await this.snapshot());
    this.before.set(file, before);
    await this.#steps.next();
    const isSampled = mode !== 'transaction';
    const startedAt = performance.now();
    const { error, sampled, gate } = await this.#migrate(file, isSampled);
    const durationMs = Math.round(performance.now() - startedAt);
    const steps = [...(await this.#steps.next()), ...sampled];
    const after = await this.snapshot();
    this.#last = after;
    return {
      file,
      mode,
      state: error === undefined ? 'applied' : 'failed',
      durationMs: this.#measured ?? durationMs,
      reason: error === undefined ? [] : [error.message, ...error.details],
      effects: this.#withoutLedger(effectsOf(before.relations, after.relations, steps)),
      isSampled,
      catalog: describeChanges(before.catalog, after.catalog),
      grewBy: after.bytes - before.bytes,
      newFindings: undefined,
      gate: verdictOn(file, gate),
      rollback: NOT_TRIED,
    };
  }

  /** A file behind one that failed. */
  notReached(file: string, mode: string): FileRehearsal {
    return {
      file,
      mode,
      state: 'not-run',
      durationMs: 0,
      reason: [],
      effects: { locks: [], tables: [], rowsChanged: 0 },
      isSampled: false,
      catalog: [],
      grewBy: 0,
      newFindings: undefined,
      gate: verdictOn(file, undefined),
      rollback: NOT_TRIED,
    };
  }

  snapshot(): Promise<Snapshot> {
    return takeSnapshot(this.#copy.admin, this.#order.source.ledger);
  }

  /** The runner's own time of the file in hand (ms): without connecting and looking. */
  #measured: number | undefined;

  async #migrate(
    file: string,
    isSampled: boolean,
  ): Promise<{ error: AishaError | undefined; sampled: Step[]; gate: Gate | undefined }> {
    let gate: Gate | undefined;
    const work = async (): Promise<AishaError | undefined> => {
      const { source, migrate: options } = this.#order;
      const openGate = () => this.#gate.ofFile();
      const only = { ...options, openGate, only: file, dryRun: false };
      const { entries, error, applied, gate: asked } = await migrate(source, this.#copy.target, only, this.#hooks);
      gate = asked;
      this.#measured = entries.find((entry) => entry.file === file)?.durationMs;
      if (error !== undefined || applied > 0) return error;
      return new AishaError('plan', `${file} was not applied`);
    };
    if (!isSampled) {
      const error = await work();
      return { error, sampled: [], gate };
    }
    const { result, step } = await sampleLocks(this.#copy.admin, work);
    return { error: result, sampled: [step], gate };
  }

  #withoutLedger(effects: FileEffects): FileEffects {
    const { schema, table } = this.#order.source.ledger;
    const isLedger = ({ table: name }: { readonly table: string }) =>
      name === `${schema}.${table}` || name.startsWith(`${schema}.${table}_`);
    return {
      ...effects,
      locks: effects.locks.filter((lock) => !isLedger(lock)),
      tables: effects.tables.filter((effect) => !isLedger(effect)),
    };
  }
}

function verdictOn(file: string, gate: Gate | undefined): FileVerdict {
  const judged = gate?.judgements.find((judgement) => judgement.file === file);
  return {
    verdict: judged?.verdict ?? gate?.calm,
    looked: judged?.looked ?? [],
    findings: gate?.findings ?? [],
  };
}
