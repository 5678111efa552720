// A line of a dump's table of contents (`pg_restore --list`): `DUMPID; CATALOG OID KIND SCHEMA NAME OWNER`, names unquoted.

/** The number of an entry and what stands behind the numbers; `undefined` for a line that is a comment. */
export function entryOf(line: string): { readonly id: string; readonly text: string } | undefined {
  const [, id, text] = /^(\d+); \d+ \d+ (.*)$/.exec(line) ?? [];
  return id === undefined || text === undefined ? undefined : { id, text };
}

/** pg_restore writes a line break in a name as a blank. */
export function onOneLine(text: string): string {
  return text.replaceAll(/[\r\n]/g, ' ');
}
