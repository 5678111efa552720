import { Chalk } from 'chalk';
import type { RenderOptions, Report, ReportChart } from '../../src/report/report.ts';

/** How a report is drawn through a pipe, and on a terminal of 80 columns. */
export const PIPE: RenderOptions = { width: undefined };
export const TERMINAL: RenderOptions = { width: 80, chalk: new Chalk({ level: 1 }) };
export const UNCOLORED: RenderOptions = { width: 80 };

/** Every kind of chart once. */
const charts: readonly ReportChart[] = [
  {
    kind: 'stacked',
    title: 'Largest tables',
    unit: 'bytes',
    note: 'The 2 largest of 2.',
    parts: ['rows', 'indexes', 'TOAST'],
    bars: [
      { label: 'public.visits', values: [64 * 1024 ** 2, 48 * 1024 ** 2, 8192] },
      { label: 'public.patients', values: [8 * 1024 ** 2, 16 * 1024 ** 2, 0] },
    ],
  },
  {
    kind: 'bars',
    title: 'Slowest queries',
    unit: 'milliseconds',
    bars: [
      { label: 'select * from visits where patient_id = $1', value: 1830.5 },
      { label: 'select count(*) from patients', value: 12 },
    ],
  },
  {
    kind: 'time',
    title: 'Growth',
    unit: 'bytes',
    lines: [
      {
        label: 'public.visits',
        points: [
          { at: '2026-01-01T06:00:00.000Z', value: 90 * 1024 ** 2 },
          { at: '2026-02-01T06:00:00.000Z', value: 101 * 1024 ** 2 },
          { at: '2026-03-01T06:00:00.000Z', value: 112 * 1024 ** 2 },
        ],
      },
    ],
  },
];

/** A run that succeeded: every kind of check, finding and table once. */
export const clinic: Report = {
  command: 'diagnose',
  version: '1.2.3',
  target: { host: 'db.example.com', port: 5432, database: 'clinic', user: 'aisha', serverVersion: '15.8' },
  startedAt: '2026-03-01T06:00:00.000Z',
  durationMs: 1250,
  status: 'findings',
  exitCode: 1,
  checks: [
    {
      id: 'rls-enabled',
      title: 'Row-level security is on',
      status: 'failed',
      category: 'tenancy',
      description: 'Without it every tenant reads the rows of all.',
    },
    { id: 'dead-rows', title: 'Dead rows are vacuumed', status: 'failed', category: 'vacuum' },
    { id: 'replication-lag', title: 'Replicas keep up', status: 'not-applicable', reason: 'no replica' },
    {
      id: 'wal-size',
      title: 'WAL is bounded',
      status: 'unknown',
      reason: 'permission denied for pg_ls_waldir',
      remediation: 'grant pg_monitor to aisha;',
    },
    { id: 'xid-age', title: 'Transaction ids are frozen', status: 'passed' },
  ],
  findings: [
    {
      check: 'dead-rows',
      severity: 'warning',
      object: 'public.visits',
      message: '41 % of its rows are dead',
      remediation: 'vacuum (analyze) public.visits;',
      metric: 41,
      unit: 'percent',
    },
    {
      check: 'rls-enabled',
      severity: 'critical',
      object: 'public.patients',
      message: 'row-level security is off: every tenant reads every row',
      remediation: 'alter table public.patients enable row level security;',
    },
  ],
  data: { tables: 2 },
  text: 'Looked at 2 tables.',
  tables: [
    {
      title: 'Largest tables',
      columns: ['Table', 'Rows'],
      rows: [
        ['public.visits', '120000'],
        ['public.patients', '800'],
      ],
      alignRight: [1],
    },
  ],
  charts,
};

/** A run that failed with nothing but its error. */
export const failed: Report = {
  command: 'migrate',
  version: '1.2.3',
  startedAt: '2026-03-01T06:00:00.000Z',
  durationMs: 80,
  status: 'failed',
  exitCode: 6,
  checks: [],
  findings: [],
  data: {},
  error: {
    code: 'lock',
    message: 'another run holds the lock',
    hint: 'Wait for it.',
    details: ['pid 42, since 06:00'],
  },
};

/** What anybody may put into the name of a table. */
export const HOSTILE = `"a'b" <script>alert(1)</script> <!-- ]]> &amp; | \`c\` \\ \n\u001b[31m\u202e\u0000 Ünïcödé 患者 👩‍⚕️ \ud800 \u2028مرضى`;

export const hostile: Report = {
  ...clinic,
  command: HOSTILE,
  target: { host: HOSTILE, port: 5432, database: HOSTILE, user: HOSTILE, serverVersion: HOSTILE },
  checks: [
    {
      id: HOSTILE,
      title: HOSTILE,
      status: 'unknown',
      reason: HOSTILE,
      category: HOSTILE,
      description: HOSTILE,
      remediation: HOSTILE,
    },
  ],
  findings: [
    { check: HOSTILE, severity: 'critical', object: HOSTILE, message: HOSTILE, remediation: HOSTILE, metric: 1 },
    {
      check: 'file',
      severity: 'info',
      object: HOSTILE,
      message: HOSTILE,
      details: { file: HOSTILE, line: 1, column: 2 },
    },
  ],
  data: { [HOSTILE]: HOSTILE },
  text: HOSTILE,
  tables: [{ title: HOSTILE, columns: [HOSTILE, 'b'], rows: [[HOSTILE, HOSTILE]] }],
  charts: [
    { kind: 'bars', title: HOSTILE, unit: 'count', note: HOSTILE, bars: [{ label: HOSTILE, value: 1 }] },
    { kind: 'stacked', title: HOSTILE, unit: 'bytes', parts: [HOSTILE], bars: [{ label: HOSTILE, values: [1] }] },
    {
      kind: 'time',
      title: HOSTILE,
      unit: 'milliseconds',
      lines: [{ label: HOSTILE, points: [{ at: '2026-03-01T06:00:00.000Z', value: 1 }] }],
    },
  ],
  error: { code: 'plan', message: HOSTILE, hint: HOSTILE, details: [HOSTILE], sqlState: HOSTILE },
};

/** A run that found much: eight checks of three categories, of every severity, with advice in words among the SQL. */
export function crowded(count: number): Report {
  const kinds = [
    ['unindexed-key', 'Foreign keys have an index', 'indexes', 'warning'],
    ['unused-index', 'Indexes are used', 'indexes', 'info'],
    ['dead-rows', 'Dead rows are vacuumed', 'vacuum', 'warning'],
    ['rls-enabled', 'Row-level security is on', 'tenancy', 'critical'],
  ] as const;
  const kindOf = (index: number) => kinds[index % kinds.length] ?? kinds[0];
  return {
    ...clinic,
    checks: kinds.map(([id, title, category]) => ({ id, title, category, status: 'failed' })),
    findings: Array.from({ length: count }, (_, index) => {
      const [check, , , severity] = kindOf(index);
      const remediation = severity === 'info' ? 'Watch it for a month.' : `alter table public.t${index} do_something;`;
      return { check, severity, object: `public.t${index}`, message: `what is wrong with ${index}`, remediation };
    }),
  };
}
