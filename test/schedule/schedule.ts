import { type Job, type Place, type Schedule, SHIPPED_JOBS } from '../../src/schedule/jobs.ts';

/** A path with all that a shell, cron, systemd or YAML might take for its own. */
export const HOSTILE = `/srv/it's 100% "$HOME" \\ \${{ x }} – ü`;

/** A schedule of the shipped jobs; what is given replaces its parts. */
export function makeSchedule({
  place = {},
  ...given
}: Partial<Omit<Schedule, 'place'>> & { readonly place?: Partial<Place> } = {}): Schedule {
  return {
    name: 'production',
    jobs: SHIPPED_JOBS,
    timezone: undefined,
    machineZone: 'UTC',
    ...given,
    place: {
      node: '/usr/bin/node',
      program: '/opt/aisha-db/bin/aisha-db.js',
      cwd: '/srv/app',
      config: undefined,
      environment: undefined,
      variable: 'AISHA_DATABASE_URL',
      environmentFile: undefined,
      reports: '/srv/app/.aisha-db/schedule',
      ...place,
    },
  };
}

/** A job with these arguments. */
export function jobOf(...run: string[]): Job {
  return { name: 'own-job', at: '0 3 * * *', run, trace: { kind: 'report' } };
}
