import { dollarQuote, quoteIdentifier, quoteLiteral, quoteQualified } from '../postgres/quote.ts';

/** Times are what the clock of the session's zone shows, as milliseconds of UTC: months have no other length there. */
export type WallClock = number;

/** A partition of a range of time, or the default one. */
export interface Partition {
  readonly schema: string;
  readonly name: string;
  /** `undefined`: the default partition, or one that is open at an end. */
  readonly range: { readonly from: WallClock; readonly to: WallClock } | undefined;
  readonly isDefault: boolean;
  readonly rlsEnabled: boolean;
  readonly rlsForced: boolean;
  readonly policies: number;
  /** DETACH CONCURRENTLY was interrupted. */
  readonly detachPending: boolean;
}

/** A table that is partitioned by ranges of one column of a time type. */
export interface PartitionedTable {
  readonly schema: string;
  readonly name: string;
  readonly column: string;
  readonly rlsEnabled: boolean;
  readonly rlsForced: boolean;
  readonly partitions: readonly Partition[];
}

export type Step = 'day' | 'week' | 'month' | 'quarter' | 'year';

export const STEPS: readonly Step[] = ['day', 'week', 'month', 'quarter', 'year'];
const DAY = 86_400_000;

/** The time one or more steps later. */
export function addSteps(time: WallClock, step: Step, count: number): WallClock {
  if (step === 'day') return time + count * DAY;
  if (step === 'week') return time + count * 7 * DAY;
  const months = { month: 1, quarter: 3, year: 12 }[step] * count;
  const date = new Date(time);
  return date.setUTCMonth(date.getUTCMonth() + months);
}

/** How long its partitions are, as the newest three say alike; `undefined` when they do not. */
export function stepOf(table: PartitionedTable): Step | undefined {
  const newest = rangesOf(table).slice(-3);
  if (newest.length === 0) return undefined;
  return STEPS.find((step) => newest.every(({ range }) => addSteps(range.from, step, 1) === range.to));
}

type Ranged = Partition & { readonly range: NonNullable<Partition['range']> };

function rangesOf({ partitions }: PartitionedTable): readonly Ranged[] {
  return partitions
    .filter((one): one is Ranged => one.range !== undefined)
    .toSorted((a, b) => a.range.from - b.range.from);
}

/** A partition that is to be made. */
export interface Coming {
  readonly name: string;
  readonly from: WallClock;
  readonly to: WallClock;
}

/** More at once is a mistake in the bounds. */
const MOST = 400;

/** Partitions that are missing from the end of the last one until `ahead` steps after the one of now. */
export function comingPartitions(table: PartitionedTable, now: WallClock, ahead: number): readonly Coming[] {
  const step = stepOf(table);
  const last = rangesOf(table).at(-1);
  if (step === undefined || last === undefined) return [];
  const coming: Coming[] = [];
  let from = last.range.to;
  while (from <= addSteps(now, step, ahead) && coming.length < MOST) {
    const to = addSteps(from, step, 1);
    coming.push({ name: nameLike(table, last, from), from, to });
    from = to;
  }
  return coming;
}

const pad = (value: number) => String(value).padStart(2, '0');

/** How names of partitions write their beginning; the longest first, since a shorter one is in it. */
const SUFFIXES: readonly ((date: Date) => string)[] = [
  (date) => `${date.getUTCFullYear()}_${pad(date.getUTCMonth() + 1)}_${pad(date.getUTCDate())}`,
  (date) => `${date.getUTCFullYear()}-${pad(date.getUTCMonth() + 1)}-${pad(date.getUTCDate())}`,
  (date) => `${date.getUTCFullYear()}${pad(date.getUTCMonth() + 1)}${pad(date.getUTCDate())}`,
  (date) => `${date.getUTCFullYear()}_q${Math.floor(date.getUTCMonth() / 3) + 1}`,
  (date) => `${date.getUTCFullYear()}_${pad(date.getUTCMonth() + 1)}`,
  (date) => `${date.getUTCFullYear()}-${pad(date.getUTCMonth() + 1)}`,
  (date) => `${date.getUTCFullYear()}${pad(date.getUTCMonth() + 1)}`,
  (date) => String(date.getUTCFullYear()),
];

