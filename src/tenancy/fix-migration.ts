import type { TenancyFinding } from './judge.ts';
import { displayName } from './names.ts';

/** The SQL that mends findings, as the body of a migration. */
export interface FixMigration {
  readonly sql: string;
  /** One line for each object: `public.contacts: rls-not-forced`. */
  readonly objects: readonly string[];
  /** Statements that take something away that somebody may rely on: `revoke all on ... from "anon"`. */
  readonly breakingChanges: readonly string[];
  /** `on "public"."contacts" ("tenant_id")`: the server names them. */
  readonly indexes: readonly string[];
  readonly mended: readonly TenancyFinding[];
  readonly left: readonly LeftFinding[];
}

/** A finding that counts and that this migration does not mend. */
export interface LeftFinding {
  readonly finding: TenancyFinding;
  readonly why: string;
}

/** What is to be granted or dropped elsewhere first stands first: policies, then what makes them bind. */
const RANK: Readonly<Record<string, number>> = { 'no-policy': -1, 'rls-not-enabled': 1, 'rls-not-forced': 2 };

/**
 * Collects the SQL of all findings that make a run fail. Of several findings about one policy the gravest decides what
 * becomes of the policy: the SQL of another one would put the old condition back.
 */
export function fixMigration(findings: readonly TenancyFinding[]): FixMigration {
  const counted = findings.filter(({ severity }) => severity !== 'info');
  const bySeverity = [...counted].sort((a, b) => weight(b) - weight(a));
  const deciding = new Map<string, string>();
  const mended: TenancyFinding[] = [];
  const left: LeftFinding[] = [];
  for (const finding of bySeverity) {
    const { object, policy, fix } = finding;
    const key = policy === undefined ? undefined : `${object} ${policy}`;
    const decided = key === undefined ? undefined : deciding.get(key);
    if (fix === undefined) {
      left.push({ finding, why: 'it takes a decision that no SQL can make' });
      continue;
    }
    if (decided !== undefined && decided !== fix) {
      left.push({
        finding,
        why: `policy ${displayName(policy!)} is changed for a graver finding: run --fix again after that`,
      });
      continue;
    }
    if (key !== undefined) deciding.set(key, fix);
    mended.push(finding);
  }
  const ordered = [...mended].sort((a, b) => (RANK[a.check] ?? 0) - (RANK[b.check] ?? 0));
  const statements = [...new Set(ordered.flatMap(({ fix = '' }) => fix.replace(/;\s*$/, '').split(/;\n\s*/)))];
  return {
    sql: toSql(ordered),
    objects: describe(ordered),
    breakingChanges: statements.filter((sql) => /^revoke |^drop | set not null$/.test(sql)),
    indexes: statements.flatMap((sql) => /^create index (on .*)$/s.exec(sql)?.[1] ?? []),
    mended: ordered,
    left,
  };
}

function weight({ severity }: TenancyFinding): number {
  return severity === 'critical' ? 2 : 1;
}

function toSql(findings: readonly TenancyFinding[]): string {
  const laid = new Set<string>();
  const reasons = new Map<string, { readonly comments: string[]; readonly sql: string }>();
  for (const { fix, groundwork, object, message } of findings) {
    const comment = `-- ${object}: ${message}`.replace(/\s+/g, ' ');
    const known = reasons.get(fix!);
    known?.comments.push(comment);
    if (known !== undefined) continue;
    const isLaid = groundwork !== undefined && laid.has(groundwork);
    reasons.set(fix!, { comments: [comment], sql: isLaid ? fix!.slice(groundwork.length + 1) : fix! });
    if (groundwork !== undefined) laid.add(groundwork);
  }
  return [...reasons.values()].map(({ comments, sql }) => `${comments.join('\n')}\n${sql}\n`).join('\n');
}

function describe(findings: readonly TenancyFinding[]): string[] {
  const checks = new Map<string, Set<string>>();
  for (const { object, check } of findings) checks.set(object, (checks.get(object) ?? new Set()).add(check));
  return [...checks].map(([object, names]) => `${object}: ${[...names].join(', ')}`);
}
