import type { Check, Finding } from '../../report/report.ts';
import { groupByReason } from '../judge.ts';
import { displayName, listNames } from '../names.ts';
import { triggerThatReachesOut } from '../reaching-out.ts';

export const AUDIT_EVENTS = ['INSERT', 'UPDATE', 'DELETE'] as const;
export type AuditEvent = (typeof AUDIT_EVENTS)[number];

/** A trigger that is meant to write down what happens to a table. */
export interface AuditTrigger {
  readonly name: string;
  readonly events: readonly AuditEvent[];
  /** `pg_trigger.tgenabled`: fires in origin sessions, is disabled, fires in replicas only, always fires. */
  readonly enabled: 'O' | 'D' | 'R' | 'A';
  /** As pg_get_triggerdef prints it. */
  readonly definition: string;
  /** Definition of its function. */
  readonly source: string;
}

export interface AuditedTable {
  readonly oid: number;
  /** As a report prints it. */
  readonly object: string;
  readonly triggers: readonly AuditTrigger[];
}

/** A table that got rows while a statement ran, `public.audit_log`: the root of a partitioned one. */
export interface Written {
  readonly name: string;
  /** As a report prints it. */
  readonly object: string;
}

/** What a statement that was to fire the triggers did; or why there was none. */
export type Fired =
  | { readonly written: readonly Written[]; readonly changed: boolean }
  | { readonly impossible: string };

/** What came of one event of a table. */
export interface AuditProof {
  readonly object: string;
  readonly event: AuditEvent;
  readonly verdict: 'firing' | 'silent' | 'not-provable';
  /** Where the audit row was written. */
  readonly writtenTo?: string;
  readonly reason?: string;
}

/** One row in a table of the audit proves; a change of which nothing is written refutes, whatever the catalog says. */
export function judgeEvent({ object, triggers }: AuditedTable, event: AuditEvent, fired: Fired): AuditProof {
  if ('impossible' in fired) return { object, event, verdict: 'not-provable', reason: fired.impossible };
  const own = triggers.filter(({ events }) => events.includes(event));
  const audit = fired.written.find((table) => isOfAudit(table, own));
  if (audit !== undefined) return { object, event, verdict: 'firing', writtenTo: audit.object };
  if (!fired.changed) return { object, event, verdict: 'not-provable', reason: 'no row could be changed' };
  const elsewhere = own.flatMap(({ name, source, enabled }) => {
    const [, call] = enabled === 'D' || enabled === 'R' ? [] : (ELSEWHERE.exec(source) ?? []);
    return call === undefined ? [] : [`trigger ${displayName(name)} writes where no table shows it (${call})`];
  });
  if (elsewhere.length > 0) return { object, event, verdict: 'not-provable', reason: elsewhere.join('; ') };
  return { object, event, verdict: 'silent', reason: own.map(whySilent).join('; ') };
}

/** What an audit may write to besides tables: the server's log, and whoever listens. */
const ELSEWHERE = /\b(raise\s+(?:log|notice|info|warning)|pg_notify|notify)\b/i;

/**
 * Why the triggers of a table are not fired: one that writes to another database would write there.
 * @param texts what they run
 */
export function whyNotFired(texts: readonly { readonly trigger: string; readonly text: string }[]): string | undefined {
  const found = triggerThatReachesOut(texts);
  return (
    found &&
    `trigger ${displayName(found.trigger)} reaches out of its transaction (${found.call}): it was not fired, since no rollback undoes that`
  );
}

/** It is called so, or a trigger's function names it. */
function isOfAudit({ name }: Written, triggers: readonly AuditTrigger[]): boolean {
  return /audit/i.test(name) || triggers.some(({ source }) => source.includes(name));
}

function whySilent({ name, enabled, definition }: AuditTrigger): string {
  if (enabled === 'D') return `trigger ${displayName(name)} is disabled`;
  if (enabled === 'R') return `trigger ${displayName(name)} fires in sessions of replication only`;
  const condition = /\bWHEN \((.*)\) EXECUTE (?:FUNCTION|PROCEDURE) /s.exec(definition)?.[1];
  if (condition !== undefined)
    return `trigger ${displayName(name)} is enabled, and its condition (${condition}) or its function wrote nothing`;
  return `trigger ${displayName(name)} is enabled, and its function wrote nothing`;
}

const CHECK = 'audit-proof';

/** The proof as a check: what stays silent is a finding, what could not be fired is no green. */
export function auditCheck(
  proofs: readonly AuditProof[],
  tables: readonly AuditedTable[],
): { check: Check; findings: Finding[] } {
  const findings = tables.flatMap((table) => silentIn(table, proofs));
  const open = proofs.filter(({ verdict }) => verdict === 'not-provable');
  const reason = groupByReason(eventsTogether(open)).join('; ');
  const about = { id: CHECK, title: 'Audit triggers write what happens', category: 'security' };
  if (proofs.length === 0)
    return { check: { ...about, status: 'not-applicable', reason: 'no trigger is one of an audit' }, findings };
  const status = findings.length > 0 ? 'failed' : open.length > 0 ? 'unknown' : 'passed';
  return { check: { ...about, status, ...(reason === '' ? {} : { reason }) }, findings };
}

/** Each table with the events that the same reason keeps from being proved: `public.a (INSERT and DELETE)`. */
function eventsTogether(open: readonly AuditProof[]): { object: string; reason: string }[] {
  const together = new Map<string, { object: string; reason: string; events: AuditEvent[] }>();
  for (const { object, event, reason = '' } of open) {
    const key = `${object}\0${reason}`;
    const known = together.get(key) ?? { object, reason, events: [] };
    known.events.push(event);
    together.set(key, known);
  }
  return [...together.values()].map(({ object, reason, events }) => ({
    object: `${object} (${listNames(events)})`,
    reason,
  }));
}

function silentIn(table: AuditedTable, proofs: readonly AuditProof[]): Finding[] {
  const silent = proofs.filter(({ object, verdict }) => object === table.object && verdict === 'silent');
  if (silent.length === 0) return [];
  const events = silent.map(({ event }) => event);
  const reasons = [...new Set(silent.map(({ reason }) => reason))].join('; ');
  return [
    {
      check: CHECK,
      severity: 'warning',
      object: table.object,
      message: `nothing is written to the audit log by ${listNames(events)}, tried in a transaction that was rolled back: ${reasons}`,
      remediation: mend(table, events),
      details: { events },
    },
  ];
}

function mend({ object, triggers }: AuditedTable, silent: readonly AuditEvent[]): string {
  const asleep = triggers.filter(
    ({ events, enabled }) => (enabled === 'D' || enabled === 'R') && events.some((event) => silent.includes(event)),
  );
  if (asleep.length > 0)
    return asleep.map(({ name }) => `alter table ${object} enable trigger ${displayName(name)};`).join(' ');
  return 'Read the trigger and its function: they run, and write nothing for such a row.';
}
