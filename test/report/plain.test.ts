import { expect, test } from 'vitest';
import { plain, plainLines, wellFormed } from '../../src/report/plain.ts';

test('what would move the cursor, colour, ring or reorder becomes visible', () => {
  expect(plain('a\u001b[31mb\u0007c\u009bd\u202ee\r\n\tf\ud800')).toBe(
    'a\\x1b[31mb\\x07c\\x9bd\\u{202e}e\\r\\n\\tf\\u{d800}',
  );
});

test('letters of all scripts and emoji stay as they are', () => {
  const text = 'Ünïcödé مرضى 患者 👩‍⚕️';
  expect(plain(text)).toBe(text);
});

test('text of several lines keeps its lines', () => {
  expect(plainLines('a\r\n\tb\rc\u001b')).toEqual(['a', '  b', 'c\\x1b']);
});

test('half a character is replaced', () => {
  expect(wellFormed('a\ud800b')).toBe('a\ufffdb');
});
