import { AishaError, messageOf } from '../errors.ts';
import { quoteIdentifier, quoteQualified } from '../postgres/quote.ts';
import { SQLSTATE, serverError } from '../postgres/server-error.ts';
import { Session } from '../postgres/session.ts';
import type { Target } from '../postgres/target.ts';
import { KEPT_RUNS, READ_FINDINGS, READ_RUNS, type RunStore, toHistory } from './run-store.ts';

/** Name of the table, beside the ledger. */
const TABLE = 'diagnose_runs';

/** Another session was faster: unique_violation in the catalog, duplicate_schema, duplicate_table. */
const CREATED_MEANWHILE: ReadonlySet<string> = new Set(['23505', '42P06', '42P07']);

/** Runs kept in the database itself, in the schema of the ledger; made with the first one. */
export function runTable(target: Target, schema: string, signal: AbortSignal): RunStore {
  const table = quoteQualified(schema, TABLE);
  const withSession = async <T>(use: (session: Session) => Promise<T>): Promise<T> => {
    const session = await Session.open(target, { applicationName: 'aisha-db diagnose', signal });
    try {
      await session.query(
        "select pg_catalog.set_config('lock_timeout', '5s', false), pg_catalog.set_config('statement_timeout', '60s', false)",
      );
      return await use(session);
    } finally {
      await session.close();
    }
  };
  return {
    read: () =>
      withSession(async (session) => {
        try {
          const rows = await session.query<{ run: unknown }>(
            `select case when place <= ${READ_FINDINGS} then run else run - 'findings' - 'checks' end as run
             from (
               select run, row_number() over (order by taken_at desc, id desc) as place from ${table}
             ) latest
             where place <= ${READ_RUNS} order by place`,
          );
          return toHistory(rows.map(({ run }) => run));
        } catch (error) {
          if (isAbsent(error)) return toHistory([]);
          throw explain(error, 'read', schema, target);
        }
      }),
    write: (run) =>
      withSession(async (session) => {
        try {
          await insert(session, table, schema, [run.takenAt, JSON.stringify(run)]);
        } catch (error) {
          throw explain(error, 'written', schema, target);
        }
        // Whoever may only add rows leaves the old ones to others.
        await session
          .query(
            `delete from ${table} where id <= (select id from ${table} order by id desc offset ${KEPT_RUNS} limit 1)`,
          )
          .catch(() => {});
      }),
  };
}

async function insert(session: Session, table: string, schema: string, values: readonly unknown[]): Promise<void> {
  const add = () => session.query(`insert into ${table} (taken_at, run) values ($1, $2)`, values);
  try {
    await add();
  } catch (error) {
    if (!isAbsent(error)) throw error;
    await create(session, table, schema);
    await add();
  }
}

async function create(session: Session, table: string, schema: string): Promise<void> {
  const statements = [
    `create schema if not exists ${quoteIdentifier(schema)}`,
    `create table if not exists ${table} (
       id bigint generated always as identity primary key,
       taken_at timestamptz not null,
       taken_by text not null default session_user,
       run jsonb not null
     )`,
    `comment on table ${table} is 'Runs of aisha-db diagnose --save: what --trend compares with.'`,
  ];
  // A role that may not make schemas may still make a table in one that is there.
  const [known] = await session.query('select from pg_catalog.pg_namespace where nspname = $1', [schema]);
  for (const statement of known === undefined ? statements : statements.slice(1)) {
    try {
      await session.query(statement);
    } catch (error) {
      if (!CREATED_MEANWHILE.has(serverError(error)?.code ?? '')) throw error;
    }
  }
}

function isAbsent(error: unknown): boolean {
  const code = serverError(error)?.code;
  return code === SQLSTATE.undefinedTable || code === SQLSTATE.invalidSchema;
}

function explain(error: unknown, done: 'read' | 'written', schema: string, { user }: Target): AishaError {
  const known = serverError(error);
  const name = `${schema}.${TABLE}`;
  return new AishaError('connection', `stored runs cannot be ${done} in ${name}: ${messageOf(error)}`, {
    hint: hintFor(known?.code, done, schema, quoteIdentifier(user)),
    cause: error,
    ...(known === undefined ? {} : { sqlState: known.code }),
  });
}

function hintFor(code: string | undefined, done: 'read' | 'written', schema: string, role: string): string {
  const folder = 'keep them in a folder: --runs-dir FOLDER';
  if (code === SQLSTATE.readOnly) return `This session or server is read-only; ${folder}.`;
  if (code === '42703')
    return `That table is none of this program: name another schema under "ledger" in the configuration, or ${folder}.`;
  if (code !== SQLSTATE.insufficientPrivilege) return `Try it again, or ${folder}.`;
  const rights = done === 'read' ? 'select' : 'select, insert';
  const table = quoteQualified(schema, TABLE);
  return `Have it made once by an owner (diagnose --save), then: grant usage on schema ${quoteIdentifier(schema)} to ${role}; grant ${rights} on ${table} to ${role}; or ${folder}.`;
}
