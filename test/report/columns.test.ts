import { describe, expect, test } from 'vitest';
import { drawTable } from '../../src/report/columns.ts';

const files = {
  columns: ['File', 'State', 'Reason'],
  rows: [
    [
      '012_add_patient_consent_to_appointments_and_visits.sql',
      'changed',
      'the content is not the one that was applied',
    ],
    ['013_x.sql', 'pending', ''],
  ],
};

test('a pipe gets every cell whole, aligned, without trailing spaces', () => {
  expect(
    drawTable(
      {
        columns: ['Table', 'Rows'],
        rows: [
          ['visits', '12'],
          ['患者', '3'],
        ],
        alignRight: [1],
      },
      undefined,
    ),
  ).toEqual(['Table   Rows', '------  ----', 'visits    12', '患者       3']);
});

describe('on a narrow terminal', () => {
  test('prose is wrapped first: nothing is lost', () => {
    expect(drawTable(files, 90)).toEqual([
      'File                                                    State    Reason',
      '------------------------------------------------------  -------  -------------------------',
      '012_add_patient_consent_to_appointments_and_visits.sql  changed  the content is not the',
      '                                                                 one that was applied',
      '013_x.sql                                               pending',
    ]);
  });

  test('a column that holds nothing makes room before anything is wrapped or shortened', () => {
    const pending = { columns: ['File', 'ms', 'Reason'], rows: [['012_add_consent.sql', '', 'not applied yet']] };
    const lines = drawTable({ ...pending, alignRight: [1] }, 38);
    expect(lines).toEqual([
      'File                 Reason',
      '-------------------  ---------------',
      '012_add_consent.sql  not applied yet',
    ]);
    expect(drawTable(pending, 40)[0]).toBe('File                 ms  Reason');
  });

  test('names are shortened in the middle next: both ends tell files apart', () => {
    expect(drawTable(files, 60)).toEqual([
      'File                               State    Reason',
      '---------------------------------  -------  ----------------',
      '012_add_patient_…s_and_visits.sql  changed  the content is',
      '                                            not the one that',
      '                                            was applied',
      '013_x.sql                          pending',
    ]);
  });

  test('a table that cannot be read so narrow becomes records', () => {
    expect(
      drawTable(
        {
          columns: ['File', 'Checksum', 'At'],
          rows: [
            ['a.sql', 'c'.repeat(20), '2026-01-01'],
            ['b.sql', 'd', ''],
          ],
        },
        26,
      ),
    ).toEqual([
      'File      a.sql',
      'Checksum  cccccccc…ccccccc',
      'At        2026-01-01',
      '',
      'File      b.sql',
      'Checksum  d',
      'At',
    ]);
  });

  test('no line is wider than the terminal', () => {
    for (let width = 24; width < 140; width++) {
      for (const line of drawTable(files, width)) expect(line.length).toBeLessThanOrEqual(width);
    }
  });
});

test('a cell cannot end its row, move the cursor or turn the text around', () => {
  expect(drawTable({ columns: ['a'], rows: [['x\ny\u001b[2J\u202e']] }, undefined)[2]).toBe('x\\ny\\x1b[2J\\u{202e}');
});

test('each row is read as often in a table of 5,000 rows as in one of 50', () => {
  expect(readsOfRows(5000) / 5000).toBe(readsOfRows(50) / 50);
});

/** How often a table of that many rows looks at a row while it is drawn into too narrow a space. */
function readsOfRows(count: number): number {
  let reads = 0;
  const rows = Array.from(
    { length: count },
    () =>
      new Proxy(['a_migration.sql', 'applied', 'a reason of some words'], {
        get(cells, key) {
          reads++;
          return Reflect.get(cells, key);
        },
      }),
  );
  drawTable({ columns: ['File', 'State', 'Reason'], rows }, 40);
  return reads;
}
