import { readHeader } from '../diagnostics/header.ts';

/** A question to the live database; its SQL takes `:'name'` as psql does, for what the message names. */
export interface LiveCheck {
  readonly question: string;
  /** What it means when there are rows. */
  readonly some: string;
  /** What it means when there are none. */
  readonly none: string;
  readonly sql: string;
  /** Names of the parameters, in the order of `$1`, `$2`, ... */
  readonly parameters: readonly string[];
}

/** One error: what it looks like, why it happens, what to ask the database, what to do (manual, chapter 11). */
export interface Entry {
  /** File name without its ending. */
  readonly id: string;
  readonly title: string;
  readonly sqlStates: readonly string[];
  /** Section of the manual; `none` for what it does not have. */
  readonly manual: string;
  /** Messages in any language, with `{name}` for what differs. */
  readonly matches: readonly string[];
  readonly causes: readonly string[];
  readonly solutions: readonly string[];
  readonly checks: readonly LiveCheck[];
}

const SECTION = /^(?=-- Check: )/m;

/** Reads a file of entries/. Every problem of it is returned, not only the first. */
export function parseEntry(
  id: string,
  text: string,
): { readonly entry: Entry } | { readonly problems: readonly string[] } {
  const [head = '', ...sections] = text.split(SECTION);
  const { fields, problems } = readHeader(head.trim());
  const list = (key: string) => fields.get(key)?.items ?? [];
  const value = (key: string) => fields.get(key)?.value ?? '';
  const sqlStates = value('SQLSTATE')
    .split(/,\s*/)
    .filter((state) => state !== '');
  const parsed = sections.map(parseCheck);
  const missing = ['Title', 'Manual'].filter((key) => value(key) === '');
  const empty = ['Matches', 'Causes', 'Solutions'].filter((key) => list(key).length === 0);
  const known = ['Title', 'SQLSTATE', 'Manual', 'Matches', 'Causes', 'Solutions'];
  const all = [
    ...problems,
    ...[...fields.keys()].filter((key) => !known.includes(key)).map((key) => `${key} is no key of an entry`),
    ...[...missing, ...empty].map((key) => `${key} is missing`),
    ...sqlStates.filter((state) => !/^[0-9A-Z]{5}$/.test(state)).map((state) => `"${state}" is no SQLSTATE`),
    ...parsed.flatMap((check) => ('problem' in check ? [check.problem] : [])),
  ];
  if (all.length > 0) return { problems: all };
  return {
    entry: {
      id,
      title: value('Title'),
      manual: value('Manual'),
      sqlStates,
      matches: list('Matches'),
      causes: list('Causes'),
      solutions: list('Solutions'),
      checks: parsed.flatMap((check) => ('problem' in check ? [] : [check])),
    },
  };
}

function parseCheck(text: string): LiveCheck | { readonly problem: string } {
  const { fields, body } = readHeader(text.trim());
  const question = fields.get('Check')?.value ?? '';
  if (question === '' || body === '') return { problem: `the check "${question}" has no question or no SQL` };
  const parameters: string[] = [];
  const sql = body.replaceAll(/:'(\w+)'/g, (_match, name: string) => {
    if (!parameters.includes(name)) parameters.push(name);
    return `$${parameters.indexOf(name) + 1}::text`;
  });
  return {
    question,
    some: fields.get('Some')?.value ?? '',
    none: fields.get('None')?.value ?? '',
    sql: sql.replace(/;\s*$/, ''),
    parameters,
  };
}
