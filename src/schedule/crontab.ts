import { AishaError } from '../errors.ts';
import { type Job, jobArguments, reportFile, type Schedule } from './jobs.ts';

/**
 * The block of a schedule for a crontab: a line for each job between two marks. Times are those of the machine: not
 * every cron knows another zone (CRON_TZ means nothing to Debian's).
 */
export function renderCrontab(schedule: Schedule): string {
  const lines = schedule.jobs.map((job) => `${job.at} ${crontabCommand(schedule, job)}`);
  return [
    beginMark(schedule.name),
    '# Written by aisha-db schedule crontab --install: changes in this block are lost. No credentials belong here.',
    `# Times are those of this machine (${schedule.machineZone}).`,
    ...lines,
    endMark(schedule.name),
    '',
  ].join('\n');
}

/** Debian's cron takes no longer command (cron.h, MAX_COMMAND). */
const LONGEST_COMMAND = 998;

/**
 * One command of /bin/sh, silent unless the job failed or found something: what it says is mailed by cron. A `%` would
 * be a line break to cron, in quotes too (crontab(5)).
 */
function crontabCommand(schedule: Schedule, job: Job): string {
  const { node, program, cwd, environmentFile, config, reports } = schedule.place;
  const near = (path: string) => (path.startsWith(`${cwd}/`) ? path.slice(cwd.length + 1) : path);
  const report = near(reportFile(schedule, job));
  const words = [
    node,
    ...(environmentFile === undefined ? [] : [`--env-file=${near(environmentFile)}`]),
    program,
    ...jobArguments(schedule, job, { report, ...(config === undefined ? {} : { config: near(config) }) }),
  ];
  const failed = `echo ${quote(`aisha-db ${job.name}: exit code`)} $? ${quote(`report ${report} in ${cwd}`)} >&2`;
  const run = `cd ${quote(cwd)} && mkdir -p ${quote(near(reports))} && ${words.map(quote).join(' ')} || ${failed}`;
  const command = run.replaceAll('%', '\\%');
  if (Buffer.byteLength(command) <= LONGEST_COMMAND) return command;
  throw new AishaError('usage', `the crontab line of ${job.name} has more than ${LONGEST_COMMAND} bytes`, {
    hint: 'Cron takes no longer one: run this from a folder with a shorter path, or use systemd timers.',
  });
}

/** A word of a POSIX shell. */
function quote(word: string): string {
  if (/[\n\r\0]/.test(word)) {
    throw new AishaError('usage', `a crontab cannot hold a line break: ${JSON.stringify(word)}`, {
      hint: 'Rename the folder or file, or use systemd timers.',
    });
  }
  return /^[\w@+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

function beginMark(name: string): string {
  return `# BEGIN aisha-db schedule ${name}`;
}

function endMark(name: string): string {
  return `# END aisha-db schedule ${name}`;
}

/**
 * A crontab with the block in place of the one of the same name, else at its end; everything else stays byte by byte.
 * @throws AishaError (usage) when the marks are not a pair: nobody knows then which lines are whose
 */
export function putBlock(crontab: string, name: string, block: string): string {
  const { before, after, found } = split(crontab, name);
  if (found) return before + block + after;
  const separated = before === '' || before.endsWith('\n') ? before : `${before}\n`;
  return separated + block;
}

/** A crontab without the block of that name; the same text when there is none. */
export function takeBlock(crontab: string, name: string): string {
  const { before, after } = split(crontab, name);
  return before + after;
}

function split(crontab: string, name: string): { before: string; after: string; found: boolean } {
  const lines = crontab.match(/[^\n]*\n|[^\n]+$/g) ?? [];
  const isMark = (mark: string) => (line: string) => line.trimEnd() === mark;
  const begins = lines.flatMap((line, at) => (isMark(beginMark(name))(line) ? [at] : []));
  const ends = lines.flatMap((line, at) => (isMark(endMark(name))(line) ? [at] : []));
  if (begins.length === 0 && ends.length === 0) return { before: crontab, after: '', found: false };
  const [begin] = begins;
  const [end] = ends;
  if (begins.length !== 1 || ends.length !== 1 || begin! > end!) {
    throw new AishaError(
      'usage',
      `the crontab has ${begins.length} "${beginMark(name)}" and ${ends.length} "${endMark(name)}"`,
      {
        hint: 'Correct it with crontab -e: each has to be there once, in this order. Nothing was changed.',
      },
    );
  }
  return { before: lines.slice(0, begin).join(''), after: lines.slice(end! + 1).join(''), found: true };
}
