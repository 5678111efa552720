import { describe, expect, test } from 'vitest';
import { type MigrationName, parseName } from '../../src/migrations/name.ts';
import {
  type FileFact,
  type LedgerFact,
  type MigrationPlan,
  nextFreeNumber,
  type PlanEntry,
  type PlanOptions,
  planMigrations,
} from '../../src/migrations/plan.ts';
import { countStates } from '../../src/migrations/report.ts';
import { Random } from '../support/random.ts';

/** A file; its checksum is its name unless another is given. */
function file(name: string, checksum = name): FileFact {
  return { name: parseName(name), checksum, unreadable: undefined };
}

function unreadable(name: string): FileFact {
  return { name: parseName(name), checksum: undefined, unreadable: 'permission denied' };
}

let sequence = 0;

/** A row of the ledger, later than those made before it. */
function row(name: string, more: Partial<LedgerFact> = {}): LedgerFact {
  return {
    file: name,
    checksum: name,
    state: 'applied',
    appliedAt: '2026-04-24T10:15:00.000Z',
    executionTimeMs: 5,
    sequence: ++sequence,
    siblings: [],
    statementsDone: 1,
    statementsTotal: 1,
    ...more,
  };
}

function plan(
  files: readonly (string | FileFact)[],
  ledger: readonly (string | LedgerFact)[] = [],
  options: Partial<PlanOptions> = {},
): MigrationPlan {
  return planMigrations(
    files.map((f) => (typeof f === 'string' ? file(f) : f)),
    ledger.map((r) => (typeof r === 'string' ? row(r) : r)),
    { duplicates: 'refuse-new', allowOutOfOrder: false, to: undefined, only: undefined, ...options },
  );
}

const states = ({ entries }: MigrationPlan) => entries.map((e) => `${e.file} ${e.state}${e.run ? ' run' : ''}`);
const runs = ({ entries }: MigrationPlan) => entries.filter((e) => e.run).map((e) => e.file);
const problems = (found: MigrationPlan) => found.problems.map((p) => `${p.kind} ${p.file}: ${p.message}`);
const warnings = (found: MigrationPlan) => found.warnings.map((w) => `${w.check} ${w.file}`);
const entry = (found: MigrationPlan, name: string): PlanEntry => found.entries.find((e) => e.file === name)!;

test('a folder that holds none of the applied files is one problem, not one for each', () => {
  const found = plan(['001_other.sql'], ['001_a.sql', '002_b.sql', '003_c.sql']);
  expect(problems(found)).toEqual([
    'changed *: none of the 3 applied files is in the folder',
    ...problems(found).slice(1),
  ]);
  expect(problems(found).some((p) => p.includes('002_b.sql'))).toBe(false);
  expect(states(found)).toContain('002_b.sql missing');
});

describe('what runs', () => {
  test('all that is pending, in the order of the numbers, whatever the order of the files', () => {
    expect(
      runs(plan(['10_a.sql', '9_a.sql', '999_z.sql', '155a_x.sql', '155_x.sql', '0001_a.sql', '20260424_d.sql'])),
    ).toEqual(['0001_a.sql', '9_a.sql', '10_a.sql', '155_x.sql', '155a_x.sql', '20260424_d.sql', '999_z.sql']);
  });

  test('what is applied does not run again; gaps are nobody’s concern', () => {
    const found = plan(['001_a.sql', '007_b.sql', '100_c.sql'], ['001_a.sql', row('007_b.sql', { state: 'baseline' })]);
    expect(states(found)).toEqual(['001_a.sql applied', '007_b.sql baseline', '100_c.sql pending run']);
    expect(entry(found, '001_a.sql')).toMatchObject({
      number: '001',
      phase: 'forward',
      appliedAt: expect.any(String),
      durationMs: 5,
    });
    expect(problems(found)).toEqual([]);
  });

  test('what was rolled back is pending again', () => {
    expect(states(plan(['001_a.sql'], [row('001_a.sql', { state: 'rolled-back' })]))).toEqual([
      '001_a.sql pending run',
    ]);
  });

  test('rollback, fix and diagnostic files and those without a number are never planned, and say why', () => {
    const found = plan([
      'ROLLBACK_001_a.sql',
      'FIX_a.sql',
      'DIAGNOSTIC_a.sql',
      'APPLY_a.sql',
      'notes.sql',
      'old/001_a.sql',
    ]);
    expect(runs(found)).toEqual([]);
    expect(found.entries.every((e) => e.state === 'not-run' && e.reason !== undefined)).toBe(true);
    expect(problems(found)).toEqual([]);
  });

  test('nothing at all in an empty folder', () => {
    expect(plan([])).toMatchObject({ entries: [], problems: [], warnings: [] });
  });

  test('files known to be tests do not', () => {
    const found = plan(['001_a.sql', '002_test.sql'], [], { tests: new Set(['002_test.sql']) });
    expect(states(found)).toEqual(['001_a.sql pending run', '002_test.sql not-run']);
  });
});

