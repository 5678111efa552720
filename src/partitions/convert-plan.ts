import { AishaError } from '../errors.ts';
import { counted } from '../report/quantity.ts';
import { isToPublishViaRoot } from './convert-dress.ts';
import type { ConvertFacts, ConvertRequest } from './convert-facts.ts';
import { addSteps, type Coming, isTooLong, partitionName, type Step, type WallClock } from './plan.ts';

/** What of a table its partitioned twin cannot have, or has otherwise. */
interface Lost {
  readonly object: string;
  readonly message: string;
}

/** How a table is made partitioned. */
export interface ConvertPlan {
  readonly names: ConvertNames;
  /** The primary key, with the column of the partitions in it. */
  readonly key: readonly string[];
  readonly partitions: readonly Coming[];
  /** Rows of times that none of the partitions holds: they lie in the default one. */
  readonly outside: number;
  readonly indexes: readonly NewIndex[];
  readonly foreignKeys: ConvertFacts['foreignKeys'];
  readonly inbound: ConvertFacts['inbound'];
  readonly triggers: ConvertFacts['triggers'];
  readonly lost: readonly Lost[];
}

/** An index of the twin: with another name until it takes the place of the old one. */
interface NewIndex {
  readonly name: string;
  readonly draft: string;
  readonly old: string;
  readonly isUnique: boolean;
  readonly constraint: string | null;
  readonly tail: string;
}

/** Names of what the file makes, all in the schema of the table. */
interface ConvertNames {
  readonly twin: string;
  readonly old: string;
  readonly fallback: string;
  readonly changes: string;
  readonly copied: string;
  readonly note: string;
  readonly noteAll: string;
  readonly replay: string;
  readonly keyPresent: string;
  readonly primaryKey: { readonly draft: string; readonly old: string };
}

/** Types of a column whose ranges can be partitions. */
export const TIME_TYPES: ReadonlySet<string> = new Set([
  'date',
  'timestamp without time zone',
  'timestamp with time zone',
]);

/** Partitions of one table: more are a mistake in the step, and slow every query down. */
const MOST_PARTITIONS = 400;

/**
 * Decides what becomes of a table and all that hangs on it.
 * @throws AishaError (usage) with every reason at once why it cannot be partitioned like that
 */
export function planConversion(facts: ConvertFacts, request: ConvertRequest): ConvertPlan {
  const { table, primaryKey } = facts;
  const ranges = rangesFor(facts, request);
  const partitions = ranges.map(({ from, to }) => ({ name: partitionName(table.name, request.step, from), from, to }));
  const used = new Set(facts.taken);
  const names = namesFor(facts, used);
  const problems = [...problemsOf(facts, request), ...nameProblems(facts, names, partitions)];
  if (problems.length > 0 || primaryKey === undefined) {
    throw new AishaError('usage', `${table.schema}.${table.name} cannot be partitioned by "${request.column}"`, {
      details: problems,
      hint: 'See docs/partitions.md for what a table needs.',
    });
  }
  const { column } = request;
  const key = [...new Set([...primaryKey.columns, column])];
  const isKept = ({ isUnique, isExclusion, columns, hasExpressions }: ConvertFacts['indexes'][number]) =>
    !isExclusion && (!isUnique || (!hasExpressions && columns.includes(column)));
  const unique = [key, ...facts.indexes.filter((one) => one.isUnique && isKept(one)).map(({ columns }) => columns)];
  const isReachable = ({ isSelf, targets }: ConvertFacts['inbound'][number]) =>
    !isSelf && unique.some((one) => one.length === targets.length && one.every((name) => targets.includes(name)));
  const inRange = (at: WallClock) => ranges.some(({ from, to }) => at >= from && at < to);
  return {
    names,
    key,
    partitions,
    outside: facts.steps.filter(({ from }) => !inRange(from)).reduce((sum, { rows }) => sum + rows, 0),
    indexes: facts.indexes
      .filter(({ isExclusion }) => !isExclusion)
      .map((index) => ({
        name: index.name,
        draft: freeName(index.name, '_partitioned', used),
        old: freeName(index.name, '_unpartitioned', used),
        // What cannot be unique over all partitions still finds its rows.
        isUnique: index.isUnique && isKept(index),
        constraint: isKept(index) ? index.constraint : null,
        tail: index.tail,
      })),
    foreignKeys: facts.foreignKeys.filter(({ isSelf }) => !isSelf),
    inbound: facts.inbound.filter(isReachable),
    triggers: facts.triggers.filter(({ isImpossible }) => !isImpossible),
    lost: lostOf(facts, key, column, isKept, isReachable),
  };
}

