import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { parseCron } from '../../src/schedule/cron.ts';
import { renderGithub } from '../../src/schedule/github.ts';
import { SHIPPED_JOBS } from '../../src/schedule/jobs.ts';
import { renderKubernetes } from '../../src/schedule/kubernetes.ts';
import { onCalendar, renderSystemd, unitMark } from '../../src/schedule/systemd.ts';
import { makeFolder } from '../support/folder.ts';
import { HOSTILE, jobOf, makeSchedule } from './schedule.ts';

describe('systemd', () => {
  test.each([
    ['0 3 * * *', ['*-*-* 03:00:00 UTC']],
    ['*/30 8-9 * * 1-5', ['Mon,Tue,Wed,Thu,Fri *-*-* 08,09:00,30:00 UTC']],
    ['0 6 1 1,7 *', ['*-01,07-01 06:00:00 UTC']],
    // Cron takes the 13th and every Friday.
    ['0 0 13 * 5', ['*-*-13 00:00:00 UTC', 'Fri *-*-* 00:00:00 UTC']],
  ])('%s is %j', (at, expected) => expect(onCalendar(parseCron(at, 'at'), 'UTC')).toEqual(expected));

  test('has a service and a timer for each job, in the zone of the schedule, marked as its own', () => {
    const units = renderSystemd(makeSchedule({ timezone: 'Europe/Berlin' }));
    expect(units.map(({ file }) => file).sort()).toEqual(
      SHIPPED_JOBS.flatMap(({ name }) => [
        `aisha-db-production-${name}.service`,
        `aisha-db-production-${name}.timer`,
      ]).sort(),
    );
    expect(units.every(({ text }) => text.startsWith(`${unitMark('production')}\n`))).toBe(true);
    expect(units[1]!.text).toContain('OnCalendar=*-*-* 03:00:00 Europe/Berlin\n');
  });

  test('verifies, hostile paths and arguments included, and expands nothing of them', async () => {
    const schedule = makeSchedule({
      jobs: [...SHIPPED_JOBS, jobOf('diagnose', `it's "%n" \${HOME} $PATH \\x`)],
      place: {
        node: process.execPath,
        cwd: HOSTILE,
        reports: `${HOSTILE}/.aisha-db/schedule`,
        environmentFile: '/etc/aisha 100%.env',
        environment: { name: `pro"d %s`, isProtected: true },
      },
    });
    const files = Object.fromEntries(renderSystemd(schedule).map(({ file, text }) => [file, text]));
    const service = files['aisha-db-production-own-job.service']!;
    expect(service).toContain(`"it's \\"%%n\\" $\${HOME} $$PATH \\\\x"`);
    const folder = await makeFolder(files);
    const paths = Object.keys(files).map((file) => join(folder, file));
    const { error, status, stderr } = spawnSync('systemd-analyze', ['verify', '--recursive-errors=no', ...paths], {
      encoding: 'utf8',
    });
    if (error !== undefined) {
      // A machine without systemd has nobody to ask; .ci/run installs it.
      expect(process.env['CI'], 'systemd-analyze is missing: apt-get install systemd').toBeUndefined();
      return;
    }
    expect([status, stderr.split('\n').filter((line) => line.includes('aisha-db'))]).toEqual([0, []]);
  });
});