describe('--to', () => {
  const FILES = ['001_a.sql', '155_b.sql', '155a_c.sql', '20260424_d.sql', '999_z.sql', 'FIX_x.sql'];
  test.each([
    ['155', ['001_a.sql', '155_b.sql']],
    ['0155', ['001_a.sql', '155_b.sql']],
    ['155a', ['001_a.sql', '155_b.sql', '155a_c.sql']],
    ['2026-04-24', ['001_a.sql', '155_b.sql', '155a_c.sql', '20260424_d.sql']],
    ['0', []],
  ])('%s', (to, expected) => {
    const found = plan(FILES, [], { to: parseName(`${to}_x.sql`).version });
    expect(runs(found)).toEqual(expected);
    expect(entry(found, '999_z.sql').reason).toBe('beyond --to');
  });
});

describe('--only', () => {
  test.each(['002_b.sql', 'FIX_x.sql', '999_z.sql', 'old/003_c.sql'])('%s runs that file and no other', (only) => {
    expect(runs(plan(['001_a.sql', '002_b.sql', '999_z.sql', 'FIX_x.sql', 'old/003_c.sql'], [], { only }))).toEqual([
      only,
    ]);
  });

  test('does not run a rollback file', () => {
    expect(runs(plan(['ROLLBACK_001_a.sql'], [], { only: 'ROLLBACK_001_a.sql' }))).toEqual([]);
  });

  test('resumes a manual file that was interrupted, and does not repeat one that ran', () => {
    const interrupted = row('FIX_x.sql', {
      state: 'interrupted',
      phase: 'manual',
      statementsDone: 1,
      statementsTotal: 3,
    });
    expect(states(plan(['FIX_x.sql'], [interrupted], { only: 'FIX_x.sql' }))).toEqual(['FIX_x.sql interrupted run']);
    expect(states(plan(['FIX_x.sql'], [interrupted]))).toEqual(['FIX_x.sql interrupted']);
    expect(states(plan(['FIX_x.sql'], [row('FIX_x.sql', { phase: 'manual' })], { only: 'FIX_x.sql' }))).toEqual([
      'FIX_x.sql applied',
    ]);
  });
});

