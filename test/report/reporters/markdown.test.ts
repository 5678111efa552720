import { expect, test } from 'vitest';
import { render } from '../../../src/report/reporters/markdown.ts';
import { clinic, failed, hostile, PIPE } from '../reports.ts';

test('is what a pull request shows', () => {
  expect(render({ ...clinic, checks: clinic.checks.slice(2, 4) }, PIPE)).toBe(`# aisha-db diagnose: findings

- Target: \`db.example.com:5432/clinic\` as \`aisha\`
- Server: PostgreSQL 15.8
- Started: 2026-03-01T06:00:00.000Z, 1250 ms
- Exit code: 1 (aisha-db 1.2.3)

Looked at 2 tables.

## Largest tables

| Table | Rows |
| --- | ---: |
| public.visits | 120000 |
| public.patients | 800 |

## critical (1)

### \`public.patients\`

row-level security is off: every tenant reads every row (\`rls-enabled\`)

\`\`\`sql
alter table public.patients enable row level security;
\`\`\`

## warning (1)

### \`public.visits\`

41 % of its rows are dead (\`dead-rows\`)

\`\`\`sql
vacuum (analyze) public.visits;
\`\`\`

## Checks

| Check | Title | Status | Reason |
| --- | --- | --- | --- |
| \`replication-lag\` | Replicas keep up | not-applicable | no replica |
| \`wal-size\` | WAL is bounded | unknown | permission denied for pg_ls_waldir |

2 checks: 1 unknown, 1 not-applicable; 1 critical, 1 warning
`);
});

test('says why a run failed', () => {
  expect(render(failed, PIPE)).toContain(
    '**Error:** another run holds the lock\n\n```text\npid 42, since 06:00\n```\n\n**Hint:** Wait for it.\n',
  );
});

test('text stays text: no tag, no new cell, no open fence', () => {
  const page = render(hostile, PIPE);
  const outsideOfCode = page.replace(/(`+)(?!`).*?(?<!`)\1(?!`)/gs, 'CODE');
  expect(outsideOfCode).not.toMatch(/<(?!br>)/);
  const rows = page.split('\n').filter((line) => line.startsWith('|'));
  expect(new Set(rows.map((row) => row.replaceAll('\\|', '').split('|').length - 2))).toEqual(new Set([2, 4]));
});
