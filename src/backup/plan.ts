import type { AishaError } from '../errors.ts';
import { quoteIdentifier, quoteQualified } from '../postgres/quote.ts';
import { quantity } from '../report/quantity.ts';
import type { DatabaseFacts, RelationFact } from './facts.ts';
import type { BackupKind, ForeignKey, LeftOut } from './manifest.ts';
import type { BackupClass } from './settings.ts';

/** What a backup was asked to be. */
export interface BackupRequest {
  readonly class: BackupClass;
  readonly kind: BackupKind;
  /** Tables as they were typed, for the kind `tables`. */
  readonly tables: readonly string[];
  readonly excludeSchemas: readonly string[];
  /** Parallel connections; `undefined` leaves it to the plan. */
  readonly jobs: number | undefined;
  readonly format: 'directory' | 'custom' | undefined;
}

/** What the machine that takes the dump has to offer. */
export interface Machine {
  readonly cpus: number;
  /** Bytes that the store has left. */
  readonly freeBytes: number;
  /** Files are encrypted one after the other: for a moment one is there twice. */
  readonly encrypts?: boolean;
}

/** The last backup of the same database, to estimate by. */
export interface LastBackup {
  readonly bytes: number;
  /** Of its tables then. */
  readonly tableBytes: number;
  /** Milliseconds that the dump took. */
  readonly dumpMs: number;
  /** Milliseconds that its restore took; `undefined` when it has not been restored. */
  readonly restoreMs: number | undefined;
}

/** Something that would make the backup fail or be incomplete, with what to do about it. */
export interface Problem {
  readonly message: string;
  readonly hint: string;
}

/** How the dump will be taken. */
export interface BackupPlan {
  readonly kind: BackupKind;
  readonly format: 'directory' | 'custom';
  readonly jobs: number;
  /** Tables whose rows are in the backup, partitions by themselves. */
  readonly tables: readonly RelationFact[];
  /** Tables whose rows are left out. */
  readonly emptied: readonly RelationFact[];
  readonly excludedSchemas: readonly string[];
  readonly withLargeObjects: boolean;
  /** Foreign keys of the chosen tables to tables whose rows are left out. */
  readonly danglingForeignKeys: readonly ForeignKey[];
  readonly estimatedBytes: number;
  /** Milliseconds of the dump. */
  readonly estimatedMs: number;
  /** Milliseconds of a restore that proves it; `undefined` when none has been measured. */
  readonly estimatedRestoreMs: number | undefined;
  /** What the estimates go by. */
  readonly estimatedBy: 'last backup' | 'size';
  readonly leftOut: readonly LeftOut[];
  /** Any of them forbids the backup. */
  readonly problems: readonly Problem[];
  /** What somebody should know who goes on. */
  readonly warnings: readonly string[];
}

/** What would be done. */
export interface BackupPreview {
  readonly plan: BackupPlan;
  /** Of pg_dump, with words in place of what only the run knows. */
  readonly command: readonly string[];
  /** Bytes that the store has left. */
  readonly freeBytes: number;
  /** Whom it is encrypted for; nobody when it is not. */
  readonly recipients: readonly string[];
  /** Everything that stands against it. */
  readonly refusal: AishaError | undefined;
}

/** Below this many bytes of tables one file and one connection are the simpler answer. */
const SMALL = 16 * 1024 * 1024;
/** More than that many connections slow the server down for everybody else. */
const MOST_JOBS = 4;
/** What a dump takes of the tables' bytes where no earlier backup tells: rows as text, compressed by gzip. */
const USUAL_RATIO = 0.5;
/** Bytes of tables that a dump reads in a millisecond where no earlier backup tells: about 30 MB/s. */
const USUAL_BYTES_PER_MS = 30_000;
/** How much more than the estimate must be free. */
const RESERVE = 1.2;