describe('the history does not match', () => {
  test('a changed file', () => {
    const found = plan([file('001_a.sql', 'other')], ['001_a.sql']);
    expect(states(found)).toEqual(['001_a.sql changed']);
    expect(problems(found)).toEqual(['changed 001_a.sql: changed since it was applied']);
    expect(found.problems[0]!.hint).toContain('aisha-db repair 001_a.sql');
  });

  test('a missing file has its entry in its place', () => {
    const found = plan(['003_c.sql', '001_a.sql'], ['001_a.sql', "002_it's; gone.sql", '003_c.sql', 'x.sql']);
    expect(states(found)).toEqual([
      '001_a.sql applied',
      "002_it's; gone.sql missing",
      '003_c.sql applied',
      'x.sql missing',
    ]);
    expect(entry(found, "002_it's; gone.sql").number).toBe('002');
    expect(problems(found)).toEqual([
      "changed 002_it's; gone.sql: applied, but the file is missing",
      'changed x.sql: applied, but the file is missing',
    ]);
  });

  test.each([
    ['the latest', ['001_a.sql', '002_b.sql'], '002_b.sql', '002_new.sql'],
    ['one before others', ['001_a.sql', '002_b.sql', '003_c.sql'], '002_b.sql', '002_new.sql'],
    ['to another number', ['001_a.sql', '002_b.sql', '003_c.sql'], '002_b.sql', '017_new.sql'],
  ])('a renamed file is known by its content and does not run again: %s', (_, applied, old, now) => {
    const found = plan([...applied.filter((f) => f !== old), file(now, old)], applied);
    expect(problems(found)).toEqual([`changed ${old}: applied, but renamed to ${now}`]);
    expect(found.problems[0]!.hint).toContain(`aisha-db repair ${now}`);
    expect(entry(found, old)).toMatchObject({ state: 'missing', reason: `its content is now in ${now}` });
    expect(entry(found, now)).toMatchObject({
      state: 'pending',
      run: false,
      reason: `its content was applied as ${old}`,
    });
  });

  test('two clones of one content: one is the renamed file, the other is new', () => {
    const found = plan(
      [file('002_b.sql', 'same'), file('003_c.sql', 'same')],
      [row('001_a.sql', { checksum: 'same' })],
    );
    expect(states(found)).toEqual(['001_a.sql missing', '002_b.sql pending', '003_c.sql pending run']);
  });

  test('two clones beside each other are two files', () => {
    expect(
      states(plan([file('001_a.sql', 'same'), file('002_b.sql', 'same')], [row('001_a.sql', { checksum: 'same' })])),
    ).toEqual(['001_a.sql applied', '002_b.sql pending run']);
  });

  test('files run by name may be gone: that is no problem', () => {
    const found = plan(
      ['001_a.sql'],
      [
        '001_a.sql',
        row('fixes/FIX_x.sql', { phase: 'manual' }),
        row('ROLLBACK_001_a.sql', { phase: 'rollback', state: 'interrupted' }),
      ],
    );
    expect(states(found)).toEqual(['001_a.sql applied', 'ROLLBACK_001_a.sql interrupted', 'fixes/FIX_x.sql applied']);
    expect(problems(found)).toEqual([]);
  });

  test('a manual file that changed since it ran says so, and is no problem', () => {
    const found = plan([file('FIX_x.sql', 'new')], [row('FIX_x.sql', { phase: 'manual' })]);
    expect(entry(found, 'FIX_x.sql')).toMatchObject({
      state: 'applied',
      reason: expect.stringContaining('changed since it ran'),
    });
    expect(problems(found)).toEqual([]);
  });

  test('an interrupted file is resumed, also when its content was mended', () => {
    const interrupted = row('001_a.sql', { state: 'interrupted', statementsDone: 2, statementsTotal: 5 });
    const found = plan([file('001_a.sql', 'mended'), '002_b.sql'], [interrupted]);
    expect(states(found)).toEqual(['001_a.sql interrupted run', '002_b.sql pending run']);
    expect(entry(found, '001_a.sql').reason).toBe('2 of 5 statements ran; the next run resumes');
    expect(runs(plan(['001_a.sql', '002_b.sql'], [interrupted], { only: '002_b.sql' }))).toEqual(['002_b.sql']);
  });
});

