import { expect, test, vi } from 'vitest';
import { openTalk } from '../../src/cli/talk.ts';
import { describeProgress } from '../../src/maintenance/progress.ts';

const vacuum = {
  item: { kind: 'vacuum', object: 'public."Röws"' },
  phase: 'scanning heap',
  elapsedMs: 12_900,
} as const;

test('a statement in hand has a bar while its phase has a number, and its place in the run', () => {
  expect(describeProgress([{ ...vacuum, done: 42, total: 100 }], 1, 5)).toBe(
    '[2/5] vacuum public."Röws" [########------------] 42 % scanning heap, 12 s',
  );
  const initializing = { ...vacuum, phase: 'initializing', done: 0, total: 0 };
  expect(describeProgress([{ ...vacuum, done: 200, total: 100 }, initializing], 0, 2)).toBe(
    '[2/2] vacuum public."Röws" [####################] 100 % scanning heap, 12 s; vacuum public."Röws" initializing, 12 s',
  );
});

test('a status is replaced by the next and by a line that stays; a log and --quiet have none', () => {
  const written = (isTTY: boolean, quiet: boolean) => {
    let text = '';
    const stream = { isTTY, columns: 20, write: () => {}, on: () => {} };
    const output = { stream, write: (more: string) => (text += more), flush: async () => {} };
    const redactor = { text: (line: string) => line } as Parameters<typeof openTalk>[1];
    const talk = openTalk(output, redactor, quiet);
    talk.status('one');
    talk.status('two is longer than the terminal');
    talk.info('three');
    talk.warn('four');
    return text;
  };
  const clear = '\r\u001b[2K';
  expect(written(true, false)).toBe(`${clear}one${clear}two is lo… terminal${clear}three\nfour\n`);
  expect(written(false, false)).toBe('three\nfour\n');
  expect(written(true, true)).toBe('four\n');
});

test('progress moves in one line on a terminal, and is a line now and then in a log', () => {
  const talkTo = (isTTY: boolean, columns: number) => {
    const written: string[] = [];
    const stream = { isTTY, columns, write: () => {}, on: () => {} };
    const output = { stream, write: (more: string) => void written.push(more), flush: async () => {} };
    const redactor = { text: (line: string) => line } as Parameters<typeof openTalk>[1];
    return { talk: openTalk(output, redactor, false), written };
  };
  const clear = '\r\u001b[2K';
  const now = { what: 'restoring', share: 0.5, details: ['4 s left', '10 of 20 rows'] };
  const terminal = talkTo(true, 50);
  terminal.talk.progress(now);
  terminal.talk.clear();
  terminal.talk.clear();
  expect(terminal.written).toEqual([`${clear}restoring [##########----------] 50 % 4 s left`, clear]);
  vi.useFakeTimers({ now: 1_000_000 });
  const log = talkTo(false, 0);
  for (let second = 0; second <= 12; second += 0.5) {
    log.talk.progress(now);
    vi.advanceTimersByTime(500);
  }
  vi.useRealTimers();
  expect(log.written).toEqual(Array.from({ length: 3 }, () => 'restoring: 50 %, 4 s left, 10 of 20 rows\n'));
});
