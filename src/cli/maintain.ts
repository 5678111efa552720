import type { Context } from '../commands/command.ts';
import { AishaError } from '../errors.ts';
import { CADENCES, type Cadence, type Task, tasksOf, type WorkTask } from '../maintenance/cadence.ts';
import { historyReport, type RecordedRun, sizeCharts, unfinishedRun } from '../maintenance/history.ts';
import {
  baselineFindings,
  type EarlierMeasures,
  errorFindings,
  growthTable,
  type Measures,
} from '../maintenance/measures.ts';
import { readFacts } from '../maintenance/read-facts.ts';
import { readMeasures } from '../maintenance/read-measures.ts';
import type { WorkOutcome } from '../maintenance/work.ts';
import { counted } from '../report/quantity.ts';
import type { Check, CommandResult, Finding } from '../report/report.ts';
import { configuredChecks, diagnose } from './diagnosis.ts';
import { type Maintenance, type MaintenanceRun, outcomeOf, withMaintenance, work } from './maintenance.ts';
import { notify, webhookOf } from './notify.ts';

/** What became of a task, for the report and the record. */
interface TaskOutcome {
  readonly task: Task;
  readonly state: 'done' | 'left' | 'failed' | 'done before';
  readonly ms: number;
}

/** All that the tasks of a routine said so far. */
interface Gathered {
  readonly results: CommandResult[];
  readonly tasks: TaskOutcome[];
  readonly outcomes: WorkOutcome[];
}

/** Runs a routine: its work on tables and indexes, its questions, its own tasks; in the order of the configuration. */
export async function maintain(context: Context, cadence: Cadence, run: MaintenanceRun): Promise<CommandResult> {
  const tasks = routine(context, cadence);
  const webhook = webhookOf(context);
  const external = tasks.some(({ own }) => own === 'backup') ? await externalOf(context) : undefined;
  const result = await withMaintenance(context, run, async (maintenance) => {
    const runs = await maintenance.history.read();
    if (run.dryRun) return preview(context, maintenance, run, tasks, external);
    const unfinished = unfinishedRun(runs, run.command, Date.now());
    const gathered: Gathered = { results: [], tasks: [], outcomes: [] };
    const routineRun = new Routine(context, maintenance, run, gathered, earlierMeasures(runs, run.command));
    try {
      for (const task of tasks) await routineRun.do(task, isDone(task, unfinished));
      await routineRun.review();
      const measures = context.signal.aborted ? undefined : await routineRun.measures();
      await maintenance.history.end(outcomeOfRoutine(gathered, context.signal), measures);
    } catch (error) {
      await maintenance.history.end(context.signal.aborted ? 'stopped' : 'failed', undefined).catch(() => {});
      throw error;
    }
    return summarize(context, cadence, gathered, await maintenance.history.read());
  });
  return run.dryRun ? result : notify(context, webhook, run.command, result);
}

/** Goes on with the routines that a window, patience or a kill stopped. */
export async function resume(context: Context, runOf: (cadence: Cadence) => MaintenanceRun): Promise<CommandResult> {
  const open = await readHistory(context);
  const stopped = CADENCES.filter((cadence) => unfinishedRun(open, `maintain ${cadence}`, Date.now()) !== undefined);
  const results: CommandResult[] = [];
  for (const cadence of stopped) {
    if (context.signal.aborted) break;
    results.push(await maintain(context, cadence, runOf(cadence)));
  }
  return results.length === 0 ? { text: 'No routine was left unfinished.' } : joined(results);
}

/** Shows the runs that are recorded. */
export async function showHistory(context: Context): Promise<CommandResult> {
  return historyReport(await readHistory(context));
}

function readHistory(context: Context): Promise<readonly RecordedRun[]> {
  return withMaintenance(context, { command: 'maintain', dryRun: true }, ({ history }) => history.read());
}

function routine(context: Context, cadence: Cadence): readonly Task[] {
  const known = new Set(configuredChecks(context).flatMap(({ definition: { id, category } }) => [id, category]));
  return tasksOf(context.config.maintenance.routines[cadence], known);
}

function isDone(task: Task, unfinished: RecordedRun | undefined): boolean {
  // What is decided by facts is looked at again; a backup that was taken is not taken twice.
  if (task.own !== 'backup') return false;
  return (
    unfinished?.tasks.some(({ task: name, object, state }) => name === task.name && !object && state === 'done') ===
    true
  );
}

