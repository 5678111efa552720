import type { Check, Finding } from '../report/report.ts';
import type { Judgement, Noticed } from './check.ts';
import type { RlsFacts } from './facts.ts';
import type { NamedCheck } from './load-checks.ts';
import { listNames } from './names.ts';
import type { TenancyException } from './settings.ts';

/** A finding with what it takes to act on it. */
export interface TenancyFinding extends Finding {
  readonly policy: string | undefined;
  /** SQL that mends it. */
  readonly fix: string | undefined;
  /** The part of it, at its beginning, that is run once for all findings that ask for it. */
  readonly groundwork: string | undefined;
}

/** A finding that an exception covers. */
interface Excepted {
  readonly finding: TenancyFinding;
  readonly reason: string;
}

export interface Verdict {
  readonly checks: readonly Check[];
  readonly findings: readonly TenancyFinding[];
  readonly excepted: readonly Excepted[];
  /** Exceptions that covered nothing: the finding is gone, or its name was misspelt. */
  readonly idle: readonly TenancyException[];
}

/** Puts every check to the facts and sets aside what is meant to be as it is. */
export function judgeFacts(
  facts: RlsFacts,
  checks: readonly NamedCheck[],
  exceptions: readonly TenancyException[],
): Verdict {
  const findings: TenancyFinding[] = [];
  const excepted: Excepted[] = [];
  const used = new Set<TenancyException>();
  const outcomes = checks.map((check): Check => {
    const { findings: noticed, unknown = [], open = [] } = check.judge(facts);
    const own = noticed.map((one) => toFinding(check.id, one));
    const cover = (about: Pick<TenancyFinding, 'check' | 'object' | 'policy'>) => {
      const exception = exceptions.find((one) => isCovered(about, one));
      if (exception !== undefined) used.add(exception);
      return exception;
    };
    const counted = own.filter((finding) => {
      const exception = cover(finding);
      if (exception !== undefined) excepted.push({ finding, reason: exception.reason });
      return exception === undefined;
    });
    for (const finding of counted) findings.push(finding);
    const left = open.filter(({ object }) => cover({ check: check.id, object, policy: undefined }) === undefined);
    return outcome(check, counted, [...unknown, ...groupByReason(left)]);
  });
  return { checks: outcomes, findings, excepted, idle: exceptions.filter((one) => !used.has(one)) };
}

function toFinding(
  check: string,
  { policy, part = policy, fix: sql, groundwork, advice, details, ...noticed }: Noticed,
): TenancyFinding {
  const fix = sql === undefined || groundwork === undefined ? sql : `${groundwork}\n${sql}`;
  const remediation = fix ?? advice;
  return {
    check,
    ...noticed,
    policy,
    fix,
    groundwork,
    ...(remediation === undefined ? {} : { remediation }),
    ...(part === undefined ? {} : { fingerprint: [check, noticed.object, part].join(' ') }),
    ...(details === undefined && policy === undefined ? {} : { details: { ...details, ...(policy && { policy }) } }),
  };
}

/** `public.a and public.b: cannot be looked at`. */
export function groupByReason(open: NonNullable<Judgement['open']>): string[] {
  const byReason = new Map<string, string[]>();
  for (const { object, reason } of open) byReason.set(reason, [...(byReason.get(reason) ?? []), object]);
  return [...byReason].map(([reason, objects]) => `${listNames(objects)}: ${reason}`);
}

function isCovered(
  finding: Pick<TenancyFinding, 'check' | 'object' | 'policy'>,
  { check, object, policy }: TenancyException,
): boolean {
  return finding.check === check && finding.object === object && (policy === undefined || finding.policy === policy);
}

/** What is merely worth knowing fails no check; what could not be looked at lets none pass. */
function outcome({ id, title }: NamedCheck, findings: readonly Finding[], unknown: readonly string[]): Check {
  const isFailed = findings.some(({ severity }) => severity !== 'info');
  const status = isFailed ? 'failed' : unknown.length > 0 ? 'unknown' : 'passed';
  return { id, title, status, ...(unknown.length === 0 ? {} : { reason: unknown.join('; ') }) };
}
