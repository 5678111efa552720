import { AishaError } from '../errors.ts';
import { type CronFields, parseCron } from './cron.ts';
import { type Job, jobArguments, type Schedule } from './jobs.ts';

/** A unit file. */
export interface Unit {
  readonly file: string;
  readonly text: string;
}

/** First line of every unit of a schedule: only these are replaced and removed. */
export function unitMark(name: string): string {
  return `# aisha-db schedule ${name}: written by aisha-db schedule systemd --install`;
}

/** A service and a timer for each job. */
export function renderSystemd(schedule: Schedule): readonly Unit[] {
  return schedule.jobs.flatMap((job) => {
    const base = unitName(schedule.name, job);
    return [
      { file: `${base}.service`, text: service(schedule, job) },
      { file: `${base}.timer`, text: timer(schedule, job) },
    ];
  });
}

/** Names of environments may hold what names of units may not. */
function unitName(name: string, job: Job): string {
  return `aisha-db-${name.replace(/[^A-Za-z0-9_.-]/g, '_')}-${job.name}`;
}

function service(schedule: Schedule, job: Job): string {
  const { node, program, cwd, environmentFile, reports } = schedule.place;
  const words = [node, program, ...jobArguments(schedule, job)].map(quote).join(' ');
  return [
    unitMark(schedule.name),
    '[Unit]',
    `Description=aisha-db ${job.name}`,
    'Wants=network-online.target',
    'After=network-online.target',
    '',
    '[Service]',
    'Type=oneshot',
    `WorkingDirectory=${path(cwd)}`,
    ...(environmentFile === undefined ? [] : [`EnvironmentFile=${path(environmentFile)}`]),
    `ExecStartPre=/bin/mkdir -p ${quote(reports)}`,
    `ExecStart=${words}`,
    'NoNewPrivileges=yes',
    'UMask=0077',
    '',
  ].join('\n');
}

function timer(schedule: Schedule, job: Job): string {
  const zone = schedule.timezone ?? 'UTC';
  return [
    unitMark(schedule.name),
    '[Unit]',
    `Description=aisha-db ${job.name}: ${job.at}`,
    '',
    '[Timer]',
    ...onCalendar(parseCron(job.at, job.name), zone).map((time) => `OnCalendar=${time}`),
    // A machine that was off at the time runs the job when it is on again.
    'Persistent=true',
    '',
    '[Install]',
    'WantedBy=timers.target',
    '',
  ].join('\n');
}

const WEEKDAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];

/**
 * A time of cron for OnCalendar (systemd.time(7)). Where cron has a day of the month and a day of the week, either is
 * enough; one expression of systemd wants both, two want either.
 */
export function onCalendar(cron: CronFields, zone: string): readonly string[] {
  const list = (values: readonly number[], all: number) =>
    values.length === all ? '*' : values.map((value) => String(value).padStart(2, '0')).join(',');
  const months = list(cron.months, 12);
  const time = `${list(cron.hours, 24)}:${list(cron.minutes, 60)}:00 ${zone}`;
  const weekdays = cron.weekdays.length === 7 ? '' : `${cron.weekdays.map((day) => WEEKDAYS[day]).join(',')} `;
  const days = list(cron.days, 31);
  if (cron.anyDay || cron.anyWeekday) return [`${weekdays}*-${months}-${days} ${time}`];
  return [`*-${months}-${days} ${time}`, `${weekdays}*-${months}-* ${time}`];
}

/** A word of ExecStart: systemd expands `%` and `$` (systemd.service(5), "Command lines"). */
function quote(word: string): string {
  const escaped = noLineBreak(word).replaceAll('%', '%%').replaceAll('$', '$$$$');
  return /^[\w@+=:,./%$-]+$/.test(escaped) ? escaped : `"${escaped.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}

/** A path that stands alone: taken as it is, but for specifiers. */
function path(value: string): string {
  return noLineBreak(value).replaceAll('%', '%%');
}

function noLineBreak(value: string): string {
  if (!/[\n\r\0]/.test(value)) return value;
  throw new AishaError('usage', `a unit cannot hold a line break: ${JSON.stringify(value)}`, {
    hint: 'Rename the folder or file.',
  });
}
