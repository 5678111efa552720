import { stringify } from 'yaml';
import { type Job, jobArguments, type Schedule } from './jobs.ts';

/** One line for each value, and no references: people read and change it. */
export const YAML = { lineWidth: 0, aliasDuplicateObjects: false } as const;

/** First line of a workflow of ours: another file is not overwritten. */
export const WORKFLOW_MARK = '# Written by aisha-db schedule github: changes are lost when it is written again.';

/** A backup on a runner is gone with the runner. */
export function isForGithub({ trace, run }: Job): boolean {
  return trace.kind !== 'backup' && run[0] !== 'backup' && !(run[0] === 'maintain' && run[1] === 'quarterly');
}

/**
 * A workflow with a job for each line of the schedule; GitHub knows no zone but UTC, may start late, and stops schedules of
 * repositories in which nothing happens for 60 days (GitHub docs, "Events that trigger workflows").
 */
export function renderGithub(schedule: Schedule): string {
  const jobs = schedule.jobs.filter(isForGithub);
  const workflow = {
    name: `aisha-db schedule ${schedule.name}`,
    on: {
      schedule: [...new Set(jobs.map(({ at }) => at))].map((cron) => ({ cron })),
      workflow_dispatch: {
        inputs: {
          job: { description: 'the job to run', required: true, type: 'choice', options: jobs.map(({ name }) => name) },
        },
      },
    },
    permissions: { contents: 'read' },
    jobs: Object.fromEntries(jobs.map((job) => [job.name, runJob(schedule, job)])),
  };
  return `${WORKFLOW_MARK}\n${stringify(workflow, YAML)}`;
}

function runJob(schedule: Schedule, job: Job): Record<string, unknown> {
  const { variable } = schedule.place;
  const report = `${job.name}.json`;
  const place = { ...schedule.place, config: undefined };
  const args = jobArguments({ ...schedule, place }, job, { report });
  return {
    if: `github.event.schedule == '${job.at}' || inputs.job == '${job.name}'`,
    'runs-on': 'ubuntu-latest',
    'timeout-minutes': 120,
    concurrency: { group: `aisha-db-${schedule.name}-${job.name}`, 'cancel-in-progress': false },
    steps: [
      { uses: 'actions/checkout@v4' },
      { uses: 'actions/setup-node@v4', with: { 'node-version': 20 } },
      { run: 'npm ci' },
      {
        run: `npx --no-install aisha-db ${args.map(shellWord).join(' ')}`,
        env: { [variable]: `\${{ secrets.${variable} }}` },
      },
      {
        if: 'always()',
        uses: 'actions/upload-artifact@v4',
        with: { name: job.name, path: report, 'if-no-files-found': 'ignore' },
      },
    ],
  };
}

/** A word of bash in which GitHub finds no expression of its own. */
function shellWord(word: string): string {
  const quoted = /^[\w@+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
  return quoted.replaceAll('${{', () => "$'{{'");
}
