import { describe, expect, test } from 'vitest';
import { formatDuration, parseDuration } from '../src/duration.ts';

describe('parseDuration', () => {
  test.each([
    [0, 0],
    [250, 250],
    ['0', 0],
    ['500ms', 500],
    ['5s', 5_000],
    ['1.5s', 1_500],
    ['2min', 120_000],
    ['1h', 3_600_000],
    ['1d', 86_400_000],
    [' 5 s ', 5_000],
  ])('reads %j as %d milliseconds', (value, milliseconds) => {
    expect(parseDuration(value, '--lock-timeout')).toBe(milliseconds);
  });

  test.each(['5', 'soon', '', '-1s', '5 sec', '1m', '25d', '5s5', 1e10, -1, Number.NaN])(
    'refuses %j, naming the option',
    (value) => {
      expect(() => parseDuration(value, '--lock-timeout')).toThrow(
        expect.objectContaining({
          kind: 'usage',
          message: expect.stringContaining('--lock-timeout'),
          hint: expect.stringContaining('5s'),
        }),
      );
    },
  );
});

describe('formatDuration', () => {
  test.each([
    [0, '0 ms'],
    [999.4, '999 ms'],
    [1_000, '1 s'],
    [4_230, '4.2 s'],
    [59_949, '59.9 s'],
    [59_960, '1 min'],
    [125_000, '2 min 5 s'],
    [3_600_000, '1 h'],
    [3_780_000, '1 h 3 min'],
    [90_000_000, '1 d 1 h'],
  ])('shows %d milliseconds as %s', (milliseconds, text) => {
    expect(formatDuration(milliseconds)).toBe(text);
  });
});
