import { readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { commandFolder } from '../src/cli/modules.ts';
import { generatePages } from '../src/cli/page.ts';
import { parseArguments } from '../src/cli/parse-arguments.ts';
import { AishaError } from '../src/errors.ts';
import type { CommandResult, Finding } from '../src/report/report.ts';
import { FakeProcess, greet, run } from './cli/main.ts';
import { makeFolder } from './support/folder.ts';

const warning: Finding = { check: 'no-index', severity: 'warning', object: 'public.visits', message: 'no index' };

describe('the program', () => {
  test.each([[[]], [['--help']], [['-h']], [['help']]])('%j lists the commands on stdout', async (argv) => {
    const { code, stdout, stderr } = await run(argv, greet());
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toContain('  greet  greet somebody\n');
  });

  test.each(['--version', '-V'])('%s is the version of package.json', async (option) => {
    const { version } = JSON.parse(readFileSync(join(import.meta.dirname, '../package.json'), 'utf8'));
    expect(await run([option], greet())).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
  });

  test.each([[['greet', '--help']], [['greet', '-h']], [['help', 'greet']], [['--help', 'greet']]])(
    '%j is the help of the command',
    async (argv) => {
      const { code, stdout } = await run(argv, greet());
      expect(code).toBe(0);
      expect(stdout).toContain('Usage: aisha-db greet [options] [name]');
      expect(stdout).toContain('Examples:\n  aisha-db greet Aisha --loud\n');
      expect(stdout).toMatch(/Exit codes:\n {2}0 {4}done/);
    },
  );

  test('a command without a database has no options to connect', async () => {
    expect((await run(['greet', '--help'], greet({ database: false }))).stdout).not.toContain('--database-url');
    expect((await run(['greet', '--embedded'], greet({ database: false }))).stderr).toContain('unknown option');
  });
});

describe('arguments that cannot be understood end with 2 and a way out:', () => {
  test.each([
    [['gret'], 'unknown command "gret"', 'Did you mean greet? aisha-db --help lists the commands.'],
    [['toString'], 'unknown command "toString"', 'aisha-db --help lists the commands.'],
    [['--quiet', 'greet'], 'the command is missing before "--quiet"', 'Write aisha-db <command>, then its options;'],
    [['greet', '--lout'], 'unknown option "--lout"', 'Did you mean --loud?'],
    [['greet', '--pasword=geheim'], 'unknown option "--pasword"', 'aisha-db greet --help lists the options.'],
    [
      ['greet', 'Aisha', 'Omar', 'Nia'],
      'unexpected arguments "Omar", "Nia"',
      'Usage: aisha-db greet [options] [name].',
    ],
    [['greet', '--times'], 'option "--times <number>" needs a value', 'aisha-db greet --help shows what it takes.'],
    [['greet', '--output', '--quiet'], '--output needs a value', '"--quiet" is an option itself.'],
    [['greet', '--database-url', ''], '--database-url needs a value', 'is a variable not set?'],
    [['greet', '--format', 'jsn'], '--format "jsn" is not known', 'Did you mean json? Known are html, json,'],
    [['greet', '--fail-on', 'never'], '--fail-on "never" is not known', 'Choose one of info, warning, critical.'],
    [['greet', '--timeout', 'soon'], '--timeout "soon" is not a duration', 'Write it with a unit'],
    [['greet', '--embedded', '--env', 'x'], '--embedded and --env name two databases', 'Keep the one that is meant.'],
  ])('%j', async (argv, message, hint) => {
    const { code, stdout, stderr } = await run(argv, greet());
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain(`error: ${message}\n`);
    expect(stderr).toContain('hint: ');
    expect(stderr).toContain(hint);
  });

  test('all problems of one kind come at once', async () => {
    const { stderr } = await run(['greet', '--fast', '--slow', '--quiet'], greet());
    expect(stderr).toMatch(/unknown option "--fast".*unknown option "--slow"/s);
    const values = await run(['greet', '--format', 'x', '--unknown-as', 'y'], greet());
    expect(values.stderr).toMatch(/--format "x" is not known.*--unknown-as "y" is not known/s);
  });

  test('as JSON when JSON was asked for', async () => {
    const { code, stdout } = await run(['greet', '--format=json', '--lout'], greet());
    expect([code, JSON.parse(stdout)]).toMatchObject([
      2,
      { command: 'greet', status: 'failed', exitCode: 2, error: { code: 'usage', message: 'unknown option "--lout"' } },
    ]);
  });
});

describe('the exit code', () => {
  test.each([
    ['nothing found', [], [], 0],
    ['a warning', [warning], [], 1],
    ['a warning with --fail-on critical', [warning], ['--fail-on', 'critical'], 0],
  ])('of %s', async (_name, findings, options, expected) => {
    const { code, stdout } = await run(
      ['greet', '--format', 'json', ...options],
      greet({ run: async () => ({ findings }) }),
    );
    expect(code).toBe(expected);
    expect(JSON.parse(stdout)).toMatchObject({ exitCode: expected, status: expected === 0 ? 'ok' : 'findings' });
  });

  test('of an undecided check is that of a warning unless --unknown-as says otherwise', async () => {
    const checks = [{ id: 'wal', title: 'WAL', status: 'unknown' as const, reason: 'not permitted' }];
    const commands = greet({ run: async () => ({ checks }) });
    expect((await run(['greet'], commands)).code).toBe(1);
    expect((await run(['greet', '--unknown-as', 'info'], commands)).code).toBe(0);
  });

  test('a command has a threshold of its own when the user names none', async () => {
    const commands = greet({ failOn: 'critical', run: async () => ({ findings: [warning] }) });
    expect((await run(['greet'], commands)).code).toBe(0);
    expect((await run(['greet', '--fail-on', 'info'], commands)).code).toBe(1);
  });
});

describe('with --format nagios the exit code is that of a plugin', () => {
  test.each<[string, number, Partial<CommandResult>]>([
    ['OK', 0, {}],
    ['WARNING', 1, { findings: [warning] }],
    ['CRITICAL', 2, { findings: [{ ...warning, severity: 'critical' }] }],
    ['UNKNOWN', 3, { checks: [{ id: 'c', title: 'C', status: 'unknown' }] }],
    ['CRITICAL', 2, { error: new AishaError('connection', 'no answer') }],
  ])('%s: %i', async (state, exitCode, result) => {
    const { code, stdout } = await run(['greet', '--format', 'nagios'], greet({ run: async () => result }));
    expect([code, stdout]).toEqual([exitCode, expect.stringMatching(new RegExp(`^AISHA-DB ${state} `))]);
  });

  test('UNKNOWN: 3, when the arguments cannot be understood or the report cannot be written', async () => {
    expect((await run(['greet', '--format', 'nagios', '--lout'], greet())).code).toBe(3);
    const output = ['--output', join(tmpdir(), 'aisha-db-gone', 'report.txt')];
    expect((await run(['greet', '--format', 'nagios', ...output], greet())).code).toBe(3);
    expect((await run(['greet', '--format', 'nagios', '--output', '/dev/full'], greet())).code).toBe(3);
  });
});

describe('an error', () => {
  const lockError = new AishaError('lock', 'table "visits" is locked', {
    details: ['held by pid 42 \u001b[31mred'],
    hint: 'Wait.',
    sqlState: '55P03',
  });
  const fails = greet({
    run: async () => {
      throw lockError;
    },
  });

  test('is message, details, SQLSTATE and hint on stderr; no control character gets through', async () => {
    expect(await run(['greet'], fails)).toEqual({
      code: 6,
      stdout: '',
      stderr: 'error: table "visits" is locked\n  held by pid 42 \\x1b[31mred\n  SQLSTATE 55P03\nhint: Wait.\n',
    });
  });

  test('is part of the JSON object, alone on stdout', async () => {
    const { stdout } = await run(['greet', '--format', 'json'], fails);
    expect(JSON.parse(stdout).error).toEqual({
      code: 'lock',
      message: 'table "visits" is locked',
      hint: 'Wait.',
      details: ['held by pid 42 \u001b[31mred'],
      sqlState: '55P03',
    });
  });

  test('of a result leaves its report whole', async () => {
    const commands = greet({ run: async () => ({ text: '2 of 3 applied', error: lockError }) });
    const { code, stdout } = await run(['greet'], commands);
    expect([code, stdout]).toEqual([6, '2 of 3 applied\n\nfailed: table "visits" is locked\n']);
  });

  test('that nobody foresaw is a defect: 70, stack without the working directory, where to report it', async () => {
    const cwd = import.meta.dirname;
    const commands = greet({
      run: async () => {
        throw new TypeError('x is not a function');
      },
    });
    const { code, stderr } = await run(['greet'], commands, { cwd });
    expect(code).toBe(70);
    expect(stderr).toMatch(/^error: x is not a function\n {2}TypeError: x is not a function\n {2}at /);
    expect(stderr).toContain('please report it');
    expect(stderr).not.toContain(cwd);
  });

  test('that is thrown where nobody waits for it is a defect as well, with its report', async () => {
    const process = new FakeProcess();
    const thrown = new TypeError('x.copy is not a function');
    const commands = greet({
      run: () => {
        process.emit('uncaughtException', thrown);
        return new Promise(() => {});
      },
    });
    const { code, stdout, stderr } = await run(['greet', '--format', 'json'], commands, { process });
    expect([code, JSON.parse(stdout)]).toMatchObject([70, { exitCode: 70, error: { code: 'defect' } }]);
    expect(stderr).toMatch(/^error: x\.copy is not a function\n {2}TypeError: .*\n {2}at /);
    expect(process.listenerCount('uncaughtException')).toBe(0);
  });

  test.each([
    ['55P03', 'canceling statement due to lock timeout', 6],
    ['57014', 'canceling statement due to statement timeout', 3],
    ['53200', 'out of memory', 3],
    ['42501', 'permission denied for table pg_authid', 3],
    ['57P05', 'terminating connection due to idle-session timeout', 3],
    ['XX001', 'invalid page in block 7', 3],
    ['42703', 'column "nope" does not exist', 70],
  ])('of the server, %s, is one only where the program is to blame', async (code, message, exitCode) => {
    const commands = greet({
      run: async () => {
        throw Object.assign(new Error(message), { code, severity: 'ERROR' });
      },
    });
    const ended = await run(['greet'], commands);
    expect([ended.code, ended.stderr.includes('\n  at ')]).toEqual([exitCode, exitCode === 70]);
    expect(ended.stderr).toContain(message);
    expect(ended.stderr).toMatch(/\nhint: [A-Z]/);
  });

  test('of the machine is not a defect', async () => {
    const commands = greet({
      run: async () => {
        throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
      },
    });
    expect(await run(['greet'], commands)).toMatchObject({
      code: 2,
      stderr: 'error: no space left on device, write\nhint: Free some space on the disk.\n',
    });
  });
});

describe('passwords', () => {
  test('appear nowhere, whatever a command says', async () => {
    const leak = 'cannot reach postgres://app:s3cr%21t@db/app with s3cr!t, PGPASSWORD=other-secret';
    const commands = greet({
      run: async ({ talk }) => {
        talk.info(leak);
        return { text: leak, data: { leak: [leak] }, error: new AishaError('connection', leak, { hint: leak }) };
      },
    });
    const env = { DATABASE_URL: 'postgres://app:s3cr%21t@db/app', PGPASSWORD: 'other-secret' };
    for (const format of ['table', 'json', 'html']) {
      const { stdout, stderr } = await run(['greet', '--format', format], commands, { env });
      expect(stdout + stderr).not.toMatch(/s3cr|other-secret/);
      expect(stdout).toContain('***');
    }
  });

  test('that are mistyped arguments are masked as well', async () => {
    const { stderr } = await run(['greet', 'a', 'postgres://app:geheim@db/app'], greet());
    expect(stderr).toContain('unexpected argument "postgres://app:***@db/app"');
  });
});

describe('the target', () => {
  const connects = greet({
    run: async (context) => {
      context.connected(await context.target(), '15.8');
      return {};
    },
  });

  test('is named first, with its environment and server, and is part of the report', async () => {
    const argv = ['greet', '--format', 'json', '--database-url', 'postgres://app:geheim@db.example.com/crm'];
    const { stdout, stderr } = await run(argv, connects);
    expect(stderr).toBe('target: db.example.com:5432/crm as app\nserver: PostgreSQL 15.8\n');
    expect(JSON.parse(stdout).target).toEqual({
      host: 'db.example.com',
      port: 5432,
      database: 'crm',
      user: 'app',
      serverVersion: '15.8',
    });
  });

  test('that nothing names is an error with the ways to name one', async () => {
    const { code, stderr } = await run(['greet'], connects);
    expect(code).toBe(2);
    expect(stderr).toContain('postgres://USER:PASSWORD@HOST:PORT/DATABASE');
  });

  test('is confirmed by an answer on the terminal, by --yes, or not at all', async () => {
    const confirms = greet({
      run: async (context) => {
        await context.confirm(await context.target());
        return {};
      },
    });
    const argv = ['greet', '--quiet', '--database-url', 'postgres://app@db.example.com/crm'];
    expect(await run(argv, confirms)).toMatchObject({ code: 3, stderr: expect.stringContaining('add --yes') });
    expect(await run(argv, confirms, { input: 'no\n' })).toMatchObject({ code: 3 });
    expect(await run(argv, confirms, { input: 'yes\n' })).toMatchObject({ code: 0 });
    expect(await run([...argv, '--yes'], confirms)).toEqual({ code: 0, stdout: '', stderr: '' });
  });
});

describe('an interruption', () => {
  const waits = (abort: () => void) =>
    greet({
      run: ({ signal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(new Error('Connection terminated')));
          abort();
        }),
    });

  test.each(['SIGINT', 'SIGTERM'])('by %s ends with 130 and takes its listeners back', async (signal) => {
    const process = new FakeProcess();
    const { code, stderr } = await run(
      ['greet'],
      waits(() => process.emit(signal, signal)),
      { process },
    );
    expect(code).toBe(130);
    expect(stderr).toMatch(new RegExp(`^${signal}: stopping.*\nerror: interrupted by ${signal}\n`));
    expect([process.exitedWith, process.listenerCount(signal)]).toEqual([undefined, 0]);
  });

  test('a second time ends at once', async () => {
    const process = new FakeProcess();
    const twice = () => {
      process.emit('SIGINT', 'SIGINT');
      process.emit('SIGTERM', 'SIGTERM');
    };
    await run(['greet'], waits(twice), { process });
    expect(process.exitedWith).toBe(130);
  });

  test('by --timeout says how long it waited', async () => {
    const { code, stderr } = await run(
      ['greet', '--timeout', '20ms'],
      waits(() => {}),
    );
    expect([code, stderr]).toEqual([130, expect.stringContaining('error: gave up after 20ms\n')]);
  });

  test('before the command has begun is one as well', async () => {
    const commands = greet({
      run: ({ signal }) => new Promise((resolve) => signal.addEventListener('abort', () => resolve({}))),
    });
    const { code, stderr } = await run(['greet', '--timeout', '1ms'], commands);
    expect([code, stderr]).toEqual([130, expect.stringContaining('error: gave up after 1ms')]);
  });

  test('by --timeout also says what the command had in hand', async () => {
    const commands = greet({
      run: ({ signal }) =>
        new Promise((resolve) => {
          const error = new AishaError('interrupted', 'interrupted in 012_index.sql');
          signal.addEventListener('abort', () => resolve({ error }));
        }),
    });
    const { stderr } = await run(['greet', '--timeout', '1s'], commands);
    expect(stderr).toContain('error: gave up after 1s: interrupted in 012_index.sql\n');
  });

  test('leaves the code to a command that knows better', async () => {
    const process = new FakeProcess();
    const commands = greet({
      run: async () => {
        process.emit('SIGINT', 'SIGINT');
        throw new AishaError('partial', '012_index.sql: 1 of 2 statements ran');
      },
    });
    expect((await run(['greet'], commands, { process })).code).toBe(8);
  });

  test('that a command passed over is reported with what it did', async () => {
    const process = new FakeProcess();
    const commands = greet({
      run: async () => {
        process.emit('SIGINT', 'SIGINT');
        return { text: '2 of 3 applied' };
      },
    });
    const { code, stdout } = await run(['greet'], commands, { process });
    expect([code, stdout]).toEqual([130, '2 of 3 applied\n\nfailed: interrupted by SIGINT\n']);
  });
});

