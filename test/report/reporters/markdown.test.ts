import { expect, test } from 'vitest';
import { render } from '../../../src/report/reporters/markdown.ts';
import { clinic, failed, hostile, PIPE } from '../reports.ts';

test('is what a pull request shows', () => {
  expect(render({ ...clinic, checks: clinic.checks.slice(1, 4) }, PIPE)).toBe(`# aisha-db diagnose: findings

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

### \`rls-enabled\`

- \`public.patients\`: row-level security is off: every tenant reads every row

\`\`\`sql
alter table public.patients enable row level security;
\`\`\`

## warning (1)

### Dead rows are vacuumed (\`dead-rows\`)

- \`public.visits\`: 41 % of its rows are dead

\`\`\`sql
vacuum (analyze) public.visits;
\`\`\`

## Checks

| Check | Title | Status | Reason |
| --- | --- | --- | --- |
| \`dead-rows\` | Dead rows are vacuumed | failed |  |
| \`replication-lag\` | Replicas keep up | not-applicable | no replica |
| \`wal-size\` | WAL is bounded | unknown | permission denied for pg_ls_waldir<br>\`grant pg_monitor to aisha;\` |

3 checks: 1 failed, 1 unknown, 1 not-applicable; 1 critical, 1 warning
`);
});

test('what mends all objects of one check is one block to copy, a sentence stands beside its object', () => {
  const [finding] = clinic.findings;
  const of = (object: string, remediation: string) => ({ ...finding!, object, remediation });
  const findings = [of('a', 'vacuum a;'), of('b', 'vacuum b;'), of('c', 'Wait for it.'), of('d', 'vacuum b;')];
  const page = render({ ...clinic, findings, checks: [] }, PIPE);
  expect(page).toContain('```sql\nvacuum a;\nvacuum b;\n```');
  expect(page).toContain('- `c`: 41 % of its rows are dead<br>Fix: Wait for it.\n');
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
