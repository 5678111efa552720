import { describe, expect, test } from 'vitest';
import { commandFolder } from '../../src/cli/modules.ts';
import { parseArguments } from '../../src/cli/parse-arguments.ts';
import { jobArguments, resolveJobs, SHIPPED_JOBS } from '../../src/schedule/jobs.ts';
import type { ScheduleSettings } from '../../src/schedule/settings.ts';
import { makeSchedule } from './schedule.ts';

const settings = (given: Partial<ScheduleSettings>): ScheduleSettings => ({
  timezone: undefined,
  environmentFile: undefined,
  graceMs: 0,
  jobs: {},
  ...given,
});

test.each(SHIPPED_JOBS)('$name runs a command that the program understands', async (job) => {
  const place = { environment: { name: 'production', isProtected: true }, config: '/srv/app/aisha-db.config.json' };
  const argv = jobArguments(makeSchedule({ place }), job);
  await expect(parseArguments(argv, commandFolder)).resolves.toMatchObject({ name: job.run[0] });
});

test('backups run before what prunes them, and none at the time of another', () => {
  const times = SHIPPED_JOBS.map(({ at }) => at);
  expect(new Set(times).size).toBe(times.length);
});

describe('the configuration', () => {
  test('moves, switches off, replaces and adds jobs', () => {
    const jobs = resolveJobs(
      settings({
        jobs: {
          'backup-daily': { at: '15 1 * * *' },
          'archive-move': { enabled: false },
          diagnose: { run: ['diagnose', 'indexes'] },
          'own-job': { at: '0 9 * * 1-5', run: ['queries'] },
        },
      }),
    );
    expect(jobs.map(({ name }) => name)).toEqual([
      ...SHIPPED_JOBS.map(({ name }) => name).filter((name) => name !== 'archive-move'),
      'own-job',
    ]);
    expect(jobs.find(({ name }) => name === 'backup-daily')).toMatchObject({
      at: '15 1 * * *',
      trace: { kind: 'backup' },
    });
    expect(jobs.find(({ name }) => name === 'diagnose')).toMatchObject({ run: ['diagnose', 'indexes'] });
  });

  test('has all its problems reported at once', () => {
    const broken = settings({
      timezone: 'Mars/Olympus',
      jobs: {
        'backup-daily': { at: 'never' },
        nameless: { at: '0 1 * * *' },
        'own-job': { at: '61 * * * *', run: ['x'] },
      },
    });
    expect(() => resolveJobs(broken)).toThrow('4 problems in "schedule"');
    try {
      resolveJobs(broken);
    } catch (error) {
      expect((error as { details: string[] }).details.join('\n')).toMatch(/Mars.*\n.*never.*\n.*nameless.*\n.*own-job/);
    }
  });

  test.each([[['status', '--database-url', 'postgres://u:geheim@h/x']], [['x', 'host=h password=geheim']], [['a\nb']]])(
    'with %j is refused: others can read a schedule',
    (run) =>
      expect(() => resolveJobs(settings({ jobs: { own: { at: '0 1 * * *', run } } }))).toThrow(/password|control/),
  );
});