describe('out of order', () => {
  test('is refused, with the next free number', () => {
    const found = plan(['001_a.sql', '002_b.sql', '003_c.sql'], ['001_a.sql', '003_c.sql']);
    expect(states(found)).toEqual(['001_a.sql applied', '002_b.sql out-of-order', '003_c.sql applied']);
    expect(problems(found)).toEqual(['plan 002_b.sql: out of order: comes before 003_c.sql, which is applied']);
    expect(found.problems[0]!.hint).toContain('renumber 002_b.sql (004)');
  });

  test('runs where that is allowed', () => {
    const found = plan(['001_a.sql', '002_b.sql', '003_c.sql'], ['001_a.sql', '003_c.sql'], { allowOutOfOrder: true });
    expect(states(found)).toEqual(['001_a.sql applied', '002_b.sql out-of-order run', '003_c.sql applied']);
    expect(problems(found)).toEqual([]);
  });

  test.each([
    ['a serial beside applied dates', ['20260101_a.sql'], '002_b.sql', true],
    ['a date beside applied serials', ['001_a.sql'], '20260101_b.sql', false],
    ['a letter between two numbers', ['155_a.sql', '156_a.sql'], '155a_b.sql', true],
    ['an applied final file', ['001_a.sql', '999_z.sql'], '002_b.sql', false],
    ['an applied manual file', ['FIX_a.sql'], '002_b.sql', false],
  ])('%s', (_, applied, pending, refused) => {
    expect(entry(plan([...applied, pending], applied), pending).state === 'out-of-order').toBe(refused);
  });
});

describe('duplicate numbers', () => {
  const GROUP = ['012_c.sql', '12_a.sql', '0012_d.sql', '012_b.sql'];
  const IN_ORDER = ['0012_d.sql', '012_b.sql', '012_c.sql', '12_a.sql'];

  test('that are all pending run in name order, with a warning for the group', () => {
    const found = plan(GROUP);
    expect(runs(found)).toEqual(IN_ORDER);
    expect(warnings(found)).toEqual(['duplicate-number 0012_d.sql']);
    expect(found.warnings[0]!.message).toContain('012_b.sql, 012_c.sql, 12_a.sql');
    for (const name of GROUP) expect(found.groups.get(name)).toEqual(IN_ORDER);
  });

  test('that are all applied are listed as a warning', () => {
    const found = plan(GROUP, GROUP);
    expect([problems(found), warnings(found)]).toEqual([[], ['duplicate-number 0012_d.sql']]);
  });

  test('a newcomer to an applied number is refused, with the next free one', () => {
    const found = plan(['012_a.sql', '012_new.sql'], ['012_a.sql']);
    expect(states(found)).toEqual(['012_a.sql applied', '012_new.sql pending']);
    expect(problems(found)).toEqual(['plan 012_new.sql: joins number 012, already applied as 012_a.sql']);
    expect(found.problems[0]!.hint).toContain('renumber 012_new.sql (013)');
  });

  test('one that was there when its mate was applied is none: the run failed between the two', () => {
    const found = plan(['012_a.sql', '012_b.sql'], [row('012_a.sql', { siblings: ['012_b.sql'] })]);
    expect(states(found)).toEqual(['012_a.sql applied', '012_b.sql pending run']);
    expect(problems(found)).toEqual([]);
    const third = plan(['012_a.sql', '012_b.sql', '012_c.sql'], [row('012_a.sql', { siblings: ['012_b.sql'] })]);
    expect(runs(third)).toEqual(['012_b.sql']);
    expect(problems(third)).toEqual(['plan 012_c.sql: joins number 012, already applied as 012_a.sql']);
  });

  test('a number whose migration was rolled back is free', () => {
    expect(runs(plan(['012_a.sql', '012_b.sql'], [row('012_a.sql', { state: 'rolled-back' })]))).toEqual([
      '012_a.sql',
      '012_b.sql',
    ]);
  });

  test('allow: a newcomer runs', () => {
    expect(states(plan(['012_a.sql', '012_new.sql'], ['012_a.sql'], { duplicates: 'allow' }))).toEqual([
      '012_a.sql applied',
      '012_new.sql pending run',
    ]);
  });

  test('refuse: not even pending ones run; what is applied stays', () => {
    const found = plan(['011_x.sql', '012_a.sql', '012_b.sql', '010_c.sql', '010_d.sql'], ['010_c.sql', '010_d.sql'], {
      duplicates: 'refuse',
    });
    expect(runs(found)).toEqual(['011_x.sql']);
    expect(problems(found)).toEqual([
      'plan 012_a.sql: number 012 is also carried by 012_b.sql',
      'plan 012_b.sql: number 012 is also carried by 012_a.sql',
    ]);
  });

  test.each([
    ['155_a.sql', '155a_a.sql'],
    ['155a_a.sql', '155A_a.sql'],
    ['999_a.sql', '0999_a.sql'],
    ['ROLLBACK_012_a.sql', '012_a.sql'],
    ['FIX_012_a.sql', '012_a.sql'],
    ['old/012_a.sql', '012_a.sql'],
  ])('%s and %s share none', (a, b) => {
    expect(plan([a, '500_x.sql', b]).groups.size).toBe(0);
  });
});