/** Decides what is dumped and how, and finds everything that stands against it. Pure: nothing is read or written. */
export function planBackup(
  request: BackupRequest,
  facts: DatabaseFacts,
  machine: Machine,
  last?: LastBackup,
): BackupPlan {
  const scope = facts.relations.filter(({ schema }) => !request.excludeSchemas.includes(schema));
  const selection = selectTables(request, scope);
  const tableBytes = selection.tables.reduce((sum, table) => sum + table.bytes, 0);
  const format = request.format ?? (request.kind === 'schema' || tableBytes < SMALL ? 'custom' : 'directory');
  const measured = last === undefined || last.tableBytes === 0 ? undefined : last;
  const estimate = (perByte: number) => Math.round(tableBytes * perByte);
  const estimatedBytes = estimate(measured ? measured.bytes / measured.tableBytes : USUAL_RATIO);
  const withLargeObjects = request.kind === 'full';
  return {
    kind: request.kind,
    format,
    jobs: format === 'custom' ? 1 : (request.jobs ?? Math.min(MOST_JOBS, Math.max(1, machine.cpus))),
    tables: selection.tables,
    emptied: selection.emptied,
    excludedSchemas: request.excludeSchemas,
    withLargeObjects,
    danglingForeignKeys: request.kind === 'tables' ? danglingForeignKeys(selection, facts) : [],
    estimatedBytes,
    estimatedMs: estimate(measured ? measured.dumpMs / measured.tableBytes : 1 / USUAL_BYTES_PER_MS),
    estimatedRestoreMs:
      measured?.restoreMs === undefined ? undefined : estimate(measured.restoreMs / measured.tableBytes),
    estimatedBy: measured ? 'last backup' : 'size',
    leftOut: leftOut(request, facts, scope, selection.emptied),
    problems: [
      ...selection.problems,
      ...unknownSchemas(request, facts),
      ...unreadable(request, scope),
      ...filtered(selection.tables, facts),
      ...(withLargeObjects ? unreadableLargeObjects(facts) : []),
      ...tooLittleSpace(neededBytes(estimatedBytes, format, machine), machine),
    ],
    warnings: warnings(facts),
  };
}

/**
 * Arguments of pg_dump. Connection and password come from its environment; names are patterns, in which quoted text
 * stands for itself (PostgreSQL docs, psql, Patterns). Neither --enable-row-security, which would leave rows out
 * without a word, nor --table or --schema, which would leave out extensions and large objects.
 */
export function dumpArguments(
  plan: BackupPlan,
  where: {
    readonly path: string;
    readonly snapshot: string;
    readonly lockWaitMs: number;
    readonly compression: number;
  },
): string[] {
  return [
    '--verbose',
    `--format=${plan.format}`,
    `--compress=${where.compression}`,
    `--file=${where.path}`,
    `--snapshot=${where.snapshot}`,
    ...(where.lockWaitMs > 0 ? [`--lock-wait-timeout=${where.lockWaitMs}`] : []),
    ...(plan.format === 'directory' ? [`--jobs=${plan.jobs}`] : []),
    ...(plan.kind === 'schema' ? ['--schema-only'] : []),
    ...(plan.kind === 'tables' ? ['--no-blobs'] : []),
    ...plan.excludedSchemas.map((schema) => `--exclude-schema=${quoteIdentifier(schema)}`),
    ...(plan.kind === 'tables'
      ? plan.emptied.map(({ schema, name }) => `--exclude-table-data=${quoteQualified(schema, name)}`)
      : []),
  ];
}

interface Selection {
  readonly tables: readonly RelationFact[];
  readonly emptied: readonly RelationFact[];
  readonly problems: readonly Problem[];
}

function selectTables({ kind, tables: wanted }: BackupRequest, scope: readonly RelationFact[]): Selection {
  // The rows of a partitioned table are in its partitions.
  const withRows = scope.filter((relation) => relation.kind === 'r');
  if (kind === 'full') return { tables: withRows, emptied: [], problems: [] };
  if (kind === 'schema') return { tables: [], emptied: withRows, problems: [] };
  const found = wanted.map((name) => ({ name, matches: tablesNamed(name, withRows) }));
  const chosen = new Set(found.flatMap(({ matches }) => matches));
  return {
    tables: withRows.filter((table) => chosen.has(table)),
    emptied: withRows.filter((table) => !chosen.has(table)),
    problems: found.flatMap(({ name, matches }) => (matches.length === 1 ? [] : [notOneTable(name, matches)])),
  };
}

