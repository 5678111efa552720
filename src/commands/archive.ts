import type { ArchiveOptions, Moved, Stranded } from '../archive/move.ts';
import { FINISHED } from '../archive/source.ts';
import { diagnose, diagnoseOptions, historyOptions } from '../cli/diagnosis.ts';
import { runHooks } from '../cli/migration.ts';
import { parseDuration } from '../duration.ts';
import { AishaError } from '../errors.ts';
import { Session } from '../postgres/session.ts';
import { quantity } from '../report/quantity.ts';
import type { CommandResult } from '../report/report.ts';
import { readSystemTenant } from '../tenants/identifier.ts';
import type { Command, Context } from './command.ts';

const SESSIONS = 'public.agent_sessions';
const EVENTS = 'public.agent_events';

export const command: Command = {
  summary: 'move finished sessions of agents into the archive, or check the archive',
  description:
    'move takes sessions that have been finished for a while, with their events, and puts them into agent_sessions_archive and agent_events_archive (075, 076), each with the tenant it was resolved to. A batch is one statement: it can be killed and run again, and two runs share the work. Made for cron (docs/archive.md). check, which is also what happens without an action, looks for sessions that were archived twice and events whose session was not.',
  examples: [
    'aisha-db archive move --older-than 30d --dry-run',
    'aisha-db archive move --older-than 30d --quiet',
    'aisha-db archive check',
  ],
  database: true,
  failures: ['lock'],
  words: () => ['check', 'move'],
  configure(command) {
    command.argument('[action]', 'check or move', 'check');
    historyOptions(command);
    command
      .optionsGroup('Of move:')
      .option('--older-than <duration>', 'how long a session has been finished', '30d')
      .option('--sessions <table>', 'table of the sessions', SESSIONS)
      .option('--events <table>', `table of the events (default: ${EVENTS} if there is one)`)
      .option('--finished <list>', 'statuses that count as finished where no column tells the end', FINISHED.join(','))
      .option('--batch <number>', 'sessions of one transaction', '500')
      .option('--dry-run', 'count; move nothing');
  },
  async run(context, args, options) {
    const [action = 'check'] = args;
    if (action === 'check') return diagnose(context, diagnoseOptions(['archive'], options));
    if (action === 'move') return move(context, readOptions(context, options), options['dryRun'] === true);
    throw new AishaError('usage', `archive cannot "${action}"`, { hint: 'It can check and move.' });
  },
};

function readOptions(context: Context, given: Readonly<Record<string, unknown>>): ArchiveOptions {
  const text = (name: string) => String(given[name]);
  const statuses = text('finished')
    .split(',')
    .map((status) => status.trim())
    .filter((status) => status !== '');
  if (!/^[1-9]\d{0,4}$/.test(text('batch'))) {
    throw new AishaError('usage', `--batch "${text('batch')}" is not a number from 1 to 99999`, {
      hint: 'The default is 500.',
    });
  }
  if (statuses.length === 0) {
    throw new AishaError('usage', '--finished names no status', {
      hint: 'Write them with commas: --finished done,failed.',
    });
  }
  return {
    sessions: text('sessions'),
    events: given['events'] === undefined ? EVENTS : text('events'),
    eventsNamed: given['events'] !== undefined,
    statuses,
    olderThanMs: parseAge(text('olderThan')),
    batch: Number(text('batch')),
    systemTenant: readSystemTenant(context.env),
    signal: context.signal,
    onBatch: (moved) => context.talk.info(`${describe(moved)} moved so far`),
  };
}

/** Days count as far as memory goes; a duration of the server ends after 24 of them. */
function parseAge(text: string): number {
  const [, days] = /^(\d{1,5})\s*d$/.exec(text) ?? [];
  return days === undefined ? parseDuration(text, '--older-than') : Number(days) * 86_400_000;
}

async function move(context: Context, options: ArchiveOptions, dryRun: boolean): Promise<CommandResult> {
  const { countFinished, findStranded, moveFinished, openArchive } = await import('../archive/move.ts');
  const target = await context.target();
  const session = await Session.open(target, {
    applicationName: 'aisha-db archive',
    settings: { lock_timeout: String(context.config.lockTimeoutMs) },
    signal: context.signal,
  });
  try {
    const [row] = await session.query<{ v: string }>("select pg_catalog.current_setting('server_version') as v");
    runHooks(context, target).connected(row!.v);
    const source = await openArchive(session, options);
    const moved = await (dryRun ? countFinished : moveFinished)(session, source, options);
    const stranded = await findStranded(session, source, options);
    return {
      text: dryRun ? `${describe(moved)} would be moved` : `${describe(moved)} are in the archive now`,
      data: { dryRun, moved, stranded },
      findings: stranded.map(toFinding),
    };
  } finally {
    await session.close();
  }
}

function describe({ sessions, events }: Moved): string {
  return `${quantity(sessions)} sessions with ${quantity(events)} events`;
}

function toFinding({ tenant, sessions }: Stranded) {
  return {
    check: 'session-of-no-tenant',
    severity: 'warning' as const,
    object: tenant,
    message: `${quantity(sessions)} finished sessions stay where they are: their tenant is unknown or ambiguous`,
    remediation: 'Correct their tenant_id: aisha-db tenant resolve shows what an identifier stands for.',
    metric: sessions,
    unit: 'count' as const,
  };
}
