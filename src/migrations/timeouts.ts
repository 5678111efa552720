import { parseDuration } from '../duration.ts';
import { type Header, headerLine, headerValue } from './header.ts';

/** Limits in place of the run's own (milliseconds). */
export interface Timeouts {
  lockTimeoutMs?: number;
  statementTimeoutMs?: number;
}

/** Limits a file sets for itself: `-- Lock-Timeout: 1s`, `-- Statement-Timeout: 10min` (milliseconds). */
export function timeoutsOf(header: Header): Timeouts {
  const read = (key: 'Lock-Timeout' | 'Statement-Timeout') => {
    const value = headerValue(header, key);
    return value === undefined ? undefined : parseDuration(value, key);
  };
  const lock = read('Lock-Timeout');
  const statement = read('Statement-Timeout');
  return {
    ...(lock === undefined ? {} : { lockTimeoutMs: lock }),
    ...(statement === undefined ? {} : { statementTimeoutMs: statement }),
  };
}

/** Limits that are no durations, with the line they stand on. */
export function timeoutProblems(header: Header): { line: number; message: string }[] {
  const problems: { line: number; message: string }[] = [];
  for (const key of ['Lock-Timeout', 'Statement-Timeout'] as const) {
    const value = headerValue(header, key);
    if (value === undefined) continue;
    try {
      parseDuration(value, key);
    } catch {
      problems.push({ line: headerLine(header, key), message: `header key "${key}" is no duration: ${value}` });
    }
  }
  return problems;
}