function danglingForeignKeys({ tables, emptied }: Selection, { foreignKeys }: DatabaseFacts): ForeignKey[] {
  const isIn = (list: readonly RelationFact[], schema: string, name: string) =>
    list.some((table) => table.schema === schema && table.name === name);
  return foreignKeys
    .filter(
      ({ schema, table, refersTo }) => isIn(tables, schema, table) && isIn(emptied, refersTo.schema, refersTo.name),
    )
    .map(({ refersTo: _, ...key }) => key);
}

/** A name as somebody writes it: with or without its schema, quoted or not. What stands in quotes may hold dots. */
function tablesNamed(text: string, tables: readonly RelationFact[]): RelationFact[] {
  const full = tables.filter(
    ({ schema, name }) => text === `${schema}.${name}` || text === quoteQualified(schema, name),
  );
  if (full.length > 0) return full;
  const bare = tables.filter(({ name }) => text === name || text === quoteIdentifier(name));
  const inPublic = bare.filter(({ schema }) => schema === 'public');
  return inPublic.length > 0 ? inPublic : bare;
}

function notOneTable(name: string, matches: readonly RelationFact[]): Problem {
  if (matches.length === 0) {
    return {
      message: `there is no table ${name} in what is backed up`,
      hint: 'Write it as schema.table, in the case in which the database has it; name the partitions of a partitioned table.',
    };
  }
  return {
    message: `${name} could be ${matches.map(({ schema, name: table }) => `${schema}.${table}`).join(' or ')}`,
    hint: 'Write it with its schema.',
  };
}

function unknownSchemas({ excludeSchemas }: BackupRequest, { relations }: DatabaseFacts): Problem[] {
  const known = new Set(relations.map(({ schema }) => schema));
  return excludeSchemas
    .filter((schema) => !known.has(schema))
    .map((schema) => ({
      message: `there is no schema ${schema} with tables to leave out`,
      hint: 'Correct --exclude-schema, or backup.excludeSchemas in the configuration.',
    }));
}

/** pg_dump locks every table it describes, for which it needs SELECT, whether or not its rows are wanted. */
function unreadable({ kind: backup }: BackupRequest, scope: readonly RelationFact[]): Problem[] {
  const read = backup === 'schema' ? ['r', 'p'] : ['r', 'p', 'S'];
  const hidden = scope.filter(({ canSelect, kind }) => !canSelect && read.includes(kind));
  return hidden.map(({ schema, name, owner, kind }) => ({
    message: `no permission to read the ${kind === 'S' ? 'sequence' : 'table'} ${schema}.${name}, which belongs to ${owner}`,
    hint: `Grant SELECT on it and USAGE on its schema, or leave the schema out with --exclude-schema ${schema}.`,
  }));
}

function filtered(tables: readonly RelationFact[], { role }: DatabaseFacts): Problem[] {
  return tables
    .filter((table) => table.isFiltered)
    .map(({ schema, name, isForced, isOwned }) => ({
      message: `row-level security hides rows of ${schema}.${name} from ${role.name}${isForced && isOwned ? ', its owner, because it is forced' : ''}`,
      hint: `Back up as a role with BYPASSRLS: alter role ${quoteIdentifier(role.name)} bypassrls.`,
    }));
}

function unreadableLargeObjects({ largeObjects }: DatabaseFacts): Problem[] {
  if (largeObjects.unreadable === 0) return [];
  return [
    {
      message: `no permission to read ${largeObjects.unreadable} of ${largeObjects.count} large objects`,
      hint: 'Back up as their owner, or grant SELECT on each of them.',
    },
  ];
}

