import { setTimeout as sleep } from 'node:timers/promises';
import { AishaError, messageOf } from '../errors.ts';
import { quoteLiteral } from '../postgres/quote.ts';
import { SQLSTATE, serverError } from '../postgres/server-error.ts';
import type { Session } from '../postgres/session.ts';
import { type AuditLog, auditSql } from './audit.ts';
import { readAuditLog } from './fix-catalog.ts';
import type { FixPlan, Reached } from './fix-plan.ts';
import { beginBatchSql, endBatchSql, type FixRecord, openFix, setStateSql } from './fix-record.ts';
import {
  listTodoSql,
  lockParentSql,
  type Part,
  repairSql,
  savedCountsSql,
  saveOrphansSql,
  saveReachedSql,
  WRITTEN_SQL,
} from './fix-sql.ts';
import { countSql } from './sql.ts';
import { compare, type SavedCount, type Written } from './written.ts';

export interface FixOptions {
  /** Schema of the ledger: saved rows go there. */
  readonly schema: string;
  readonly batchSize: number;
  /** Milliseconds between two batches. */
  readonly pauseMs: number;
  readonly lockTimeoutMs: number;
  /** How often a batch is tried again that waited for a lock in vain. */
  readonly retries: number;
  readonly timeoutMs: number;
  /** What triggers write to other tables is accepted, though it is not saved. */
  readonly acceptTriggers: boolean;
  /** Written to audit_log. */
  readonly author: string;
  readonly signal: AbortSignal;
  readonly onProgress: (done: number, total: number) => void;
  readonly onRetry: (why: string) => void;
}

/** What a repair did. */
export interface FixOutcome {
  readonly plan: FixPlan;
  readonly record: FixRecord | undefined;
  /** Orphans that were repaired. */
  readonly repaired: number;
  /** Rows that cascades deleted or changed. */
  readonly followed: number;
  /** Orphans that are there afterwards: locked by others, or new. */
  readonly left: number | undefined;
  readonly auditLog: boolean;
  /** Why it stopped before its end; what was done until then stays done and saved. */
  readonly error: AishaError | undefined;
}

/** A lock that others hold, a deadlock: the batch is undone and may be tried again. */
const RETRIED: ReadonlySet<string> = new Set([SQLSTATE.lockNotAvailable, SQLSTATE.deadlock, SQLSTATE.serialization]);

/**
 * Carries out a plan in batches. Each is one transaction: the parent is locked against new rows, orphans are locked and
 * saved, then what refers to them, then they are deleted or changed if they still are orphans, and what the server says
 * was written is compared with what was saved. A batch that wrote anything else is undone and ends the repair.
 */
export async function fixRelation(session: Session, plan: FixPlan, options: FixOptions): Promise<FixOutcome> {
  const fix = new Fix(session, plan, options);
  return fix.run();
}

class Fix {
  readonly #session: Session;
  readonly #plan: FixPlan;
  readonly #options: FixOptions;
  readonly #logs = new Map<Part, AuditLog>();
  #record: FixRecord | undefined;
  #repaired = 0;
  #followed = 0;

  constructor(session: Session, plan: FixPlan, options: FixOptions) {
    this.#session = session;
    this.#plan = plan;
    this.#options = options;
  }

  async run(): Promise<FixOutcome> {
    const { schema, onProgress } = this.#options;
    const { relation, orphans } = this.#plan;
    // The server undoes the batch of a connection that is cut.
    const cut = (): void => this.#session.destroy();
    this.#options.signal.addEventListener('abort', cut, { once: true });
    try {
      await this.#limit();
      this.#record = await openFix(this.#session, schema, this.#plan);
      await this.#findLogs();
      for (const statement of listTodoSql(relation, orphans)) await this.#session.query(statement);
      for (let isDone = false; !isDone; ) {
        isDone = await this.#batchWithRetries();
        onProgress(this.#repaired, orphans);
        if (!isDone) await sleep(this.#options.pauseMs, undefined, { signal: this.#options.signal });
      }
      await this.#session.query(setStateSql(schema, 'done'), [this.#record.id]);
      return this.#outcome(undefined, await this.#countLeft());
    } catch (error) {
      await this.#session.undo().catch(() => {});
      return this.#outcome(this.#explain(error), undefined);
    } finally {
      this.#options.signal.removeEventListener('abort', cut);
    }
  }

  #outcome(error: AishaError | undefined, left: number | undefined): FixOutcome {
    const { plan, record, repaired, followed } = {
      plan: this.#plan,
      record: this.#record,
      repaired: this.#repaired,
      followed: this.#followed,
    };
    return { plan, record, repaired, followed, left, auditLog: this.#logs.size > 0, error };
  }

  async #countLeft(): Promise<number> {
    const [row] = await this.#session.query<{ orphans: number }>(countSql(this.#plan.relation));
    return row!.orphans;
  }

  async #findLogs(): Promise<void> {
    for (const part of this.#record!.parts) {
      const table = this.#plan.tables.find(({ oid }) => oid === part.table.oid);
      const log = table && (await readAuditLog(this.#session, table));
      if (log !== undefined) this.#logs.set(part, log);
    }
  }

  /** Limits and row security; the search path stays the role's, since triggers may rely on it. */
  async #limit(): Promise<void> {
    const { lockTimeoutMs, timeoutMs } = this.#options;
    const settings = {
      lock_timeout: lockTimeoutMs,
      statement_timeout: timeoutMs,
      idle_in_transaction_session_timeout: 60_000,
      row_security: 'off',
    };
    const calls = Object.entries(settings).map(
      ([name, value]) => `pg_catalog.set_config(${quoteLiteral(name)}, ${quoteLiteral(String(value))}, false)`,
    );
    await this.#session.query(`select ${calls.join(', ')}`);
  }

  async #batchWithRetries(): Promise<boolean> {
    const { retries, signal, onRetry } = this.#options;
    for (let attempt = 0; ; attempt++) {
      signal.throwIfAborted();
      try {
        return await this.#batch();
      } catch (error) {
        await this.#session.undo();
        const code = serverError(error)?.code;
        if (code === undefined || !RETRIED.has(code) || attempt >= retries) throw error;
        onRetry(messageOf(error));
        await sleep(Math.min(5_000, 200 * 2 ** attempt), undefined, { signal });
      }
    }
  }

