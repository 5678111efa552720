import { createHash } from 'node:crypto';
import type { Finding } from './report.ts';

/** 32 hexadecimal digits for what makes a finding the one it is: a check, an object, a message without its numbers. */
export function fingerprint(...parts: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 32);
}

/** What stays the same when the same is found again: the finding's own fingerprint, or its check and object. */
export function fingerprintOf(finding: Pick<Finding, 'fingerprint' | 'check' | 'object'>): string {
  return finding.fingerprint ?? fingerprint(finding.check, finding.object);
}
