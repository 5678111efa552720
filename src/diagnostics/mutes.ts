import type { Finding } from '../report/report.ts';

/** A finding that is known and accepted, for a while. */
export interface Mute {
  readonly check: string;
  /** Name of the object; `*` stands for any text. Absent: every object of the check. */
  readonly object?: string | undefined;
  /** The finding's fingerprint, in place of its object. */
  readonly fingerprint?: string | undefined;
  readonly reason: string;
  /** Last day on which it counts, `2026-12-31`, by UTC. */
  readonly until: string;
}

export interface MutedFinding {
  readonly finding: Finding;
  readonly mute: Mute;
}

/** Findings that count, those that are muted, and the mutes that have run out though what they muted is still there. */
export interface Sorted {
  readonly findings: readonly Finding[];
  readonly muted: readonly MutedFinding[];
  readonly expired: readonly Mute[];
}

/** @param today the day by UTC, `2026-03-01` */
export function sortOut(findings: readonly Finding[], mutes: readonly Mute[], today: string): Sorted {
  const counted: Finding[] = [];
  const muted: MutedFinding[] = [];
  const expired = new Set<Mute>();
  for (const finding of findings) {
    const matching = mutes.filter((mute) => matches(mute, finding));
    const mute = matching.find(({ until }) => today <= until);
    if (mute === undefined) {
      counted.push(finding);
      for (const old of matching) expired.add(old);
    } else muted.push({ finding, mute });
  }
  return { findings: counted, muted, expired: [...expired] };
}

function matches({ check, object, fingerprint }: Mute, finding: Finding): boolean {
  if (check !== finding.check) return false;
  if (fingerprint !== undefined && fingerprint !== finding.fingerprint) return false;
  return object === undefined || matchesPattern(object, finding.object);
}

function matchesPattern(pattern: string, text: string): boolean {
  const source = pattern.split('*').map((part) => part.replaceAll(/[\\^$.|?+()[\]{}]/g, '\\$&'));
  return new RegExp(`^${source.join('.*')}$`, 's').test(text);
}