/** The name of a partition whose siblings are named so: `activities_2026_11`, `activities_2026_q4`. */
export function partitionName(table: string, step: Step, from: WallClock): string {
  const write = SUFFIXES[{ day: 0, week: 0, month: 4, quarter: 3, year: 7 }[step]]!;
  return `${table}_${write(new Date(from))}`;
}

/** A name like that of the last partition, with the beginning of the new one in it. */
function nameLike(table: PartitionedTable, last: Ranged, from: WallClock): string {
  const step = stepOf(table);
  const isLongEnough = (suffix: string) => step === 'year' || suffix.length > 4;
  for (const write of SUFFIXES) {
    const old = write(new Date(last.range.from));
    const at = last.name.lastIndexOf(old);
    if (at !== -1 && isLongEnough(old)) {
      return last.name.slice(0, at) + write(new Date(from)) + last.name.slice(at + old.length);
    }
  }
  return `${table.name}_${SUFFIXES[0]!(new Date(from))}`;
}

/** PostgreSQL cuts longer names off (docs 4.1.1). */
export function isTooLong(name: string): boolean {
  return Buffer.byteLength(name) > 63;
}

/** A time as a literal of SQL, without a zone: the session's is meant. */
export function timeLiteral(time: WallClock): string {
  return quoteLiteral(
    new Date(time)
      .toISOString()
      .replace('T', ' ')
      .replace(/\.000Z$/, ''),
  );
}

/** The statement that makes a partition: indexes, constraints and triggers come with it, RLS and grants do not. */
export function createStatement(table: PartitionedTable, coming: Coming): string {
  const name = quoteQualified(table.schema, coming.name);
  const parent = quoteQualified(table.schema, table.name);
  return `create table ${name} partition of ${parent} for values from (${timeLiteral(coming.from)}) to (${timeLiteral(coming.to)})`;
}

/** Partitions whose last row is older than the cutoff, from the oldest; never the default one. */
export function expired(table: PartitionedTable, cutoff: WallClock): readonly Partition[] {
  return rangesOf(table).filter(({ range }) => range.to <= cutoff);
}

/**
 * The statement that detaches. CONCURRENTLY (PostgreSQL 14) does not block the table's users, but is not possible while
 * there is a default partition (PostgreSQL docs, ALTER TABLE); one that was interrupted is brought to its end.
 */
export function detachStatement(table: PartitionedTable, partition: Partition, versionNumber: number): string {
  const head = `alter table ${quoteQualified(table.schema, table.name)} detach partition ${quoteQualified(partition.schema, partition.name)}`;
  if (partition.detachPending) return `${head} finalize`;
  const isConcurrent = versionNumber >= 140_000 && !table.partitions.some(({ isDefault }) => isDefault);
  return isConcurrent ? `${head} concurrently` : head;
}

/** What a partition is protected by, as SQL that gives the same to another table. */
export interface Protection {
  /** The table that is the model, as regclass reads it. */
  readonly source: string;
  /** By number, as policies refer to its columns: those of a new partition have them in this order. */
  readonly columns: readonly string[];
  readonly rlsEnabled: boolean;
  readonly rlsForced: boolean;
  readonly policies: readonly PolicyFacts[];
  readonly grants: readonly { readonly grantee: string; readonly privilege: string; readonly grantable: boolean }[];
  /** What follows `on table` of indexes that are its own: `using btree (subject)`. */
  readonly indexes: readonly { readonly unique: boolean; readonly definition: string }[];
}

interface PolicyFacts {
  readonly name: string;
  readonly permissive: boolean;
  readonly command: string;
  /** Empty is PUBLIC. */
  readonly roles: readonly string[];
  readonly using: string | null;
  readonly check: string | null;
  /** A sub-query in it refers to the row of the table, which SQL writes with the table's name. */
  readonly isCorrelated: boolean;
  /** A sub-query in it reads the model itself. */
  readonly readsItself: boolean;
}