function earlierMeasures(runs: readonly RecordedRun[], command: string): EarlierMeasures | undefined {
  const measured = runs.flatMap(({ command: by, startedAt: at, measures }) =>
    measures === undefined ? [] : [{ by, at, measures }],
  );
  return measured.find(({ by }) => by === command) ?? measured[0];
}

async function preview(
  context: Context,
  maintenance: Maintenance,
  run: MaintenanceRun,
  tasks: readonly Task[],
  external: string | undefined,
): Promise<CommandResult> {
  const kinds = new Set(tasks.flatMap(({ work: kind }) => kind ?? []));
  const { result } = await work(context, maintenance, { ...run, kinds });
  const others = tasks.filter(({ work: kind }) => kind === undefined);
  return {
    ...result,
    tables: [
      ...(result.tables ?? []),
      {
        title: 'Other tasks',
        columns: ['task', 'what'],
        rows: others.map((task) => [task.name, describeTask(task, external)]),
      },
    ].filter(({ rows }) => rows.length > 0),
    data: { ...result.data, tasks: tasks.map(({ name }) => name) },
  };
}

function describeTask({ title, checks, own }: Task, external: string | undefined): string {
  if (own !== 'backup') return checks.length === 0 ? title : `${title}: ${checks.join(', ')}`;
  return `${title}, proved by a restore, ${external === undefined ? 'in the store alone: no external storage is configured' : `and copied to ${external}`}`;
}

async function externalOf(context: Context): Promise<string | undefined> {
  const { externalStorage } = await import('./routine-backup.ts');
  return externalStorage(context);
}

class Routine {
  readonly #context: Context;
  readonly #maintenance: Maintenance;
  readonly #run: MaintenanceRun;
  readonly #gathered: Gathered;
  readonly #before: EarlierMeasures | undefined;
  readonly #questions: Task[] = [];
  #measures: Measures | undefined;

  constructor(
    context: Context,
    maintenance: Maintenance,
    run: MaintenanceRun,
    gathered: Gathered,
    before: EarlierMeasures | undefined,
  ) {
    this.#context = context;
    this.#maintenance = maintenance;
    this.#run = run;
    this.#gathered = gathered;
    this.#before = before;
  }