describe('GitHub', () => {
  const schedule = makeSchedule({
    jobs: [...SHIPPED_JOBS, jobOf('diagnose', `it's \${{ secrets.X }} "$(id)"`)],
    place: { environment: { name: 'production', isProtected: true }, variable: 'PROD_DATABASE_URL' },
  });
  const workflow = parse(renderGithub(schedule));

  test('has every time once, and a job for each line but the backups, whose files would be gone', () => {
    expect(workflow.on.schedule).toEqual(
      [
        ...new Set(
          schedule.jobs.filter(({ run }) => run[0] !== 'backup' && run[1] !== 'quarterly').map(({ at }) => at),
        ),
      ].map((cron) => ({
        cron,
      })),
    );
    expect(Object.keys(workflow.jobs)).toEqual([
      'maintain-weekly',
      'maintain-monthly',
      'maintain-resume',
      'partitions',
      'archive-move',
      'rls-check',
      'diagnose',
      'own-job',
    ]);
    expect(workflow.on.workflow_dispatch.inputs.job.options).toEqual(Object.keys(workflow.jobs));
    expect(workflow.jobs['rls-check'].if).toBe("github.event.schedule == '45 5 * * *' || inputs.job == 'rls-check'");
  });

  test('takes the connection from a secret, by the name that the environment reads', () => {
    const step = workflow.jobs['rls-check'].steps.find(({ env }: { env?: unknown }) => env !== undefined);
    expect(step.env).toEqual({ PROD_DATABASE_URL: `\${{ secrets.PROD_DATABASE_URL }}` });
    expect(step.run).toContain('--env production --confirm production');
  });

  test('finds no expression of its own in arguments, and bash gives them back as they were', () => {
    const { run } = workflow.jobs['own-job'].steps.find(({ env }: { env?: unknown }) => env !== undefined);
    expect(run).not.toContain('${{');
    const { stdout } = spawnSync('bash', ['-c', `npx() { printf '%s\\n' "$4"; }; ${run}`], { encoding: 'utf8' });
    expect(stdout).toBe(`it's \${{ secrets.X }} "$(id)"\n`);
  });
});

describe('Kubernetes', () => {
  const cluster = {
    image: 'registry.example.com/aisha-db:1',
    namespace: 'crm',
    secret: 'db',
    configMap: 'conf',
    claim: 'state',
  };

  test('has a CronJob for each job: one at a time, in UTC, nothing secret in it', () => {
    const text = renderKubernetes(makeSchedule({ jobs: [...SHIPPED_JOBS, jobOf('diagnose', '$(HOME) yes')] }), cluster);
    const all = parseAllDocuments(text).map((document) => {
      expect(document.errors).toEqual([]);
      return document.toJS();
    });
    expect(all.map(({ kind, apiVersion }) => `${apiVersion} ${kind}`)).toEqual(all.map(() => 'batch/v1 CronJob'));
    expect(all.map(({ spec }) => spec.schedule)).toEqual([...SHIPPED_JOBS.map(({ at }) => at), '0 3 * * *']);
    const [first] = all;
    expect(first.metadata).toMatchObject({ name: 'aisha-db-production-backup-daily', namespace: 'crm' });
    expect(first.spec).toMatchObject({ timeZone: 'Etc/UTC', concurrencyPolicy: 'Forbid' });
    const pod = first.spec.jobTemplate.spec.template.spec;
    expect(pod.containers[0]).toMatchObject({
      image: cluster.image,
      envFrom: [{ secretRef: { name: 'db' } }],
      args: expect.arrayContaining(['--config', '/etc/aisha-db/aisha-db.config.json']),
    });
    expect(pod.volumes).toEqual([
      { name: 'state', persistentVolumeClaim: { claimName: 'state' } },
      { name: 'config', configMap: { name: 'conf' } },
    ]);
    expect(all.at(-1).spec.jobTemplate.spec.template.spec.containers[0].args[1]).toBe('$$(HOME) yes');
  });

  test('has names that Kubernetes takes, and two for two schedules that would be cut to one', () => {
    const names = ['Pro_duction ü', 'Pro-duction u', 'x'.repeat(60), `${'x'.repeat(60)}y`].map(
      (name) => parseAllDocuments(renderKubernetes(makeSchedule({ name }), cluster))[0]!.toJS().metadata.name as string,
    );
    for (const name of names) expect(name).toMatch(/^[a-z0-9]([a-z0-9-]{0,50}[a-z0-9])$/);
    expect(new Set(names).size).toBe(names.length);
  });
});
