import { runHooks } from '../cli/migration.ts';
import { didYouMean } from '../did-you-mean.ts';
import { AishaError } from '../errors.ts';
import { openSession } from '../migrations/open.ts';
import type { Session } from '../postgres/session.ts';
import type { Target } from '../postgres/target.ts';
import type { CommandResult } from '../report/report.ts';
import { isDone, parseThreshold, planChange, readScope, type Scope, type Threshold } from '../slow-log/plan.ts';
import { changedResult, describePlan, type Outcome, shownResult } from '../slow-log/result.ts';
import { applyChange, estimateCallsADay, readSlowLog, tryChange } from '../slow-log/server.ts';
import type { Command, Context } from './command.ts';

const ACTIONS = ['show', 'set', 'reset'] as const;

interface Change {
  readonly scope: Scope;
  readonly after: Threshold | undefined;
  readonly dryRun: boolean;
}

export const command: Command = {
  summary: 'show or set from which duration on statements are logged',
  description:
    'show says which threshold (log_min_duration_statement) new sessions of each role get, and what decides it. set changes it for this database, for a role or for the server, reset takes the value away again: the plan is shown first, the server is asked whether this role may do it, and where it may not the report says who may and how (docs/slow-log.md).',
  examples: [
    'aisha-db slow-log',
    'aisha-db slow-log set 100ms --dry-run',
    'aisha-db slow-log set 1s --role authenticator --all-databases',
    'aisha-db slow-log set 1s --server',
    'aisha-db slow-log reset',
  ],
  database: true,
  failures: ['lock'],
  words: () => ACTIONS,
  configure(command) {
    command
      .argument('[action]', ACTIONS.join(', '), 'show')
      .argument('[threshold]', 'of set: 100ms, 1s, off, or 0 for every statement')
      .option('--role <name>', 'set it for one role, in this database')
      .option('--all-databases', 'with --role: in every database')
      .option('--server', 'set it for the whole server (ALTER SYSTEM)')
      .option('--dry-run', 'show the plan; change nothing');
  },
  async run(context, args, options) {
    const change = readChange(args, options);
    const target = await context.target();
    const settings = { lock_timeout: String(context.config.lockTimeoutMs) };
    const session = await openSession(target, 'aisha-db slow-log', settings, runHooks(context, target));
    try {
      if (change === undefined) return shownResult(await readSlowLog(session));
      return await changeThreshold(context, target, session, change);
    } finally {
      await session.close();
    }
  },
};

function readChange(args: readonly string[], options: Readonly<Record<string, unknown>>): Change | undefined {
  const [action = 'show', threshold] = args;
  if (!ACTIONS.some((known) => known === action)) {
    const meant = didYouMean(action, ACTIONS);
    throw new AishaError('usage', `slow-log cannot "${action}"`, {
      hint: `${meant === undefined ? '' : `Did you mean ${meant}? `}It can ${ACTIONS.join(', ')}.`,
    });
  }
  if ((action === 'set') !== (threshold !== undefined)) {
    throw action === 'set'
      ? new AishaError('usage', 'slow-log set needs a threshold', { hint: 'For example: aisha-db slow-log set 1s.' })
      : new AishaError('usage', `slow-log ${action} does not take "${threshold}"`, { hint: 'Only set takes one.' });
  }
  if (action === 'show') return undefined;
  return {
    scope: readScope(options),
    after: threshold === undefined ? undefined : parseThreshold(threshold),
    dryRun: options['dryRun'] === true,
  };
}

async function changeThreshold(
  context: Context,
  target: Target,
  session: Session,
  { scope, after, dryRun }: Change,
): Promise<CommandResult> {
  const facts = await readSlowLog(session);
  const plan = planChange(facts, scope, after);
  const calls = after === undefined ? undefined : await estimateCallsADay(session, after);
  const finish = async (outcome: Outcome) => changedResult(await readSlowLog(session), plan, outcome, calls);
  const reason = await tryChange(session, scope, plan.statement);
  if (reason !== undefined) return finish({ kind: 'refused', reason });
  if (isDone(plan)) return finish({ kind: 'nothing to do' });
  if (dryRun) return finish({ kind: 'would change' });
  for (const line of describePlan(plan, calls)) context.talk.warn(line);
  await context.confirm(target);
  const refused = await applyChange(session, scope, plan.statement);
  return finish(refused === undefined ? { kind: 'changed' } : { kind: 'refused', reason: refused });
}
