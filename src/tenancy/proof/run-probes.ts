import type { Session } from '../../postgres/session.ts';
import type { AskLimits } from '../ask.ts';
import { firstStepsSql, runInOne } from './run-in-one.ts';

/** A statement that is run as a role, with settings that stay until the transaction ends. */
export interface Step {
  /** `undefined`: whoever is logged in. */
  readonly role: string | undefined;
  readonly settings: Readonly<Record<string, string>>;
  readonly sql: string;
  /** Of an INSERT: the name under which the place of its row is kept. */
  readonly keeps?: string | undefined;
}

/** Fetches one row: of a large table no row is searched for twice. */
export interface RowStep extends Step {
  /** The name under which the place of the row is kept. */
  readonly name: string;
  /** Fetches the row once its place is known: `ctid` is $1, `tableoid` is $2. */
  readonly again: string;
}

/** A statement that is tried, counted and undone. */
export interface Attempt extends Step {
  /**
   * Fetches one row for the statement, as a role that may see it: `ctid` is $1, `tableoid` is $2, and
   * `where current of aisha_db_row` is that row. The latter reads no column, so no SELECT policy stands before it.
   */
  readonly row?: RowStep | undefined;
  /** Asked once the statement has changed something: whether what was feared really came of it. */
  readonly verify?: Step | undefined;
  /** Counts the own rows: if there are so many more of them than before, nothing of what was feared came of it. */
  readonly kept?: (Step & { readonly gained: number }) | undefined;
  /** Asked once the statement has returned no row: whether it did something all the same. */
  readonly effect?: Step | undefined;
  /** Once it has got through, nothing more of the kind is tried as its role: it counts as if it did nothing. */
  readonly settles?: boolean | undefined;
}

/** What a statement did: rows it returned or changed, no row to try it on, or the error that ended it. */
export type Tried =
  | { readonly rows: number }
  | { readonly missing: true }
  | { readonly error: string; readonly sqlState: string; readonly constraint?: string };

/**
 * Runs the steps and then every attempt, each in a subtransaction that is undone, all in one message and one
 * transaction that is rolled back: rows that are locked are locked for milliseconds.
 * @returns what each attempt did, or the error of the step that failed
 */
export function runAttempts(
  session: Session,
  steps: readonly Step[],
  attempts: readonly Attempt[],
  limits: AskLimits,
): Promise<readonly Tried[] | { readonly error: Error }> {
  return runInOne<Tried>(session, { isolation: 'read committed', sql: RUN }, steps, attempts, limits);
}

const KEPT = `step := attempt -> 'kept';
            perform pg_catalog.set_config('role', 'none', true);
            perform pg_catalog.set_config(key, value, true) from pg_catalog.jsonb_each_text(step -> 'settings');
            perform pg_catalog.set_config('role', coalesce(step ->> 'role', 'none'), true);
            execute step ->> 'sql'`;

const KEEPING = `
    if step ? 'keeps' then
      execute (step ->> 'sql') || ' returning ctid, tableoid' into target;
      if target.ctid is not null then
        places := places || pg_catalog.jsonb_build_object(
          step ->> 'keeps', pg_catalog.jsonb_build_array(target.ctid::pg_catalog.text, target.tableoid::pg_catalog.text)
        );
      end if;
    else
      execute step ->> 'sql';
    end if;`;

