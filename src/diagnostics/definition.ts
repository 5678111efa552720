import { z } from 'zod';
import { didYouMean } from '../did-you-mean.ts';
import { SEVERITIES, type Severity } from '../report/report.ts';
import { readHeader } from './header.ts';
import { type Need, parseNeed } from './needs.ts';
import { formatProblem, hasStrayBrace, type Reference, referencesIn } from './template.ts';
import { parseThreshold, type Threshold } from './thresholds.ts';

/** The groups of checks, each with what it is about; `diagnose CATEGORY` runs one. */
export const CATEGORIES = {
  queries: 'what the database spends its time on',
  connections: 'who is connected, what waits and what blocks',
  bloat: 'space that tables and indexes occupy and do not need',
  vacuum: 'whether vacuum keeps up, and how far transaction ids are from running out',
  indexes: 'indexes that are missing, unused, doubled or broken',
  stats: 'what the planner knows about the data',
  orphans: 'rows that point to nothing',
  schema: 'keys, types and constraints',
  security: 'roles, privileges, passwords, functions, the log and secrets',
  users: 'accounts of people',
  campaigns: 'AI campaigns and what they refer to',
  capacity: 'sizes, memory, disk, and how long they will do',
  archive: 'archived sessions of agents',
} as const;

export type Category = keyof typeof CATEGORIES;

/** A column of a check's table. */
interface TableColumn extends Reference {
  readonly heading: string;
}

/** A picture of the rows: a bar for each, of one value or of parts. */
interface ChartDefinition {
  readonly title: string;
  /** Rows with the same label are one bar. */
  readonly label: string;
  readonly parts: readonly TableColumn[];
}

/** One check: a question to the catalog or the data, and how its answer is judged. */
export interface Definition {
  /** The file's name without `.sql`, or the header's `Id` where several files share one. */
  readonly id: string;
  readonly file: string;
  /** True when the check passes: "Foreign keys have an index". */
  readonly title: string;
  readonly category: Category;
  /** What every row of the query is; a check with thresholds has none, and one that only lists neither. */
  readonly severity: Severity | undefined;
  readonly thresholds: readonly Threshold[];
  /** Counters must cover this many days (`window_days` of the query) before a row counts. */
  readonly windowDays: number | undefined;
  /** Major versions, both included. */
  readonly minPg: number | undefined;
  readonly maxPg: number | undefined;
  readonly needs: readonly Need[];
  /** Runs only when it is named, or with the option of this name. */
  readonly onRequest: string | undefined;
  readonly message: string | undefined;
  readonly remediation: string | undefined;
  /** The number that matters about a row. */
  readonly metric: Reference | undefined;
  /** Columns for people, shown when the check or its category is asked for. */
  readonly table: readonly TableColumn[];
  readonly chart: ChartDefinition | undefined;
  /** What it looks at and why that matters. */
  readonly why: string;
  /** Section of the manual; `none` when the manual does not have it. */
  readonly manual: string;
  /** The comments of the header as they stand in the file. */
  readonly header: string;
  readonly sql: string;
}

const REFERENCE = /^([a-z_][a-z0-9_]*)(?::([a-z]+))?$/;
/** `Largest tables: heap:bytes as Rows, toast:bytes as TOAST by table`; the heading of a single value may be left out. */
const CHART = /^(.+?): (.+) by ([a-z_][a-z0-9_]*)$/;

const text = z.string().min(1, { error: 'is empty' });
const major = z.string().regex(/^\d\d$/, { error: 'is not a major version such as 16' });
const list = z.array(z.string()).min(1, { error: 'has no "-- - item" lines' });

const headerSchema = z.strictObject({
  Id: z
    .string()
    .regex(/^[a-z][a-z0-9-]*$/, { error: 'is not a name such as slow-queries' })
    .optional(),
  Title: text,
  Category: z.enum(Object.keys(CATEGORIES) as Category[], {
    error: `is none of ${Object.keys(CATEGORIES).join(', ')}`,
  }),
  Severity: z.enum(SEVERITIES, { error: `is none of ${SEVERITIES.join(', ')}` }).optional(),
  Thresholds: list.optional(),
  'Window-Days': z.string().regex(/^\d+$/, { error: 'is not a whole number' }).optional(),
  'Min-PG': major.optional(),
  'Max-PG': major.optional(),
  Needs: list.optional(),
  'On-Request': z
    .string()
    .regex(/^[a-z-]+$/, { error: 'is not the name of an option such as exact' })
    .optional(),
  Metric: z.string().regex(REFERENCE, { error: 'is not a column such as wasted:bytes' }).optional(),
  Message: text.optional(),
  Remediation: text.optional(),
  Table: list.optional(),
  Chart: z.string().regex(CHART, { error: 'is not "Title: column:format as Heading, ... by column"' }).optional(),
  Why: text,
  Manual: z.string().regex(/^(none|[\dA-E][\dA-E., ]*)$/, { error: 'is neither "none" nor a section such as 10.3' }),
});