describe('final files', () => {
  const reason = (found: MigrationPlan) => entry(found, '999_z.sql').reason;

  test('run last, behind dates too', () => {
    const found = plan(['999_z.sql', '900_y.sql', '20991231_a.sql', '1000_b.sql']);
    expect(runs(found)).toEqual(['1000_b.sql', '20991231_a.sql', '900_y.sql', '999_z.sql']);
    expect(reason(found)).toBe('runs last');
  });

  test('run again when their content changed: that is no broken history', () => {
    const found = plan(['001_a.sql', file('999_z.sql', 'new')], ['001_a.sql', '999_z.sql']);
    expect([runs(found), reason(found), problems(found)]).toEqual([
      ['999_z.sql'],
      'runs again: its content changed',
      [],
    ]);
  });

  test('run again behind files that are pending', () => {
    const found = plan(['001_a.sql', '002_b.sql', '999_z.sql'], ['001_a.sql', '999_z.sql']);
    expect([runs(found), reason(found)]).toEqual([
      ['002_b.sql', '999_z.sql'],
      'runs again: files before it are pending',
    ]);
  });

  test('run again when a file before them was applied since', () => {
    const found = plan(['001_a.sql', '002_b.sql', '999_z.sql'], ['001_a.sql', '999_z.sql', '002_b.sql']);
    expect([runs(found), reason(found)]).toEqual([['999_z.sql'], 'runs again: a file before it was applied since']);
  });

  test('do not run when nothing ran since', () => {
    expect(states(plan(['001_a.sql', '999_z.sql'], ['001_a.sql', '999_z.sql']))).toEqual([
      '001_a.sql applied',
      '999_z.sql applied',
    ]);
    expect(states(plan(['999_z.sql'], [row('999_z.sql', { state: 'baseline' })]))).toEqual(['999_z.sql baseline']);
  });

  test('do not run because of what is held back, refused or run by name', () => {
    const applied = ['001_a.sql', '999_z.sql'];
    expect(runs(plan([...applied, '002_b.sql'], applied, { to: parseName('001_.sql').version }))).toEqual([]);
    expect(runs(plan([...applied, '001_new.sql'], applied))).toEqual([]);
    expect(runs(plan([...applied, 'FIX_x.sql'], [...applied, row('FIX_x.sql', { phase: 'manual' })]))).toEqual([]);
  });

  test('are held back by --to and by --only, interrupted ones too', () => {
    const found = plan(
      ['001_a.sql', '999_z.sql'],
      [row('999_z.sql', { state: 'interrupted', statementsDone: 1, statementsTotal: 2 })],
      { only: '001_a.sql' },
    );
    expect(states(found)).toEqual(['001_a.sql pending run', '999_z.sql interrupted']);
  });

  test('are resumed when they were interrupted', () => {
    const found = plan(
      ['999_z.sql'],
      [row('999_z.sql', { state: 'interrupted', statementsDone: 1, statementsTotal: 2 })],
    );
    expect([states(found), reason(found)]).toEqual([
      ['999_z.sql interrupted run'],
      '1 of 2 statements ran; the next run resumes',
    ]);
  });

  test('one that was added before later numbers existed does not make those out of order', () => {
    expect(problems(plan(['001_a.sql', '002_b.sql', '999_z.sql'], ['001_a.sql', '999_z.sql']))).toEqual([]);
  });
});

