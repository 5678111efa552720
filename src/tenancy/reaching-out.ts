/** Calls whose work stays when the transaction is rolled back, or that touch other sessions. */
const CALLS =
  /\b(dblink\w*|http\w*|net\.http\w*|copy\b[^;]*\bprogram|lo_export|pg_write_file|pg_terminate_backend|pg_cancel_backend|pg_reload_conf|pg_advisory_lock\w*)(?=\s*\(|\s)/i;

/** What of the body of a function leaves its transaction, so that no rollback undoes it: `dblink_exec`. */
export function reachesOut(source: string): string | undefined {
  return CALLS.exec(source)?.[1];
}

/** The first trigger that does so, itself or in what it calls, and the call. */
export function triggerThatReachesOut(
  texts: readonly { readonly trigger: string; readonly text: string }[],
): { readonly trigger: string; readonly call: string } | undefined {
  for (const { trigger, text } of texts) {
    const call = reachesOut(text);
    if (call !== undefined) return { trigger, call };
  }
  return undefined;
}