  /** Questions to the checks are gathered: they are asked together, once the work is done. */
  async do(task: Task, isDoneBefore: boolean): Promise<void> {
    if (this.#context.signal.aborted) return this.#end(task, 'left', 0);
    if (isDoneBefore) return this.#end(task, 'done before', 0);
    if (task.checks.length > 0) this.#questions.push(task);
    const startedAt = Date.now();
    if (task.work !== undefined) await this.#work(task, task.work);
    else if (task.own === 'backup') await this.#backUp(task);
    else if (task.own !== undefined) await this.#compare(task);
    if (task.checks.length === 0 && task.own !== 'backup' && task.work === undefined) {
      await this.#end(task, 'done', Date.now() - startedAt);
    }
  }

  async review(): Promise<void> {
    if (this.#questions.length === 0 || this.#context.signal.aborted) return;
    const startedAt = Date.now();
    const names = [...new Set(this.#questions.flatMap(({ checks }) => checks))];
    const { text: _text, ...result } = await diagnose(this.#context, {
      names,
      requested: [],
      save: false,
      trend: false,
      runsDir: undefined,
    });
    this.#gathered.results.push(result);
    for (const task of this.#questions) await this.#end(task, 'done', Date.now() - startedAt);
  }

  async measures(): Promise<Measures> {
    this.#measures ??= await this.#measure();
    return this.#measures;
  }

  async #measure(): Promise<Measures> {
    const { control, capabilities } = this.#maintenance;
    const { tables } = await readFacts(control, { ignoredSchemas: capabilities.ignoredSchemas, bloat: new Map() });
    return readMeasures(control, tables, capabilities.extensions.get('pg_stat_statements')?.schema);
  }

  async #work(task: Task, kind: WorkTask): Promise<void> {
    const startedAt = Date.now();
    const { result, outcomes } = await work(this.#context, this.#maintenance, { ...this.#run, kinds: new Set([kind]) });
    this.#gathered.results.push(result);
    this.#gathered.outcomes.push(...outcomes);
    const outcome = outcomeOf(outcomes);
    await this.#end(task, outcome === 'stopped' ? 'left' : outcome, Date.now() - startedAt);
  }

  async #compare(task: Task): Promise<void> {
    const measures = await this.measures();
    const check = (id: string, title: string, findings: readonly Finding[]): CommandResult => ({
      checks: [{ id, title, status: findings.length === 0 ? 'passed' : 'failed' }],
      findings,
    });
    if (task.own === 'errors')
      this.#gathered.results.push(
        check('server-errors', 'The server counted no errors', errorFindings(measures, this.#before)),
      );
    else if (task.own === 'baseline') this.#gathered.results.push(this.#baseline(measures));
    else {
      const table = growthTable(measures, this.#before);
      if (table !== undefined) this.#gathered.results.push({ tables: [table] });
    }
  }

  #baseline(measures: Measures): CommandResult {
    const about = { id: 'baseline', title: 'Statements are not slower than at the last baseline' } as const;
    const reason =
      measures.queries === undefined
        ? 'pg_stat_statements cannot be read'
        : this.#before?.measures.queries === undefined
          ? 'this is the first baseline: the next one is compared with it'
          : undefined;
    // Nothing to compare with is no failure; nothing to measure is.
    if (reason !== undefined) {
      const status: Check['status'] = measures.queries === undefined ? 'unknown' : 'not-applicable';
      return { checks: [{ ...about, status, reason }] };
    }
    const findings = baselineFindings(measures, this.#before);
    return { checks: [{ ...about, status: findings.length === 0 ? 'passed' : 'failed' }], findings };
  }

  async #backUp(task: Task): Promise<void> {
    const startedAt = Date.now();
    const { routineBackup } = await import('./routine-backup.ts');
    const result = await routineBackup(this.#context, this.#maintenance.control.target);
    this.#gathered.results.push(result);
    await this.#end(task, result.error === undefined ? 'done' : 'failed', Date.now() - startedAt);
  }

  async #end(task: Task, state: TaskOutcome['state'], ms: number): Promise<void> {
    this.#gathered.tasks.push({ task, state, ms });
    await this.#maintenance.history.add({
      task: task.name,
      state: state === 'done before' ? 'done' : state,
      reason: state === 'done before' ? 'done by the run that was stopped' : undefined,
      ms,
    });
  }
}

function outcomeOfRoutine({ tasks, outcomes }: Gathered, signal: AbortSignal): 'done' | 'stopped' | 'failed' {
  if (signal.aborted || tasks.some(({ state }) => state === 'left')) return 'stopped';
  return tasks.some(({ state }) => state === 'failed') ? 'failed' : outcomeOf(outcomes);
}

function summarize(
  { quiet }: Context,
  cadence: Cadence,
  { results, tasks, outcomes }: Gathered,
  runs: readonly RecordedRun[],
): CommandResult {
  const { tables = [], findings = [], ...rest } = joined(results);
  const done = outcomes.filter(({ state }) => state === 'done').length;
  const left = outcomes.filter(({ state }) => state === 'left' || state === 'cut').length;
  const statements = outcomes.length === 0 ? '' : `, ${counted(done, 'statement')} done`;
  return {
    ...rest,
    text: `maintain ${cadence}: ${counted(tasks.length, 'task')}${statements}${left === 0 ? '' : `, ${left} left for the next run`}, ${counted(findings.length, 'finding')}.`,
    findings,
    // Cron mails whatever is written: with --quiet that is the summary, and what somebody has to do.
    tables: quiet ? [] : tables,
    charts: sizeCharts(runs),
    data: {
      ...rest.data,
      routine: cadence,
      tasks: tasks.map(({ task: { name }, state, ms }) => ({ task: name, state, ms })),
      statements: results.flatMap(({ data }) => (data?.['tasks'] as unknown[] | undefined) ?? []),
    },
  };
}

/** Several results as one; the first error is the error. */
function joined(results: readonly CommandResult[]): CommandResult {
  const errors = results.flatMap(({ error }) => (error instanceof AishaError ? [error] : []));
  return {
    text: results.flatMap(({ text }) => text ?? []).join(' '),
    checks: results.flatMap(({ checks = [] }) => checks),
    findings: results.flatMap(({ findings = [] }) => findings),
    tables: results.flatMap(({ tables = [] }) => tables),
    charts: results.flatMap(({ charts = [] }) => charts),
    data: Object.assign({}, ...results.map(({ data }) => data)),
    ...(errors[0] === undefined ? {} : { error: errors[0] }),
  };
}
