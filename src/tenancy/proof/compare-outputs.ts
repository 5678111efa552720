import type { Session } from '../../postgres/session.ts';
import type { AskLimits } from '../ask.ts';
import { firstStepsSql, runInOne, stepsSql } from './run-in-one.ts';
import type { Attempt, Step } from './run-probes.ts';

/** What a role is shown, before and after rows came to be. */
export interface Comparison {
  /** Whose answer, one text, is compared. */
  readonly shown: Attempt;
  /** Rows that are there before and after. */
  readonly before: readonly Step[];
  /** Rows that make the difference, if there is one. */
  readonly change: readonly Step[];
}

/** Whether the answer changed with the rows; `restless`: it changes by itself; or why it could not be had. */
export type Compared =
  | { readonly changed: boolean; readonly restless: boolean }
  | { readonly error: string; readonly sqlState: string };

/**
 * Compares what is shown without and with some rows, each comparison in a subtransaction that is undone. One snapshot
 * for all of it: what others do meanwhile changes nothing.
 * @param steps are run before all comparisons
 * @returns what came of each comparison, or the error of the step that failed
 */
export function compareOutputs(
  session: Session,
  steps: readonly Step[],
  comparisons: readonly Comparison[],
  limits: AskLimits,
): Promise<readonly Compared[] | { readonly error: Error }> {
  return runInOne<Compared>(session, { isolation: 'repeatable read', sql: RUN }, steps, comparisons, limits);
}

// Each block fails on purpose, so that what it did and what it set is undone; variables keep what it found. What is
// shown is asked in a block of its own: there nothing can be written, and of that there is no way back but the end.
const RUN = `
do $run$
declare
  step pg_catalog.jsonb;
  comparison pg_catalog.jsonb;
  answers pg_catalog.jsonb[] := '{}';
  shown pg_catalog.text[];
  answer pg_catalog.text;
  state pg_catalog.text;
  message pg_catalog.text;
begin
  ${firstStepsSql()}
  for comparison in
    select value
    from pg_catalog.jsonb_array_elements(pg_catalog.current_setting('aisha_db.tasks')::pg_catalog.jsonb)
  loop
    shown := '{}';
    begin
      for turn in 0 .. 2 loop
        -- The first and second time nothing is there but what was there before; what differs then differs by itself.
        if turn <> 1 then
          ${stepsSql("comparison -> case turn when 0 then 'before' else 'change' end")}
        end if;
        begin
          step := comparison -> 'shown';
          perform pg_catalog.set_config(key, value, true) from pg_catalog.jsonb_each_text(step -> 'settings');
          perform pg_catalog.set_config('role', coalesce(step ->> 'role', 'none'), true);
          execute step ->> 'sql' into answer;
          raise sqlstate 'AI000';
        exception
          when sqlstate 'AI000' then
            shown := shown || coalesce(answer, '');
        end;
      end loop;
      raise sqlstate 'AI001';
    exception
      when sqlstate 'AI001' then
        answers := answers || pg_catalog.jsonb_build_object(
          'changed', shown[3] is distinct from shown[2], 'restless', shown[1] is distinct from shown[2]
        );
      when others then
        get stacked diagnostics state = returned_sqlstate, message = message_text;
        answers := answers || pg_catalog.jsonb_build_object('error', message, 'sqlState', state);
    end;
  end loop;
  perform pg_catalog.set_config('aisha_db.answers', pg_catalog.to_jsonb(answers)::pg_catalog.text, true);
end
$run$`;
