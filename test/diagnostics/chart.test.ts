import { expect, test } from 'vitest';
import { drawChart } from '../../src/diagnostics/chart.ts';
import { columnsNeeded, type Definition, parseDefinition } from '../../src/diagnostics/definition.ts';

function parse(chart: string): Definition {
  const parsed = parseDefinition(
    'sizes.sql',
    `-- Title: Sizes\n-- Category: capacity\n-- Table:\n-- - table as Table\n-- Chart: ${chart}\n-- Why: x\n-- Manual: none\n\nselect 1`,
  );
  if ('problems' in parsed) throw new Error(parsed.problems.join('\n'));
  return parsed.definition;
}

const draw = (definition: Definition, ...rows: Record<string, unknown>[]) =>
  drawChart(definition, { kind: 'facts', columns: [], rows });

test('a bar for each row, in its unit; rows of one label are summed up, what is nothing is left out', () => {
  const chart = parse('Time taken: seconds:duration by query');
  const rows = [
    { query: '</script>', seconds: 2 },
    { query: 'b', seconds: 1 },
    { query: '</script>', seconds: 0.5 },
    { query: 'none', seconds: 0 },
    { query: 'unknown', seconds: null },
  ];
  expect(draw(chart, ...rows)).toEqual({
    kind: 'bars',
    title: 'Time taken',
    unit: 'milliseconds',
    bars: [
      { label: '</script>', value: 2_500 },
      { label: 'b', value: 1_000 },
    ],
  });
  expect(draw(chart)).toBeUndefined();
  expect(drawChart(chart, { kind: 'unknown', reason: 'x' })).toBeUndefined();
});

test('several values are the parts of a bar', () => {
  const chart = parse('Largest tables: heap:bytes as Rows, toast:bytes as TOAST by table');
  expect(draw(chart, { table: 't', heap: 3, toast: 4 })).toEqual({
    kind: 'stacked',
    title: 'Largest tables',
    unit: 'bytes',
    parts: ['Rows', 'TOAST'],
    bars: [{ label: 't', values: [3, 4] }],
  });
  expect([...columnsNeeded(chart)].sort()).toEqual(['heap', 'table', 'toast']);
});

test.each([
  ['no label', 'Sizes: bytes:bytes', 'Chart is not "Title: column:format as Heading, ... by column"'],
  ['an unknown format', 'Sizes: bytes:octets by table', '{bytes:octets}: no format "octets"'],
  [
    'a part without heading',
    'Sizes: heap:bytes as Rows, toast:bytes by table',
    '"toast:bytes" is not "column as Heading"',
  ],
])('a chart with %s is refused', (_, chart, problem) => {
  expect(() => parse(chart)).toThrow(problem);
});