describe('a file that cannot be read', () => {
  test.each(['001_a.sql', '999_z.sql'])('%s is a problem and does not run', (name) => {
    const found = plan([unreadable(name), '002_b.sql']);
    expect(problems(found)).toEqual([`plan ${name}: cannot be read: permission denied`]);
    expect(entry(found, name)).toMatchObject({
      state: 'pending',
      run: false,
      reason: 'cannot be read: permission denied',
    });
  });

  test('is a problem when it is applied: nobody can tell whether it changed', () => {
    expect(problems(plan([unreadable('001_a.sql')], ['001_a.sql']))).toEqual([
      'plan 001_a.sql: cannot be read: permission denied',
    ]);
  });

  test('is listed when it is run by name only, and a problem when it is named', () => {
    const found = plan([unreadable('FIX_a.sql')]);
    expect([states(found), problems(found)]).toEqual([['FIX_a.sql not-run'], []]);
    expect(problems(plan([unreadable('FIX_a.sql')], [], { only: 'FIX_a.sql' }))).toHaveLength(1);
  });
});

test('all problems are reported at once', () => {
  const found = plan(
    [file('001_a.sql', 'changed'), '002_b.sql', '003_c.sql', '003_new.sql', unreadable('004_d.sql')],
    ['001_a.sql', '003_c.sql', '000_gone.sql'],
  );
  expect(problems(found).sort()).toEqual([
    'changed 000_gone.sql: applied, but the file is missing',
    'changed 001_a.sql: changed since it was applied',
    'plan 002_b.sql: out of order: comes before 003_c.sql, which is applied',
    'plan 003_new.sql: joins number 003, already applied as 003_c.sql',
    'plan 004_d.sql: cannot be read: permission denied',
  ]);
});

describe('warnings', () => {
  test.each([
    [['012_a_OLD.sql'], ['side-file 012_a_OLD.sql']],
    [['012_a_smoke_test.sql'], ['side-file 012_a_smoke_test.sql']],
    [['FIX_OLD.sql', 'x_OLD.sql'], []],
    [['001_a.sql', '20260424_b.sql', '20260425_c.sql'], ['mixed-numbers 20260424_b.sql']],
    [['20260424_b.sql', '999_z.sql'], []],
    [
      ['012_A.sql', '012_a.sql'],
      ['duplicate-number 012_A.sql', 'look-alike-names 012_a.sql'],
    ],
    [['FIX_\u00e9.sql', 'FIX_e\u0301.sql'], ['look-alike-names FIX_\u00e9.sql']],
    [['001_a.sql', '002_b.sql'], []],
  ])('%j: %j', (files, expected) => {
    const found = plan(files);
    expect(warnings(found)).toEqual(expected);
    expect(problems(found)).toEqual([]);
  });
});