describe('colour', () => {
  const commands = greet({ run: async () => ({ findings: [warning] }) });

  test.each([
    ['on a terminal', { columns: 80 }, [], true],
    ['through a pipe', {}, [], false],
    ['through a pipe with FORCE_COLOR', { env: { FORCE_COLOR: '1' } }, [], true],
    ['with NO_COLOR', { columns: 80, env: { NO_COLOR: '1' } }, [], false],
    ['with TERM=dumb', { columns: 80, env: { TERM: 'dumb' } }, [], false],
    ['with --no-color', { columns: 80, env: { FORCE_COLOR: '1' } }, ['--no-color'], false],
    ['in JSON', { columns: 80 }, ['--format', 'json'], false],
  ])('%s', async (_name, terminal, options, expected) => {
    const { stdout } = await run(['greet', ...options], commands, terminal);
    expect(stdout.includes('\u001b[')).toBe(expected);
  });
});

describe('output', () => {
  test('a terminal that does not know its width has 80 columns', async () => {
    const wide = await run(['greet', '--help'], greet({}), { columns: 80 });
    expect((await run(['greet', '--help'], greet({}), { columns: 0 })).stdout).toBe(wide.stdout);
  });

  test('--quiet silences progress, never warnings', async () => {
    const commands = greet({
      run: async ({ talk }) => {
        talk.info('working');
        talk.warn('careful');
        return {};
      },
    });
    expect((await run(['greet', '--quiet'], commands)).stderr).toBe('careful\n');
  });

  test('a reader that has seen enough does not disturb the run', async () => {
    expect(await run(['greet'], greet(), { stdoutFails: 'EPIPE' })).toEqual({ code: 0, stdout: '', stderr: '' });
  });

  test('a full disk behind stdout is an error', async () => {
    const { code, stderr } = await run(['greet'], greet(), { stdoutFails: 'ENOSPC' });
    expect([code, stderr]).toEqual([
      2,
      expect.stringContaining('error: stdout cannot be written: the words for it\nhint'),
    ]);
  });

  test('--output writes the report into a file and leaves nothing else', async () => {
    const cwd = await makeFolder();
    expect(await run(['greet', '--output', 'report.txt'], greet(), { cwd })).toEqual({
      code: 0,
      stdout: '',
      stderr: '',
    });
    expect(readdirSync(cwd)).toEqual(['report.txt']);
    expect(readFileSync(join(cwd, 'report.txt'), 'utf8')).toBe('Good morning.\n');
  });

  test('--output into a folder that is not there is refused before the run', async () => {
    let ran = false;
    const commands = greet({
      run: async () => {
        ran = true;
        return {};
      },
    });
    const { code, stderr } = await run(['greet', '--output', 'no/such/folder/report.txt'], commands);
    expect([code, ran]).toEqual([2, false]);
    expect(stderr).toContain('error: the report cannot be written to no/such/folder/report.txt');
  });
});