  /** Returns true when the list was empty. */
  async #batch(): Promise<boolean> {
    const { schema, batchSize } = this.#options;
    const { parts, id } = this.#record!;
    const [own] = parts;
    await this.#session.query('begin isolation level read committed read write');
    const [begun] = await this.#session.query<{ batches: number }>(beginBatchSql(schema), [id]);
    const batch = begun!.batches;
    await this.#session.query(lockParentSql(this.#plan.relation));
    const [picked] = await this.#session.query<{ taken: number; saved: number }>(
      saveOrphansSql(this.#plan.relation, own!),
      [batch, batchSize],
    );
    const { taken, saved } = picked!;
    let followed = 0;
    if (saved > 0) {
      followed = await this.#saveReached(batch);
      await this.#repair(batch, own!, saved);
      const { kind, columns } = this.#plan;
      for (const [part, log] of this.#logs)
        await this.#session.query(auditSql(log, kind, columns, part, this.#options.author), [batch]);
      await this.#session.query(endBatchSql(schema), [id, saved]);
    }
    await this.#session.query('commit');
    this.#repaired += saved;
    this.#followed += followed;
    return taken === 0;
  }

  /** Saves what cascades will delete, as far as they reach, then what they will change. */
  async #saveReached(batch: number): Promise<number> {
    const { deleting, changing } = this.#plan;
    let total = 0;
    for (let added = -1; added !== 0; ) {
      added = 0;
      for (const one of deleting) added += await this.#saveThrough(one, batch, 'cascade');
      total += added;
    }
    for (const one of changing) total += await this.#saveThrough(one, batch, 'change');
    return total;
  }

  async #saveThrough({ key }: Reached, batch: number, as: 'cascade' | 'change'): Promise<number> {
    const from = this.#partsOf(key.parent);
    const to = this.#partsOf(key.table)[0];
    let added = 0;
    for (const part of from) {
      // No rows of that table were there when it was planned: if there are now, the comparison afterwards says so.
      if (to === undefined) continue;
      const { rowCount } = await this.#session.client.query(saveReachedSql(key, part, to, as), [batch]);
      added += rowCount ?? 0;
    }
    return added;
  }

  /** The parts that hold rows of a table: its own, or those of a partition that it has. */
  #partsOf(oid: number): readonly Part[] {
    const { child } = this.#plan.relation;
    const [own, ...others] = this.#record!.parts;
    const parts = others.filter((part) => part.table.oid === oid);
    return own!.table.oid === oid || child.ancestors.includes(oid) ? [own!, ...parts] : parts;
  }

  async #repair(batch: number, own: Part, saved: number): Promise<void> {
    const before = await this.#written();
    const { rowCount } = await this.#session.client.query(repairSql(this.#plan, own), [batch]);
    const after = await this.#written();
    if (rowCount !== saved) {
      throw refusal(`${saved} rows of ${own.table.title} were to be repaired, and ${rowCount} were`, [
        'a trigger may have prevented it',
      ]);
    }
    const expected = await this.#session.query<SavedCount>(savedCountsSql(this.#record!.parts), [batch]);
    const surprises = compare(before, after, expected, this.#plan.kind, this.#options.acceptTriggers);
    if (surprises.length > 0) throw refusal('the repair would write what the plan did not announce', surprises);
  }

  #written(): Promise<Written[]> {
    return this.#session.query<Written>(WRITTEN_SQL);
  }

  #explain(error: unknown): AishaError {
    const hint = 'What was repaired is saved; run it again to go on.';
    const kind = this.#repaired > 0 ? 'partial' : 'rolledBack';
    if (this.#options.signal.aborted) {
      const done = `${this.#repaired} of ${this.#plan.orphans} rows are repaired, the batch in hand was undone`;
      return new AishaError('interrupted', `interrupted: ${done}`, { hint });
    }
    if (error instanceof AishaError) return error.kind === 'plan' && this.#repaired > 0 ? asPartial(error) : error;
    const known = serverError(error);
    const message = `${this.#plan.relation.name}: ${messageOf(error)}`;
    if (known === undefined) return new AishaError(kind, message, { hint, cause: error });
    const { code: sqlState, detail } = known;
    const details = detail === undefined ? [] : [detail];
    if (RETRIED.has(sqlState)) {
      return new AishaError('lock', message, {
        sqlState,
        details,
        hint: 'Another session holds a lock on the table or its parent: run it again later, or raise --lock-timeout.',
      });
    }
    return new AishaError(kind, message, { sqlState, details, hint: 'The batch was undone; nothing of it remains.' });
  }
}

function refusal(message: string, details: readonly string[]): AishaError {
  return new AishaError('plan', message, {
    details,
    hint: 'The batch was undone. Plan again with --dry-run; rows that a trigger deletes are never accepted, since they are not saved.',
  });
}

function asPartial({ message, details, hint }: AishaError): AishaError {
  return new AishaError('partial', message, { details, ...(hint === undefined ? {} : { hint }) });
}