// Each block fails on purpose, so that what it did and what it set is undone; its answer goes out in the error.
const RUN = `
do $run$
declare
  step pg_catalog.jsonb;
  attempt pg_catalog.jsonb;
  answers pg_catalog.jsonb[] := '{}';
  answer pg_catalog.jsonb;
  place pg_catalog.refcursor := 'aisha_db_row';
  places pg_catalog.jsonb := '{}';
  known pg_catalog.jsonb;
  target record;
  changed pg_catalog.int8;
  holds pg_catalog.bool;
  state pg_catalog.text;
  message pg_catalog.text;
  violated pg_catalog.text;
  settled pg_catalog.jsonb := '{}';
  before pg_catalog.int8;
  after pg_catalog.int8;
begin
  ${firstStepsSql(KEEPING)}
  for attempt in
    select value from pg_catalog.jsonb_array_elements(pg_catalog.current_setting('aisha_db.tasks')::pg_catalog.jsonb)
  loop
    if attempt ? 'settles' and settled ? (attempt ->> 'role') then
      answers := answers || pg_catalog.jsonb_build_object('rows', 0);
      continue;
    end if;
    begin
      answer := null;
      after := null;
      select null::pg_catalog.tid as ctid, null::pg_catalog.oid as tableoid into target;
      if attempt ? 'row' then
        step := attempt -> 'row';
        perform pg_catalog.set_config(key, value, true) from pg_catalog.jsonb_each_text(step -> 'settings');
        perform pg_catalog.set_config('role', coalesce(step ->> 'role', 'none'), true);
        known := places -> (step ->> 'name');
        if known is not null then
          open place for execute step ->> 'again' using (known ->> 0)::pg_catalog.tid, (known ->> 1)::pg_catalog.oid;
          fetch place into target;
        end if;
        -- It may have been moved, or somebody holds it: then another will do.
        if target.ctid is null then
          if known is not null then
            close place;
          end if;
          open place for execute step ->> 'sql';
          fetch place into target;
        end if;
        if target.ctid is null then
          answer := pg_catalog.jsonb_build_object('missing', true);
        else
          places := places || pg_catalog.jsonb_build_object(
            step ->> 'name', pg_catalog.jsonb_build_array(target.ctid::pg_catalog.text, target.tableoid::pg_catalog.text)
          );
        end if;
      end if;
      if answer is null then
        perform pg_catalog.set_config('role', 'none', true);
        perform pg_catalog.set_config(key, value, true) from pg_catalog.jsonb_each_text(attempt -> 'settings');
        perform pg_catalog.set_config('role', coalesce(attempt ->> 'role', 'none'), true);
        if attempt ? 'row' then
          execute attempt ->> 'sql' using target.ctid, target.tableoid;
        else
          execute attempt ->> 'sql';
        end if;
        get diagnostics changed = row_count;
        if attempt ? 'effect' and (changed = 0 or attempt ->> 'sql' like 'call %') then
          step := attempt -> 'effect';
          perform pg_catalog.set_config('role', 'none', true);
          perform pg_catalog.set_config(key, value, true) from pg_catalog.jsonb_each_text(step -> 'settings');
          perform pg_catalog.set_config('role', coalesce(step ->> 'role', 'none'), true);
          execute step ->> 'sql' into holds;
          changed := coalesce(holds, false)::pg_catalog.int4;
        end if;
        if changed > 0 and attempt ? 'verify' then
          step := attempt -> 'verify';
          perform pg_catalog.set_config(key, value, true) from pg_catalog.jsonb_each_text(step -> 'settings');
          perform pg_catalog.set_config('role', coalesce(step ->> 'role', 'none'), true);
          execute step ->> 'sql' into holds;
          if not coalesce(holds, false) then
            changed := 0;
          end if;
        end if;
        answer := pg_catalog.jsonb_build_object('rows', changed);
        if changed > 0 and attempt ? 'kept' then
          ${KEPT} into after;
        end if;
      end if;
      raise sqlstate 'AI000';
    exception
      when sqlstate 'AI000' then
        if after is not null then
          -- All is as it was before the statement.
          begin
            ${KEPT} into before;
            raise sqlstate 'AI000';
          exception
            when sqlstate 'AI000' then
              if after - before >= (attempt -> 'kept' ->> 'gained')::pg_catalog.int8 then
                answer := pg_catalog.jsonb_build_object('rows', 0);
              end if;
          end;
        end if;
        answers := answers || answer;
        if attempt ? 'settles' and (answer ->> 'rows')::pg_catalog.int8 > 0 then
          settled := settled || pg_catalog.jsonb_build_object(attempt ->> 'role', true);
        end if;
      when others then
        get stacked diagnostics
          state = returned_sqlstate, message = message_text, violated = constraint_name;
        answers := answers || pg_catalog.jsonb_build_object('error', message, 'sqlState', state, 'constraint', violated);
    end;
  end loop;
  perform pg_catalog.set_config('aisha_db.answers', pg_catalog.to_jsonb(answers)::pg_catalog.text, true);
end
$run$`;