const LISTS: ReadonlySet<string> = new Set(['Thresholds', 'Needs', 'Table']);
const KNOWN = Object.keys(headerSchema.shape);

/** A definition, or everything that is wrong with the file. */
export type Parsed = { readonly definition: Definition } | { readonly problems: readonly string[] };

/** Reads one file of diagnostics/: a header, then one query (docs/adding-a-check.md). */
export function parseDefinition(file: string, content: string): Parsed {
  const { fields, problems, head, body } = readHeader(content);
  const raw = Object.fromEntries([...fields].map(([key, { value, items }]) => [key, LISTS.has(key) ? items : value]));
  const result = headerSchema.safeParse(raw);
  const all = [
    ...problems,
    ...[...fields].flatMap(([key, { value, items }]) => shapeProblem(key, value, items)),
    ...(result.error?.issues.flatMap(describeIssue) ?? []),
    ...(body === '' ? ['there is no query below the header'] : []),
  ];
  if (!result.success) return { problems: all };
  const draft = buildDefinition(file, result.data, { head, body });
  const final = [...all, ...draft.problems, ...contradictions(draft.definition)];
  return final.length > 0 ? { problems: final } : { definition: draft.definition };
}

function shapeProblem(key: string, value: string, items: readonly string[]): string[] {
  if (!KNOWN.includes(key)) return [];
  if (LISTS.has(key)) return value === '' ? [] : [`${key} is a list: write it as "-- - item" lines`];
  return items.length === 0 ? [] : [`${key} is a text: it takes no "-- - item" lines`];
}

function describeIssue(issue: z.core.$ZodIssue): string[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => {
      const meant = didYouMean(key, KNOWN);
      return `unknown key ${key}${meant === undefined ? '' : `, did you mean ${meant}?`}`;
    });
  }
  const key = String(issue.path[0]);
  return [issue.code === 'invalid_type' ? `${key} is missing` : `${key} ${issue.message}`];
}

function buildDefinition(
  file: string,
  header: z.infer<typeof headerSchema>,
  { head, body }: { readonly head: string; readonly body: string },
): { readonly definition: Definition; readonly problems: readonly string[] } {
  const problems: string[] = [];
  const read: Read = (key, items, parse) =>
    (items ?? []).flatMap((item) => {
      const parsed = parse(item);
      if (typeof parsed !== 'string') return [parsed];
      problems.push(`${key}: ${parsed}`);
      return [];
    });
  const definition = {
    id: header.Id ?? file.replace(/\.sql$/, ''),
    file,
    title: header.Title,
    category: header.Category,
    severity: header.Severity,
    thresholds: read('Thresholds', header.Thresholds, parseThreshold),
    windowDays: numberOf(header['Window-Days']),
    minPg: numberOf(header['Min-PG']),
    maxPg: numberOf(header['Max-PG']),
    needs: read('Needs', header.Needs, parseNeed),
    onRequest: header['On-Request'],
    metric: header.Metric === undefined ? undefined : parseReference(header.Metric),
    message: header.Message,
    remediation: header.Remediation,
    table: read('Table', header.Table, parseColumn),
    chart: header.Chart === undefined ? undefined : chartOf(header.Chart, read),
    why: header.Why,
    manual: header.Manual,
    header: head,
    sql: body,
  };
  return { definition, problems };
}

function numberOf(digits: string | undefined): number | undefined {
  return digits === undefined ? undefined : Number(digits);
}

/** Parses what a key lists, and notes what cannot be understood. */
type Read = <T>(key: string, items: readonly string[] | undefined, parse: (item: string) => T | string) => T[];