// ── what stands against it ──────────────────────────────────────────────────────────────────────────────────────────

function problemsOf(facts: ConvertFacts, { column, step, since }: ConvertRequest): string[] {
  const { table, role, columns, primaryKey, nullRows } = facts;
  const key = columns.find(({ name }) => name === column);
  const span = facts.steps.length;
  return [
    ...(table.kind === 'p' ? ['it is partitioned already'] : []),
    ...(table.isPartition || table.inherits ? ['it is part of an inheritance: a partition, a parent or a child'] : []),
    ...(table.persistence === 'p' ? [] : ['it is temporary or unlogged']),
    ...(table.mayAlter ? [] : [`it belongs to ${table.owner}, and ${role} may not change it`]),
    ...(key === undefined
      ? [`it has no column "${column}": it has ${columns.map(({ name }) => name).join(', ')}`]
      : TIME_TYPES.has(key.type)
        ? []
        : [`"${column}" is of type ${key.type}, not date, timestamp or timestamptz`]),
    ...(key?.isGenerated ? [`"${column}" is a generated column`] : []),
    ...(primaryKey === undefined ? ['it has no primary key, by which rows that change meanwhile are known'] : []),
    ...(nullRows > 0
      ? [`${counted(nullRows, 'row')} without a "${column}": give them one, since it becomes part of the primary key`]
      : []),
    ...(table.isHidden && since === undefined
      ? [
          `policies hide rows from ${role}: say with --since when the first partition begins, or use a role with BYPASSRLS`,
        ]
      : []),
    ...(span > MOST_PARTITIONS
      ? [
          `its rows lie in ${span} different ${step}s, more than ${MOST_PARTITIONS} partitions: choose a longer --interval`,
        ]
      : []),
  ];
}

function nameProblems(facts: ConvertFacts, names: ConvertNames, partitions: readonly Coming[]): string[] {
  const { twin, old, fallback, changes, copied, note, replay } = names;
  const wanted = [twin, old, fallback, changes, copied, note, replay, ...partitions.map(({ name }) => name)];
  const taken = wanted.filter((name) => facts.taken.includes(name));
  const long = partitions.filter(({ name }) => isTooLong(name));
  return [
    ...(taken.length === 0
      ? []
      : [`the file would make ${taken.map((name) => `"${name}"`).join(', ')}, which is there already`]),
    ...(long.length === 0 ? [] : [`names of its partitions such as "${long[0]!.name}" have more than 63 bytes`]),
  ];
}

// ── which partitions ────────────────────────────────────────────────────────────────────────────────────────────────

/** From the first step with rows to the last, or `ahead` steps after that of now; a few far-off rows do not count. */
function rangesFor(
  { steps }: ConvertFacts,
  { step, ahead, now, since }: ConvertRequest,
): Pick<Coming, 'from' | 'to'>[] {
  const current = startOf(step, now);
  const finite = steps.map(({ from }) => from).filter(Number.isFinite);
  const last = addSteps(current, step, ahead);
  const first = finite.filter((from) => from <= last && from >= addSteps(current, step, ahead - MOST_PARTITIONS + 1));
  const ranges: Pick<Coming, 'from' | 'to'>[] = [];
  let from = since === undefined ? Math.min(current, ...first) : startOf(step, since);
  const wanted = finite.filter((at) => at <= addSteps(from, step, MOST_PARTITIONS - 1));
  const end = Math.max(last, ...wanted);
  while (from <= end && ranges.length < MOST_PARTITIONS) {
    const to = addSteps(from, step, 1);
    ranges.push({ from, to });
    from = to;
  }
  return ranges;
}

/** As date_trunc: weeks begin on Mondays. */
function startOf(step: Step, now: WallClock): WallClock {
  const date = new Date(now);
  date.setUTCHours(0, 0, 0, 0);
  if (step === 'week') return date.setUTCDate(date.getUTCDate() - ((date.getUTCDay() + 6) % 7));
  if (step === 'day') return date.getTime();
  date.setUTCDate(1);
  const months = { month: 1, quarter: 3, year: 12 }[step];
  return date.setUTCMonth(Math.floor(date.getUTCMonth() / months) * months);
}

// ── names ───────────────────────────────────────────────────────────────────────────────────────────────────────────

