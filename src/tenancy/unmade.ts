import type { Session } from '../postgres/session.ts';

// A session that never made a setting reads it as NULL, and one that has made it reads '' at best for ever after
// (PostgreSQL docs 9.27.1, current_setting). Where an expression is known to read its settings in one way only, the first
// can be had in the second: a stand-in is set, and read as NULL.

/** What a setting holds that is read as one that was never made. */
const STAND_IN = 'aisha_db_never_made';

/** As the server prints them: only such names can be given to settings of one's own. */
const READS = /\bcurrent_setting\('((?:[^']|'')*\.(?:[^']|'')*)'::text, true\)/g;

/**
 * @param text as the server prints it
 * @param calls how often it calls current_setting
 * @returns the expression, for which a setting that holds the stand-in was never made; none where it can't be written
 */
export function readingUnmade(text: string, calls: number): string | undefined {
  let found = 0;
  const written = text.replace(READS, (call) => {
    found++;
    return `NULLIF(${call}, '${STAND_IN}'::text)`;
  });
  return found === calls ? written : undefined;
}

/** What settings hold in a session that has made none, by name; `null`: they were never made. */
export type UnmadeSettings = Map<string, string | null>;

/**
 * What stands for settings that a session never made: the stand-in, or what they are there for every session of this role
 * and database.
 * @param known what was asked before, to which the rest is added
 */
export async function standInsFor(
  untouched: Session,
  names: readonly string[],
  known: UnmadeSettings,
): Promise<Readonly<Record<string, string>>> {
  const unknown = names.filter((name) => !known.has(name));
  if (unknown.length > 0) {
    const rows = await untouched.query<{ name: string; value: string | null }>(
      'select name, pg_catalog.current_setting(name, true) as value from pg_catalog.unnest($1::text[]) name',
      [unknown],
    );
    for (const { name, value } of rows) known.set(name, value);
  }
  return Object.fromEntries(names.map((name) => [name, known.get(name) ?? STAND_IN]));
}
