import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { messageOf } from '../src/errors.ts';

test.each<[string, () => unknown, string]>([
  ['a file that is not there', () => readFileSync("/no/such 'file"), 'no such file or directory'],
  ['a folder read as a file', () => readFileSync('/'), 'illegal operation on a directory'],
  ['a file listed as a folder', () => readdirSync('/proc/version'), 'not a directory'],
  ['a full disk', () => writeFileSync('/dev/full', 'x'), 'no space left on device'],
])('of %s only the words are quoted', (_, fail, words) => {
  expect(messageOf(caught(fail))).toBe(words);
});

test('what is no error of the system keeps its text', () => {
  expect(messageOf(new Error('ERROR: the rest, open'))).toBe('ERROR: the rest, open');
  expect(messageOf('thrown as it is')).toBe('thrown as it is');
});

function caught(fail: () => unknown): unknown {
  try {
    fail();
  } catch (error) {
    return error;
  }
  throw new Error('did not fail');
}