describe.each(commandFolder.names())('the command %s', (name) => {
  test('has a summary that fits into the list', async () => {
    const { summary } = await commandFolder.load(name);
    expect(summary).toMatch(/^[a-z].*[^.]$/);
  });

  test('shows examples in its help that the program understands', async () => {
    const { examples } = await commandFolder.load(name);
    const { code, stdout } = await run([name, '--help'], commandFolder);
    expect(code).toBe(0);
    expect(examples.length).toBeGreaterThan(0);
    for (const example of examples) {
      expect(stdout).toContain(`  ${example}\n`);
      expect(await parseArguments(argumentsOf(example), commandFolder)).toMatchObject({ name });
    }
  });
});

test('the pages of docs/ are what the program says of itself (npm run docs)', async () => {
  const docs = join(import.meta.dirname, '../docs');
  const pages = await generatePages();
  const written = readdirSync(join(docs, 'commands')).map((file) => `commands/${file}`);
  expect(written.sort()).toEqual([...pages.keys()].filter((path) => path.startsWith('commands/')).sort());
  for (const [path, text] of pages) expect(readFileSync(join(docs, path), 'utf8'), path).toBe(text);
});

/** What a shell would pass on: up to a pipe or redirection, quotes removed. */
function argumentsOf(example: string): string[] {
  const [command = ''] = example.split(/ (?:[|>]|&&) ?/);
  const words = [...command.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(
    (match) => match[1] ?? match[2] ?? match[3] ?? '',
  );
  expect(words[0]).toBe('aisha-db');
  return words.slice(1);
}