/** One file is encrypted as a whole; of a folder, the files of the largest tables are there twice only in turns. */
function neededBytes(estimate: number, format: BackupPlan['format'], { encrypts = false }: Machine): number {
  if (!encrypts) return estimate;
  return format === 'custom' ? 2 * estimate : 1.5 * estimate;
}

function tooLittleSpace(estimate: number, { freeBytes }: Machine): Problem[] {
  if (freeBytes >= estimate * RESERVE) return [];
  return [
    {
      message: `the store has ${quantity(freeBytes, 'bytes')} left and the backup will take about ${quantity(estimate, 'bytes')}`,
      hint: 'Make room with aisha-db backup prune, or name a store on another disk with --store.',
    },
  ];
}

function warnings({ otherDumps, relations, invalidIndexes }: DatabaseFacts): string[] {
  const others = otherDumps.map(
    ({ pid, role, since }) => `another pg_dump runs in this database: pid ${pid}, role ${role}, since ${since}`,
  );
  const empty = relations.some(({ kind }) => kind === 'r') ? [] : ['this database has no table'];
  const invalid = invalidIndexes.map((index) => `the index ${index} is invalid: no backup holds it`);
  return [...others, ...empty, ...invalid];
}

/** What no reader of the backup will find in it; a list that is never empty, since no dump holds everything. */
function leftOut(
  request: BackupRequest,
  facts: DatabaseFacts,
  scope: readonly RelationFact[],
  emptied: readonly RelationFact[],
): LeftOut[] {
  const names = (relations: readonly RelationFact[]) =>
    relations.map(({ schema, name }) => `${schema}.${name}`).join(', ');
  const foreign = scope.filter(({ kind }) => kind === 'f');
  const views = scope.filter(({ kind }) => kind === 'm');
  const has = (extension: string) => facts.extensions.some(({ name }) => name === extension);
  const hasSchema = (schema: string) => facts.relations.some((relation) => relation.schema === schema);
  const list: (LeftOut | undefined)[] = [
    {
      what: 'passwords and settings of roles',
      why: 'roles belong to the server, not to the database; those that are needed are named',
    },
    { what: 'settings of the database (ALTER DATABASE ... SET)', why: 'they belong to the server' },
    { what: 'statistics of the planner', why: 'ANALYZE makes them again after a restore' },
    ...request.excludeSchemas.map((schema) => ({ what: `schema ${schema}`, why: 'it was excluded' })),
    unless(request.kind !== 'schema', { what: 'all rows', why: 'only the schema was asked for' }),
    unless(request.kind !== 'tables' || emptied.length === 0, {
      what: `rows of ${names(emptied)}`,
      why: 'other tables were asked for',
    }),
    unless(foreign.length === 0, { what: `rows of ${names(foreign)}`, why: 'foreign tables: the rows are elsewhere' }),
    unless(views.length === 0, {
      what: `rows of ${names(views)}`,
      why: 'materialized views are computed again by the restore',
    }),
    unless(request.kind === 'full' || facts.largeObjects.count === 0, {
      what: `${facts.largeObjects.count} large objects`,
      why: 'only a full backup holds them',
    }),
    unless(facts.invalidIndexes.length === 0, {
      what: `the indexes ${facts.invalidIndexes.join(', ')}`,
      why: 'they are invalid',
    }),
    unless(facts.subscriptions === 0, {
      what: 'the connection of subscriptions',
      why: 'a restored subscription does not connect by itself',
    }),
    unless(!hasSchema('storage'), {
      what: 'the files of Supabase Storage',
      why: 'the database only holds their names',
    }),
    unless(!has('supabase_vault'), { what: 'the key of the Vault', why: 'secrets cannot be decrypted elsewhere' }),
  ];
  return list.filter((entry): entry is LeftOut => entry !== undefined);
}

function unless<T>(condition: boolean, value: T): T | undefined {
  return condition ? undefined : value;
}