function chartOf(text: string, read: Read): ChartDefinition {
  const [, title = '', parts = '', label = ''] = CHART.exec(text) ?? [];
  const items = parts.split(', ');
  const withHeading = (item: string) => (items.length === 1 && !item.includes(' as ') ? `${item} as ${title}` : item);
  return { title, label, parts: read('Chart', items.map(withHeading), parseColumn) };
}

/** `wasted:bytes as Wasted` */
function parseColumn(item: string): TableColumn | string {
  const [, reference = '', heading] = /^(\S+) as (\S.*)$/.exec(item) ?? [];
  if (heading === undefined || !REFERENCE.test(reference)) return `"${item}" is not "column as Heading"`;
  return { ...parseReference(reference), heading };
}

function parseReference(text: string): Reference {
  const [, column = '', format] = REFERENCE.exec(text) ?? [];
  return { column, format };
}

/** What each key allows by itself and all of them do not together. */
function contradictions(definition: Definition): string[] {
  const { severity, thresholds, message, remediation, table, chart, metric, minPg, maxPg } = definition;
  const judges = severity !== undefined || thresholds.length > 0;
  const texts = { Message: message, Remediation: remediation };
  return [
    ...(severity !== undefined && thresholds.length > 0 ? ['Severity and Thresholds exclude each other'] : []),
    ...(judges && message === undefined ? ['Message is missing: what a finding says'] : []),
    ...(judges && remediation === undefined ? ['Remediation is missing: what to do about a finding'] : []),
    ...(!judges && table.length === 0 ? ['neither Severity nor Thresholds nor Table: nothing would be shown'] : []),
    ...(!judges && message !== undefined ? ['Message needs Severity or Thresholds'] : []),
    ...(minPg !== undefined && maxPg !== undefined && minPg > maxPg ? ['Min-PG is above Max-PG'] : []),
    ...Object.entries(texts).flatMap(([key, template]) =>
      hasStrayBrace(template ?? '')
        ? [`${key}: a brace is no part of a placeholder such as {table} or {size:bytes}`]
        : [],
    ),
    ...[
      ...referencesIn(message ?? ''),
      ...referencesIn(remediation ?? ''),
      ...table,
      ...(chart?.parts ?? []),
      ...(metric ? [metric] : []),
    ].flatMap((reference) => formatProblem(reference) ?? []),
  ];
}

/** The columns a query must return for its header to make sense. */
export function columnsNeeded(definition: Definition): ReadonlySet<string> {
  const { message, remediation, table, chart, metric, thresholds, windowDays, severity } = definition;
  const judges = severity !== undefined || thresholds.length > 0;
  return new Set([
    // What is measured is measured of something: runs are compared by it.
    ...(judges || metric !== undefined ? ['object'] : []),
    ...(chart === undefined ? [] : [chart.label, ...chart.parts.map(({ column }) => column)]),
    ...(windowDays === undefined ? [] : ['window_days']),
    ...(metric === undefined ? [] : [metric.column]),
    ...[...referencesIn(message ?? ''), ...referencesIn(remediation ?? ''), ...table].map(({ column }) => column),
    ...thresholds.flatMap(({ conditions }) => conditions.map(({ column }) => column)),
  ]);
}

/** Problems between files: variants of one check must agree on what they are and not on versions. */
export function collisions(definitions: readonly Definition[]): string[] {
  return [...variantsById(definitions)].flatMap(([id, variants]) =>
    variants.flatMap((one, index) =>
      variants.slice(index + 1).flatMap((other) => {
        const both = `${one.file} and ${other.file}`;
        if (overlaps(one, other))
          return [`${both} are both check ${id} on the same versions: Min-PG and Max-PG must part them`];
        return one.category === other.category && one.title === other.title
          ? []
          : [`${both} are check ${id} and differ in Title or Category`];
      }),
    ),
  );
}

export function variantsById(definitions: readonly Definition[]): ReadonlyMap<string, readonly Definition[]> {
  const groups = new Map<string, Definition[]>();
  for (const definition of definitions) {
    const group = groups.get(definition.id);
    if (group === undefined) groups.set(definition.id, [definition]);
    else group.push(definition);
  }
  return groups;
}

function overlaps(one: Definition, other: Definition): boolean {
  return (one.minPg ?? 0) <= (other.maxPg ?? 99) && (other.minPg ?? 0) <= (one.maxPg ?? 99);
}
