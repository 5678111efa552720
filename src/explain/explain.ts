import { AishaError, messageOf } from '../errors.ts';
import { quoteIdentifier, quoteLiteral } from '../postgres/quote.ts';
import { SQLSTATE, serverError } from '../postgres/server-error.ts';
import { Session } from '../postgres/session.ts';
import type { Target } from '../postgres/target.ts';
import { sqlExcerpt } from '../report/sql-error.ts';
import type { TableFacts } from './notices.ts';
import { nodesOf, numberOf, type RawPlan, readPlan, writes } from './plan.ts';
import { findStatement } from './statements.ts';

/** What is to be explained: a text, or a query that pg_stat_statements knows. */
export type Subject = { readonly text: string } | { readonly id: string };

export interface ExplainOptions {
  /** Values for $1, $2, ...; a plan for any value when there are none. */
  readonly parameters: readonly string[];
  /** Run it, in a transaction that is undone. */
  readonly analyze: boolean;
  /** Role that the plan is for. */
  readonly role: string | undefined;
  /** Settings that carry the tenant, as they are to be set. */
  readonly settings: Readonly<Record<string, string>>;
  /** For the query itself; 0 is no limit. */
  readonly timeoutMs: number;
  readonly lockTimeoutMs: number;
  readonly signal: AbortSignal;
  readonly connected: (serverVersion: string) => void;
  /** Asked before a statement is run that changes rows; throws to have nothing done. */
  readonly confirm: () => Promise<void>;
}

export interface ExplainResult {
  readonly query: string;
  readonly plan: RawPlan;
  readonly tables: readonly TableFacts[];
  readonly generic: boolean;
  /** The statement changes rows, and was run. */
  readonly changed: boolean;
  /** Policies do not bind the role: they are not in the plan. */
  readonly bypassesPolicies: boolean;
  /** A plan for any value lacks partitions all the same. */
  readonly prunedWithoutValues: boolean;
}

/** Planning takes milliseconds; a lock may be in the way. */
const PLAN_TIMEOUT_MS = 30_000;
const NAME = 'aisha_db_explain';

/**
 * Plans a query in a read-only transaction, or runs it in one that is undone.
 * @throws AishaError (usage) for what is not one plannable statement; (connection) when something may not be read;
 *   (rolledBack) when running it failed; (lock)
 */
export async function explain(target: Target, subject: Subject, options: ExplainOptions): Promise<ExplainResult> {
  const session = await Session.open(target, { applicationName: 'aisha-db explain', signal: options.signal });
  // The server ends what it is at when its client is gone.
  const cut = (): void => session.destroy();
  options.signal.addEventListener('abort', cut, { once: true });
  try {
    const [row] = await session.query<{ v: string; number: number }>(
      `select pg_catalog.current_setting('server_version') as v,
        pg_catalog.current_setting('server_version_num')::int4 as number`,
    );
    options.connected(row!.v);
    const text = 'text' in subject ? subject.text : await findStatement(session, subject.id);
    return await new Explanation(session, text.trim(), row!.number, options).run();
  } finally {
    options.signal.removeEventListener('abort', cut);
    await session.close();
  }
}

class Explanation {
  readonly #session: Session;
  readonly #text: string;
  readonly #version: number;
  readonly #options: ExplainOptions;

  constructor(session: Session, text: string, version: number, options: ExplainOptions) {
    this.#session = session;
    this.#text = text;
    this.#version = version;
    this.#options = options;
  }

  async run(): Promise<ExplainResult> {
    const { analyze, parameters } = this.#options;
    const planned = await this.#inTransaction('read only', PLAN_TIMEOUT_MS, async () => {
      const count = await this.#prepare();
      const plan = await this.#explain('', count);
      return { plan, count, ...(await this.#tables(plan)) };
    });
    const { count, tables, bypassesPolicies } = planned;
    const generic = count > 0 && parameters.length === 0;
    const isPruned = nodesOf(readPlan(planned.plan)).some(({ raw }) => numberOf(raw, 'Subplans Removed') > 0);
    const common = { query: this.#text, tables, bypassesPolicies, prunedWithoutValues: generic && isPruned };
    if (!analyze) return { ...common, plan: planned.plan, generic, changed: false };
    if (generic) {
      throw new AishaError('usage', `the query has ${count} parameters and cannot be run without their values`, {
        hint: 'Give each one with --param, in order, or leave --analyze out.',
      });
    }
    const changed = writes(readPlan(planned.plan));
    if (changed) await this.#options.confirm();
    const mode = changed ? 'read write' : 'read only';
    const plan = await this.#inTransaction(mode, this.#options.timeoutMs, () =>
      this.#explain('analyze, buffers, ', count),
    );
    return { ...common, plan, generic, changed };
  }

