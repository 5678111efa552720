import type { Context } from '../commands/command.ts';
import { formatDuration } from '../duration.ts';
import { type EndResult, endSession, readIdleSessions, seesSessions } from '../maintenance/end-sessions.ts';
import { type IdleRules, judgeSessions, type Verdict } from '../maintenance/idle-sessions.ts';
import { openSession } from '../migrations/open.ts';
import { quoteIdentifier } from '../postgres/quote.ts';
import type { Session } from '../postgres/session.ts';
import type { Target } from '../postgres/target.ts';
import type { Check, CommandResult, Finding } from '../report/report.ts';
import { runHooks } from './migration.ts';

export interface KillIdleOptions extends IdleRules {
  readonly dryRun: boolean;
}

const CHECK = { id: 'idle-sessions', title: 'Sessions that do nothing are ended' } as const;

/** Shows which sessions do nothing, asks, and ends them; what could not be ended is a finding. */
export async function killIdle(context: Context, options: KillIdleOptions): Promise<CommandResult> {
  const target = await context.target();
  const session = await openSession(target, 'aisha-db connections', {}, runHooks(context, target));
  try {
    if (!(await seesSessions(session))) return { checks: [blind(target)] };
    const verdicts = judgeSessions(await readIdleSessions(session), options);
    const doomed = verdicts.filter(({ spared }) => spared === undefined);
    if (options.dryRun || doomed.length === 0) return report(verdicts, new Map(), options);
    for (const verdict of verdicts) context.talk.warn(describe(verdict));
    await context.confirm(target);
    return report(verdicts, await endAll(session, doomed, context.signal), options);
  } finally {
    await session.close();
  }
}

function blind({ user }: Target): Check {
  const reason = `${quoteIdentifier(user)} does not see what other sessions do`;
  return { ...CHECK, status: 'unknown', reason, remediation: `grant pg_read_all_stats to ${quoteIdentifier(user)};` };
}

async function endAll(
  session: Session,
  doomed: readonly Verdict[],
  signal: AbortSignal,
): Promise<ReadonlyMap<number, EndResult>> {
  const results = new Map<number, EndResult>();
  for (const { session: idle } of doomed) {
    signal.throwIfAborted();
    results.set(idle.pid, await endSession(session, idle));
  }
  return results;
}

function report(
  verdicts: readonly Verdict[],
  results: ReadonlyMap<number, EndResult>,
  { dryRun }: KillIdleOptions,
): CommandResult {
  const outcome = ({ session, spared }: Verdict) =>
    spared === undefined ? (results.get(session.pid) ?? 'would be ended') : `spared: ${spared}`;
  const count = (wanted: EndResult) => [...results.values()].filter((result) => result === wanted).length;
  const refused = verdicts.filter(({ session }) => results.get(session.pid) === 'not permitted');
  const doomed = verdicts.filter(({ spared }) => spared === undefined).length;
  return {
    text: dryRun
      ? `${doomed} would be ended, ${verdicts.length - doomed} spared`
      : `${count('ended')} ended, ${verdicts.length - doomed} spared`,
    checks: [{ ...CHECK, status: refused.length > 0 ? 'failed' : 'passed' }],
    findings: refused.map(toFinding),
    tables: [
      {
        columns: ['pid', 'role', 'application', 'client', 'state', 'for', 'outcome'],
        alignRight: [0],
        rows: verdicts.map((verdict) => [...cells(verdict), outcome(verdict)]),
      },
    ],
    data: {
      sessions: verdicts.map((verdict) => ({
        pid: verdict.session.pid,
        role: verdict.session.role,
        application: verdict.session.application,
        state: verdict.session.state,
        seconds: verdict.session.seconds,
        outcome: outcome(verdict),
      })),
    },
  };
}

function toFinding({ session: { pid, role } }: Verdict): Finding {
  return {
    check: CHECK.id,
    severity: 'warning',
    object: `pid ${pid}`,
    message: `this role may not end sessions of ${role}`,
    remediation: `grant pg_signal_backend, or membership in ${quoteIdentifier(role)}, to this role`,
  };
}

function cells({ session }: Verdict): string[] {
  const { pid, role, application, client, state, seconds } = session;
  return [String(pid), role, application, client, state, formatDuration(seconds * 1_000)];
}

function describe(verdict: Verdict): string {
  const [pid, role, application, client, state, since] = cells(verdict);
  const what = verdict.spared === undefined ? 'end' : 'spare';
  const why = verdict.spared === undefined ? '' : ` (${verdict.spared})`;
  return `${what} pid ${pid}: ${role}, ${application || 'no application name'}, ${client}, ${state} for ${since}${why}`;
}
