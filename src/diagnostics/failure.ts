import { formatDuration } from '../duration.ts';
import { messageOf } from '../errors.ts';
import { quoteIdentifier } from '../postgres/quote.ts';
import { SQLSTATE, serverError } from '../postgres/server-error.ts';
import type { Obstacle } from './facts.ts';

/** What was allowed to the check that failed, and to whom. */
export interface Circumstances {
  readonly role: string;
  readonly timeoutMs: number;
  readonly lockTimeoutMs: number;
}

/** `object_not_in_prerequisite_state`: pg_stat_statements was not loaded with the server. */
const NOT_LOADED = '55000';

/** Why a check that failed could not decide, and what would let it. */
export function explainFailure(error: unknown, { role, timeoutMs, lockTimeoutMs }: Circumstances): Obstacle {
  const known = serverError(error);
  if (known === undefined) return unknown(`the connection was lost: ${messageOf(error)}`);
  const { code, message, hint } = known;
  if (code === SQLSTATE.canceled && /statement timeout/.test(message)) {
    const remedy = 'Raise "timeout" under "diagnostics" in the configuration, or run it alone.';
    return unknown(`took longer than ${formatDuration(timeoutMs)}`, remedy);
  }
  if (code === SQLSTATE.lockNotAvailable) {
    const waited = formatDuration(lockTimeoutMs);
    return unknown(`waited ${waited} for a lock that another session holds`, 'Run it again when that session is done.');
  }
  if (code === SQLSTATE.insufficientPrivilege) {
    return /row-level security/.test(message)
      ? unknown(message, `Run it as a role with BYPASSRLS, or: alter role ${quoteIdentifier(role)} bypassrls;`)
      : unknown(message, grantFor(message, quoteIdentifier(role)));
  }
  if (code === NOT_LOADED) return unknown(message, 'Set it in the configuration of the server, and restart that.');
  return unknown(`its query failed: ${message} (SQLSTATE ${code})`, hint);
}

/** The right that a query needs on each kind of object; the server's message names kind and object, but no schema. */
const RIGHTS: Readonly<Record<string, string>> = {
  table: 'select on table',
  view: 'select on table',
  'foreign table': 'select on table',
  'materialized view': 'select on table',
  sequence: 'select on sequence',
  schema: 'usage on schema',
  function: 'execute on function',
};

function grantFor(message: string, role: string): string {
  const [, kind = '', name = ''] = /^permission denied for ([a-z ]+) (\S.*)$/.exec(message) ?? [];
  const right = Object.hasOwn(RIGHTS, kind) ? RIGHTS[kind] : undefined;
  return right === undefined ? `Grant that right to ${role}.` : `grant ${right} ${quoteIdentifier(name)} to ${role};`;
}

function unknown(reason: string, remediation?: string): Obstacle {
  return { kind: 'unknown', reason, remediation };
}