/** Why what protects a table cannot be given to a new partition of another, in words; `undefined` where it can. */
export function protectionProblem(table: PartitionedTable, protection: Protection, columns: readonly string[]) {
  const { policies, source } = protection;
  const isParent = source === quoteQualified(table.schema, table.name);
  const own = isParent ? undefined : policies.find(({ readsItself }) => readsItself);
  if (own !== undefined)
    return `policy "${own.name}" of ${source} reads that partition in a sub-query, which means other rows for another one: make the partition and its policy by hand`;
  const correlated = policies.find(({ isCorrelated }) => isCorrelated);
  const isAligned =
    protection.columns.length === columns.length && columns.every((name, at) => protection.columns[at] === name);
  if (correlated !== undefined && !isAligned)
    return `policy "${correlated.name}" of ${source} refers to its row in a sub-query, and its columns are not in the order of those of a new partition: make the partition and its policy by hand`;
  return undefined;
}

/** Statements that give a new partition what its siblings have: none of it is inherited when it is read directly. */
export function protectStatements(schema: string, name: string, protection: Protection): readonly string[] {
  const table = quoteQualified(schema, name);
  return [
    ...(protection.rlsEnabled ? [`alter table ${table} enable row level security`] : []),
    ...(protection.rlsForced ? [`alter table ${table} force row level security`] : []),
    ...protection.policies.map((policy) =>
      policy.isCorrelated ? correlatedPolicy(table, protection.source, policy) : policyStatement(table, policy),
    ),
    ...protection.grants.map(
      ({ grantee, privilege, grantable }) =>
        `grant ${privilege} on ${table} to ${grantee === '' ? 'public' : quoteIdentifier(grantee)}${grantable ? ' with grant option' : ''}`,
    ),
    ...protection.indexes.map(
      ({ unique, definition }) => `create ${unique ? 'unique ' : ''}index on ${table} ${definition}`,
    ),
  ];
}

function policyHead(table: string, { name, permissive, command, roles }: PolicyFacts): string {
  const to = roles.length === 0 ? 'public' : roles.map(quoteIdentifier).join(', ');
  return `create policy ${quoteIdentifier(name)} on ${table} as ${permissive ? 'permissive' : 'restrictive'} for ${command} to ${to}`;
}

/** The server itself writes the model's condition for the new table: by its parsed form, in which no name is. */
function correlatedPolicy(table: string, source: string, policy: PolicyFacts): string {
  const { name, using, check } = policy;
  const clause = (word: string, column: string) =>
    ` || ' ${word} (' || pg_catalog.pg_get_expr(p.${column}, ${quoteLiteral(table)}::regclass) || ')'`;
  const clauses = `${using === null ? '' : clause('using', 'polqual')}${check === null ? '' : clause('with check', 'polwithcheck')}`;
  const body = `begin
  execute (
    select ${quoteLiteral(policyHead(table, policy))}${clauses}
    from pg_catalog.pg_policy p where p.polrelid = ${quoteLiteral(source)}::regclass and p.polname = ${quoteLiteral(name)});
end`;
  return `do ${dollarQuote(body)}`;
}

function policyStatement(table: string, policy: PolicyFacts): string {
  const { using, check } = policy;
  return [
    policyHead(table, policy),
    ...(using === null ? [] : [`using (${using})`]),
    ...(check === null ? [] : [`with check (${check})`]),
  ].join(' ');
}

/** Partitions that can be read directly past the RLS of their table. */
export function unprotected(table: PartitionedTable): readonly Partition[] {
  if (!table.rlsEnabled) return [];
  return table.partitions.filter(
    ({ rlsEnabled, rlsForced, policies }) => !rlsEnabled || (table.rlsForced && !rlsForced) || policies === 0,
  );
}
