import type { Finding } from '../report/report.ts';

/** Findings that were not there before. */
export function newSince(before: readonly Finding[], after: readonly Finding[]): Finding[] {
  const known = new Set(before.map(keyOf));
  return after.filter((finding) => !known.has(keyOf(finding)));
}

function keyOf({ check, object, fingerprint }: Finding): string {
  return fingerprint ?? `${check} ${object}`;
}