describe('whatever lies in the folder and in the ledger', () => {
  const NAMES = [
    '0001_a',
    '001_a',
    '001_b',
    '002_a',
    '002_A',
    '010_é',
    '010_e\u0301',
    '155_x',
    '155a_x',
    '20260424_a',
    '20260424_b',
    '2026-04-24_c',
    "003_it's;",
    '900_y',
    '999_z',
    '999_y',
    'FIX_x',
    'ROLLBACK_001_a',
    'x',
    'sub/001_a',
    '123456789012345678_a',
  ].map((n) => `${n}.sql`);

  test('each file and each row has one entry, in one order, and only what may run runs', { timeout: 30_000 }, () => {
    const random = new Random(11);
    for (let round = 0; round < 300; round++) {
      const files = NAMES.filter(() => random.chance(0.5)).map((name) =>
        random.chance(0.05) ? unreadable(name) : file(name, random.chance(0.1) ? 'same' : name),
      );
      const ledger = random.shuffle(NAMES.filter(() => random.chance(0.4))).map((name) =>
        row(name, {
          state: random.pick(['applied', 'applied', 'applied', 'baseline', 'interrupted', 'rolled-back'] as const),
          checksum: random.chance(0.1) ? 'same' : name,
          siblings: random.chance(0.2) ? NAMES : [],
          ...(random.chance(0.5) ? { phase: parseName(name).phase } : {}),
        }),
      );
      const options: Partial<PlanOptions> = {
        duplicates: random.pick(['refuse-new', 'allow', 'refuse'] as const),
        allowOutOfOrder: random.chance(0.3),
        to: random.chance(0.2) ? parseName(random.pick(NAMES)).version : undefined,
        only: random.chance(0.1) ? random.pick(NAMES) : undefined,
      };
      const found = plan(files, ledger, options);
      const context = JSON.stringify({ files: files.map((f) => f.name.file), ledger, options });

      const expected = new Set([
        ...files.map((f) => f.name.file),
        ...ledger.filter((r) => r.state !== 'rolled-back').map((r) => r.file),
      ]);
      expect(found.entries.map((e) => e.file).sort(), context).toEqual([...expected].sort());
      expect(plan(random.shuffle(files), random.shuffle(ledger), options), context).toEqual(found);

      const done = new Set(ledger.filter((r) => r.state === 'applied' || r.state === 'baseline').map((r) => r.file));
      const running = found.entries.filter((e) => e.run);
      for (const e of running) {
        if (e.phase !== 'final') expect(done.has(e.file), `${e.file} ${context}`).toBe(false);
        expect(e.checksum, context).toBeDefined();
        expect(['pending', 'out-of-order', 'interrupted'], context).toContain(e.state);
      }
      expect(runs(found), context).toEqual(
        runs(
          plan(
            running.map((e) => e.file),
            [],
            { duplicates: 'allow', only: options.only },
          ),
        ),
      );
    }
  });
});

describe('the next free number', () => {
  const names = (files: readonly string[]): MigrationName[] => files.map((f) => parseName(f));

  test.each([
    [[], '001'],
    [['001_a.sql', '012_b.sql', '003_c.sql'], '013'],
    [['0001_a.sql'], '0002'],
    [['9_a.sql'], '10'],
    [['099_a.sql'], '100'],
    [['155b_a.sql', '155_a.sql'], '156'],
    [['052_a.sql', '999_z.sql', 'ROLLBACK_300_x.sql', 'FIX_400.sql', 'x.sql', 'old/500_a.sql'], '053'],
    [['899_a.sql', '999_z.sql'], '1000'],
    [['0899_a.sql'], '0900'],
    [['20260424_a.sql', '20260101_b.sql'], '20260425'],
    [['2026-12-31_a.sql'], '2027-01-01'],
    [['20260228235959_a.sql'], '20260301000000'],
    [['202604242359_a.sql'], '202604250000'],
    [['052_a.sql', '20260424_a.sql'], '20260425'],
  ])('behind %j is %s', (files, expected) => {
    const found = names(files);
    expect(nextFreeNumber(found)).toBe(expected);
    const added = parseName(`${expected}_new.sql`);
    expect(added.phase).toBe('forward');
    // Nothing that is there comes behind it.
    expect(runs(plan([...files, added.file], files))).toContain(added.file);
  });

  test('is none that would run last where final files begin earlier', () => {
    expect(nextFreeNumber(names(['499_a.sql']), 500)).toBe('1000');
  });
});

test.each([
  [[], 'no migrations'],
  [['pending', 'applied', 'applied'], '2 applied, 1 pending'],
  [
    ['not-run', 'failed', 'out-of-order', 'missing', 'changed', 'interrupted', 'pending', 'baseline', 'applied'],
    '1 applied, 1 baseline, 1 pending, 1 interrupted, 1 changed, 1 missing, 1 out-of-order, 1 failed, 1 not-run',
  ],
] as const)('states %j are counted as %s', (list, text) => {
  const base = plan(['001_a.sql']).entries[0]!;
  expect(countStates(list.map((state) => ({ ...base, state })))).toBe(text);
});