  /** Always undone. */
  async #inTransaction<T>(mode: 'read only' | 'read write', timeoutMs: number, use: () => Promise<T>): Promise<T> {
    const { lockTimeoutMs, role, settings } = this.#options;
    const limits = {
      statement_timeout: String(timeoutMs),
      lock_timeout: String(lockTimeoutMs),
      idle_in_transaction_session_timeout: '60000',
      ...settings,
    };
    const calls = Object.entries(limits).map(
      ([name, value]) => `pg_catalog.set_config(${quoteLiteral(name)}, ${quoteLiteral(value)}, true)`,
    );
    const become = role === undefined ? '' : `; set local role ${quoteIdentifier(role)}`;
    const { error } = await this.#session.script([`begin transaction ${mode}; select ${calls.join(', ')}${become}`]);
    try {
      if (error !== undefined) throw this.#explainOpening(error);
      return await use();
    } finally {
      await this.#session.undo();
    }
  }

  /** The server's grammar is the judge: PREPARE takes one statement that can be planned, and nothing else. */
  async #prepare(): Promise<number> {
    const prefix = `prepare ${NAME} as `;
    try {
      await this.#session.client.query({ text: prefix + this.#text, queryMode: 'extended' } as never);
    } catch (error) {
      throw this.#explainText(error, prefix.length);
    }
    const [row] = await this.#session.query<{ count: number }>(
      `select coalesce(pg_catalog.array_length(parameter_types, 1), 0) as count
        from pg_catalog.pg_prepared_statements where name = $1`,
      [NAME],
    );
    const given = this.#options.parameters.length;
    if (given > 0 && given !== row!.count) {
      throw new AishaError('usage', `the query has ${row!.count} parameters, and ${given} values are given`, {
        hint: 'Give one --param for each of $1, $2, ...',
      });
    }
    return row!.count;
  }

  /** What may be run was found to be one statement before. */
  async #explain(how: string, count: number): Promise<RawPlan> {
    const { parameters } = this.#options;
    const options = `${how}verbose, format json`;
    const isGeneric = count > 0 && parameters.length === 0;
    // GENERIC_PLAN (PostgreSQL 16) also keeps partitions that NULL for every parameter would rule out.
    const hasOption = this.#version >= 160_000;
    const values = isGeneric ? Array(count).fill('null') : parameters.map(quoteLiteral);
    const execute = count === 0 ? this.#text : `execute ${NAME}(${values.join(', ')})`;
    const mode = isGeneric ? 'force_generic_plan' : 'force_custom_plan';
    const prefix = isGeneric && hasOption ? `explain (generic_plan, ${options}) ` : `explain (${options}) `;
    const statement = isGeneric && hasOption ? this.#text : execute;
    try {
      await this.#session.query(`set local plan_cache_mode = ${mode}`);
      const [row] = await this.#session.query<{ 'QUERY PLAN': RawPlan[] }>(prefix + statement);
      return row!['QUERY PLAN'][0]!;
    } catch (error) {
      throw this.#explainText(error, prefix.length);
    }
  }

  async #tables(plan: RawPlan): Promise<{ tables: TableFacts[]; bypassesPolicies: boolean }> {
    const relations = nodesOf(readPlan(plan)).flatMap(({ relation }) => relation ?? []);
    const rows = await this.#session.query<TableFacts & { readonly secured: boolean }>(
      `select n.nspname as schema, c.relname as name, c.reltuples::float8 as rows,
          c.relpages::float8 * pg_catalog.current_setting('block_size')::int4 as bytes,
          pg_catalog.row_security_active(c.oid) as policies, c.relrowsecurity as secured
        from pg_catalog.pg_class c
        join pg_catalog.pg_namespace n on n.oid = c.relnamespace
        where (n.nspname, c.relname) in (select * from rows from (unnest($1::text[]), unnest($2::text[])) as wanted)`,
      [relations.map(({ schema }) => schema), relations.map(({ name }) => name)],
    );
    const bypassesPolicies = rows.some(({ secured, policies }) => secured && !policies);
    return { tables: rows.map(({ secured, ...facts }) => facts), bypassesPolicies };
  }

  #explainOpening(error: unknown): unknown {
    const known = serverError(error);
    if (known === undefined) return error;
    const { role } = this.#options;
    return new AishaError('connection', messageOf(error), {
      sqlState: known.code,
      cause: error,
      hint:
        role === undefined
          ? 'Correct the setting that is named.'
          : `The role must exist, and the one of the connection be a member of it: grant ${quoteIdentifier(role)} to ROLE.`,
    });
  }

  /** The server's word about the query, with the place in it. */
  #explainText(error: unknown, prefix: number): unknown {
    const known = serverError(error);
    if (known === undefined) return error;
    const { code: sqlState, message, position, hint } = known;
    if (/multiple commands/.test(message)) {
      return new AishaError('usage', 'more than one statement was given', { hint: 'Explain one at a time.' });
    }
    if (sqlState === SQLSTATE.canceled || sqlState === SQLSTATE.lockNotAvailable) {
      return new AishaError(sqlState === SQLSTATE.canceled ? 'rolledBack' : 'lock', message, {
        sqlState,
        hint: 'Everything was undone. Give it longer with --statement-timeout or --lock-timeout.',
      });
    }
    const at = position === undefined ? 0 : position - prefix;
    const details = at > 0 ? sqlExcerpt({ text: this.#text, position: at }).excerpt : [];
    const isDenied = sqlState === SQLSTATE.insufficientPrivilege;
    return new AishaError(isDenied ? 'connection' : 'usage', message, {
      sqlState,
      details,
      hint: hint ?? HINTS[sqlState] ?? 'Explain takes one SELECT, INSERT, UPDATE, DELETE, MERGE or VALUES.',
      cause: error,
    });
  }
}

const HINTS: Readonly<Record<string, string>> = {
  [SQLSTATE.undefinedTable]: "If the application uses another search path, set it: PGOPTIONS='-c search_path=app'.",
  [SQLSTATE.insufficientPrivilege]: 'Name a role that may, with --role, or grant that right.',
  [SQLSTATE.readOnly]: 'A query that only reads is run read-only; it calls something that writes.',
};
