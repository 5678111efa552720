import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { putBlock, renderCrontab, takeBlock } from '../../src/schedule/crontab.ts';
import { makeFolder } from '../support/folder.ts';
import { jobOf, makeSchedule } from './schedule.ts';

const BLOCK = '# BEGIN aisha-db schedule production\n0 3 * * * true\n# END aisha-db schedule production\n';
const OTHERS = [
  '',
  'MAILTO=ops@example.com\n0 1 * * * /bin/true\n',
  '0 1 * * * no line end',
  '# BEGIN aisha-db schedule dev\n0 1 * * * x\n# END aisha-db schedule dev\n',
  '# BEGIN aisha-db schedule production-2\n# END aisha-db schedule production-2\n',
  '#BEGIN aisha-db schedule production\n  # BEGIN aisha-db schedule production in a sentence\n',
  'A=1\r\n0 1 * * * x\r\n\r\n\n\n',
  '0 1 * * * echo caf\u00e9 \u0080\u00ff 100\\%\n',
];

describe('a block of a crontab', () => {
  test.each(OTHERS)('comes and goes and leaves %j as it was', (before) => {
    const once = putBlock(before, 'production', BLOCK);
    expect(once).toContain(BLOCK);
    expect(putBlock(once, 'production', BLOCK)).toBe(once);
    const gone = takeBlock(once, 'production');
    // A last line that was not ended is: cron would not have read it.
    expect(gone).toBe(before === '' || before.endsWith('\n') ? before : `${before}\n`);
    expect(takeBlock(before, 'production')).toBe(before);
  });

  test('is replaced where it is, between what others wrote', () => {
    const before = `first\n${BLOCK}last\n`;
    const other = BLOCK.replace('0 3', '0 4');
    expect(putBlock(before, 'production', other)).toBe(`first\n${other}last\n`);
    expect(takeBlock(before, 'production')).toBe('first\nlast\n');
  });

  test.each([
    ['without an end', '# BEGIN aisha-db schedule production\nx\n'],
    ['without a beginning', 'x\n# END aisha-db schedule production\n'],
    ['twice', BLOCK + BLOCK],
    ['the wrong way round', '# END aisha-db schedule production\n# BEGIN aisha-db schedule production\n'],
  ])('%s is refused, since the lines could be of others', (_, crontab) => {
    expect(() => putBlock(crontab, 'production', BLOCK)).toThrow('the crontab has');
    expect(() => takeBlock(crontab, 'production')).toThrow('the crontab has');
  });

  test('survives an editor that writes carriage returns', () =>
    expect(takeBlock(`a\n${BLOCK.replaceAll('\n', '\r\n')}b\n`, 'production')).toBe('a\nb\n'));
});

/** What cron gives to /bin/sh: `\%` is `%`, a bare one would end the command. */
function commandOf(line: string): string {
  const command = line.split(' ').slice(5).join(' ');
  expect(command.replaceAll('\\%', '')).not.toContain('%');
  return command.replaceAll('\\%', '%');
}

describe('the command of a line', () => {
  /** A folder that a shell might take for commands, and a program that writes down what it was given. */
  async function hostileSchedule(exitCode = 0) {
    const folder = await makeFolder();
    const cwd = join(folder, `it's 100% "$HOME" \`id\` – ü`);
    mkdirSync(cwd);
    const program = join(cwd, 'program.mjs');
    writeFileSync(
      program,
      `import { writeFileSync } from 'node:fs';
       const seen = { cwd: process.cwd(), argv: process.argv.slice(2), url: process.env.AISHA_DATABASE_URL };
       writeFileSync('seen.json', JSON.stringify(seen));
       process.exit(${exitCode});`,
    );
    writeFileSync(join(cwd, 'the env'), 'AISHA_DATABASE_URL="postgres://u:p%24ss@h/x"\n');
    const place = {
      node: process.execPath,
      program,
      cwd,
      reports: join(cwd, '.aisha-db/schedule'),
      environmentFile: join(cwd, 'the env'),
      environment: { name: `pro"d %s`, isProtected: true },
    };
    return { cwd, schedule: makeSchedule({ jobs: [jobOf('diagnose', `it's "%" $(id)`)], place }) };
  }

  test('reaches the program whole, with the variables of the file and a folder for its report', async () => {
    const { cwd, schedule } = await hostileSchedule();
    const line = renderCrontab(schedule).split('\n')[3]!;
    const { status, stdout, stderr } = spawnSync('/bin/sh', ['-c', commandOf(line)], {
      cwd: '/',
      encoding: 'utf8',
      env: {},
    });
    expect([status, stdout, stderr]).toEqual([0, '', '']);
    const seen = JSON.parse(execFileSync('cat', [join(cwd, 'seen.json')], { encoding: 'utf8' }));
    expect(seen).toEqual({
      cwd,
      url: 'postgres://u:p%24ss@h/x',
      argv: [
        'diagnose',
        `it's "%" $(id)`,
        '--quiet',
        '--env',
        `pro"d %s`,
        '--confirm',
        `pro"d %s`,
        '--format',
        'json',
        '--output',
        '.aisha-db/schedule/production.own-job.json',
      ],
    });
  });

  test('says on stderr, which cron mails, that a job failed, and nothing else', async () => {
    const { cwd, schedule } = await hostileSchedule(10);
    const line = renderCrontab(schedule).split('\n')[3]!;
    const { stdout, stderr } = spawnSync('/bin/sh', ['-c', commandOf(line)], { encoding: 'utf8' });
    expect([stdout, stderr]).toEqual([
      '',
      `aisha-db own-job: exit code 10 report .aisha-db/schedule/production.own-job.json in ${cwd}\n`,
    ]);
  });

  test('holds no line break and is not longer than cron takes', () => {
    expect(() => renderCrontab(makeSchedule({ place: { cwd: '/srv/a\n* * * * * rm -rf /' } }))).toThrow(
      'a crontab cannot hold a line break',
    );
    expect(() => renderCrontab(makeSchedule({ place: { cwd: `/srv/${'x'.repeat(400)}` } }))).toThrow(
      'the crontab line of backup-daily has more than 998 bytes',
    );
  });
});