function namesFor({ table: { name }, primaryKey }: ConvertFacts, used: Set<string>): ConvertNames {
  return {
    twin: suffixed(name, '_partitioned'),
    old: suffixed(name, '_unpartitioned'),
    fallback: suffixed(name, '_default'),
    changes: suffixed(name, '_changes'),
    copied: suffixed(name, '_copied'),
    note: suffixed(name, '_note_change'),
    noteAll: suffixed(name, '_note_truncate'),
    replay: suffixed(name, '_replay'),
    keyPresent: suffixed(name, '_key_present'),
    primaryKey: {
      draft: freeName(primaryKey?.name ?? name, '_partitioned', used),
      old: freeName(primaryKey?.name ?? name, '_unpartitioned', used),
    },
  };
}

/** Longest name (bytes) that PostgreSQL does not cut (docs 4.1.1). */
const MOST_BYTES = 63;

/** A name with a suffix, cut between characters where both together are too long. */
export function suffixed(name: string, suffix: string): string {
  let base = name;
  while (Buffer.byteLength(base + suffix) > MOST_BYTES) base = [...base].slice(0, -1).join('');
  return base + suffix;
}

function freeName(name: string, suffix: string, used: Set<string>): string {
  let free = suffixed(name, suffix);
  for (let n = 2; used.has(free); n++) free = suffixed(name, `${suffix}${n}`);
  used.add(free);
  return free;
}

// ── what cannot be kept ─────────────────────────────────────────────────────────────────────────────────────────────

function lostOf(
  { table, primaryKey, indexes, foreignKeys, inbound, triggers, publications, others, policies, views }: ConvertFacts,
  key: readonly string[],
  column: string,
  isKept: (index: ConvertFacts['indexes'][number]) => boolean,
  isReachable: (one: ConvertFacts['inbound'][number]) => boolean,
): Lost[] {
  const label = `${table.schema}.${table.name}`;
  const was = primaryKey?.columns.join(', ') ?? '';
  return [
    ...(key.length === primaryKey?.columns.length
      ? []
      : [
          {
            object: primaryKey?.name ?? '',
            message: `the primary key (${was}) becomes (${key.join(', ')}): nothing keeps (${was}) alone unique over all partitions, and "${column}" cannot be null`,
          },
        ]),
    ...indexes
      .filter((index) => !isKept(index))
      .map(({ name, isExclusion }) => ({
        object: name,
        message: isExclusion
          ? 'an exclusion constraint does not hold over partitions: it is left out'
          : `it is not unique any more, since it lacks "${column}": a plain index takes its place`,
      })),
    ...inbound
      .filter((one) => !isReachable(one))
      .map(({ name, table: from, definition }) => ({
        object: `${from}.${name}`,
        message: `it is dropped: no foreign key can point at ${label} without "${column}" (${definition})`,
      })),
    ...foreignKeys
      .filter(({ isValid, isSelf }) => !isValid && !isSelf)
      .map(({ name }) => ({
        object: name,
        message: 'it was never validated: each partition made here gets it so, later ones do not',
      })),
    ...triggers
      .filter(({ isImpossible }) => isImpossible)
      .map(({ name }) => ({
        object: name,
        message: 'PostgreSQL has no row triggers with transition tables on partitions',
      })),
    ...publications
      .filter(({ mayChange }) => !mayChange)
      .map(({ name }) => ({ object: `publication ${name}`, message: 'its owner has to put the new table in' })),
    ...publications
      .filter(({ mayChange }) => mayChange)
      .map((publication) => ({
        object: `publication ${publication.name}`,
        message: `${isToPublishViaRoot(publication) || publication.isViaRoot ? '' : 'it publishes partitions under their own names (publish_via_partition_root), as of its other partitioned tables; '}its subscribers get the new table with ALTER SUBSCRIPTION ... REFRESH PUBLICATION WITH (copy_data = false)`,
      })),
    ...views
      .filter(({ mayReplace }) => !mayReplace)
      .map(({ name }) => ({
        object: `view ${name}`,
        message: 'it stays with the old table: its owner has to make it anew',
      })),
    ...(table.replicaIdentity === 'd'
      ? []
      : [{ object: label, message: 'its replica identity becomes the primary key' }]),
    ...others.map((object) => ({ object, message: 'it stays with the old table: make it anew, by hand' })),
    ...(mentionsItself(table.name, policies)
      ? [
          {
            object: label,
            message: 'its policies name it in a sub-query, so its partitions get none: nobody reads them by name',
          },
        ]
      : []),
  ];
}

/** Such a policy means nothing on a table of another name. */
export function mentionsItself(name: string, policies: ConvertFacts['policies']): boolean {
  return policies.some(
    ({ clauses }) => clauses.includes(`${name}.`) || clauses.includes(`"${name.replaceAll('"', '""')}".`),
  );
}
