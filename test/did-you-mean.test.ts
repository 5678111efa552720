import { expect, test } from 'vitest';
import { didYouMean } from '../src/did-you-mean.ts';

const KNOWN = ['dir', 'ledger', 'lockTimeout', 'lockWait', 'table'];

test.each([
  ['dri', 'dir'],
  ['tabel', 'table'],
  ['LOCKTIMEOUT', 'lockTimeout'],
  ['lockTimeoutMs', 'lockTimeout'],
  ['lock-wait', 'lockWait'],
  ['dir', 'dir'],
])('%s means %s', (word, meant) => {
  expect(didYouMean(word, KNOWN)).toBe(meant);
});

test.each(['x', 'zebra', 'log', ''])('for %j there is no guess', (word) => {
  expect(didYouMean(word, KNOWN)).toBeUndefined();
});
