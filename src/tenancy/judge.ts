import type { Check, Finding } from '../report/report.ts';
import type { Noticed } from './check.ts';
import type { RlsFacts } from './facts.ts';
import type { NamedCheck } from './load-checks.ts';
import type { TenancyException } from './settings.ts';

/** A finding with what it takes to act on it. */
export interface TenancyFinding extends Finding {
  readonly policy: string | undefined;
  /** SQL that mends it. */
  readonly fix: string | undefined;
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
    const { findings: noticed, unknown = [] } = check.judge(facts);
    const own = noticed.map((one) => toFinding(check.id, one));
    const counted = own.filter((finding) => {
      const exception = exceptions.find((one) => isCovered(finding, one));
      if (exception === undefined) return true;
      used.add(exception);
      excepted.push({ finding, reason: exception.reason });
      return false;
    });
    findings.push(...counted);
    return outcome(check, counted, unknown);
  });
  return { checks: outcomes, findings, excepted, idle: exceptions.filter((one) => !used.has(one)) };
}

function toFinding(check: string, { policy, fix, advice, details, ...noticed }: Noticed): TenancyFinding {
  const remediation = fix ?? advice;
  return {
    check,
    ...noticed,
    policy,
    fix,
    ...(remediation === undefined ? {} : { remediation }),
    ...(policy === undefined ? {} : { fingerprint: [check, noticed.object, policy].join(' ') }),
    ...(details === undefined && policy === undefined ? {} : { details: { ...details, ...(policy && { policy }) } }),
  };
}

function isCovered(finding: TenancyFinding, { check, object, policy }: TenancyException): boolean {
  return finding.check === check && finding.object === object && (policy === undefined || finding.policy === policy);
}

/** What is merely worth knowing fails no check; what could not be looked at lets none pass. */
function outcome({ id, title }: NamedCheck, findings: readonly Finding[], unknown: readonly string[]): Check {
  const isFailed = findings.some(({ severity }) => severity !== 'info');
  const status = isFailed ? 'failed' : unknown.length > 0 ? 'unknown' : 'passed';
  return { id, title, status, ...(unknown.length === 0 ? {} : { reason: unknown.join('; ') }) };
}
