import type { ColumnFacts, SampleRow } from './facts.ts';
import { nearTenants } from './near-tenants.ts';
import { structuresOf } from './sample-structures.ts';
import { UUID } from './uuid.ts';

/** Whoever asks, in the claims of a token. No user has it: what it opens is opened by being oneself. */
export const SUBJECT = '00000000-0000-4000-8000-00005eb1ec70';
export const SUBJECT_EMAIL = 'somebody@example.invalid';

/** Two tenants and one that there is not, as values of one type of column. */
export interface Tenants {
  readonly own: string;
  readonly other: string;
  readonly unknown: string;
  /** A user of the own tenant and of no other, where one is known. */
  readonly subject?: string | undefined;
  /** Both are in the database, or were told. */
  readonly areReal?: boolean | undefined;
  /** Where a key of several columns says whose a row is: what the others hold in rows of either. */
  readonly companions?: readonly Companion[] | undefined;
}

type Companion = readonly [column: string, own: string, other: string];

/** More combinations than these are not tried all: each is a row that the server evaluates in every context. */
const MOST_COMBINATIONS = 48;
const MOST_FOR_PROOF = 192;
/** So many tenants are near the own one at least, and so many rows are theirs at most where there are more. */
const LEAST_NEAR = 12;
const MOST_NEAR_ROWS = 1_000;

export interface SampleQuestion {
  readonly tenantColumn: ColumnFacts | undefined;
  /** The other columns that the expression reads, with the labels of enumerations. */
  readonly columns: readonly (ColumnFacts & { readonly labels: readonly string[] })[];
  readonly constants: readonly string[];
  readonly tenants: Tenants;
  /** Names under which documents hold the tenant, where no column does. */
  readonly tenantKeys?: readonly string[] | undefined;
  /** More depends on it than findings: more combinations are tried. */
  readonly isForProof?: boolean | undefined;
  /** Tenants whose identifiers are alike may be the same to the expression: such are among the others. */
  readonly asksNear?: boolean | undefined;
}

/**
 * Rows that an expression is asked about: one's own, another tenant's, one that a constant of the expression names and
 * nobody's; each with every combination of values at which the expression may change its mind.
 */
export function sampleRows({
  tenantColumn,
  columns,
  constants,
  tenants,
  tenantKeys = [],
  isForProof,
  asksNear,
}: SampleQuestion): SampleRow[] {
  const { companions = [] } = tenants;
  const isFree = ({ name }: ColumnFacts) => !companions.some(([column]) => column === name);
  const combinations = combine(
    columns.filter(isFree).map((column) => candidatesFor(column, constants, tenants)),
    mostCombinations(isForProof),
  );
  const rows = combinations.map((values) => ({
    values: Object.fromEntries(values.map(({ column, value }) => [column, value])),
    isPersonal: values.some(({ isPersonal }) => isPersonal),
  }));
  if (tenantColumn === undefined) {
    const keys = tenantKeys.filter((key) => constants.includes(key));
    const owned = keys.length === 0 ? [] : documentsOfTenants(rows, keys, columns, constants, tenants);
    return owned.length > 0 ? owned : rows.map((row) => ({ ...row, owner: 'none', tenant: null }));
  }
  const named = constants.filter((value) => isTenant(value, tenantColumn) && value !== tenants.own);
  const others = [...new Set([tenants.other, ...named])].slice(0, 4);
  const near = asksNear ? nearTenants(tenantColumn, tenants, constants) : [];
  const owners: Pick<SampleRow, 'owner' | 'tenant' | 'isNear'>[] = [
    { owner: 'own', tenant: tenants.own },
    ...others.map((tenant) => ({ owner: 'other' as const, tenant })),
    { owner: 'none', tenant: null },
    ...near
      .filter((tenant) => !others.includes(tenant))
      .slice(0, Math.max(LEAST_NEAR, Math.floor(MOST_NEAR_ROWS / rows.length)))
      .map((tenant) => ({ owner: 'other' as const, tenant, isNear: true })),
  ];
  // What belongs together stays together: halves of two keys would be a row of a third.
  const together = companions.filter(([column]) => columns.some(({ name }) => name === column));
  return owners.flatMap((owner) => {
    const theirs = Object.fromEntries(
      together.map(([column, own, other]) => [column, owner.owner === 'own' ? own : other]),
    );
    return rows.map((row) => ({ ...row, ...owner, values: { ...row.values, ...theirs } }));
  });
}

/**
 * The same rows once for each tenant that a document in them may name, and without one; a document that cannot name
 * one is nobody's.
 */
function documentsOfTenants(
  rows: readonly Pick<SampleRow, 'values' | 'isPersonal'>[],
  keys: readonly string[],
  columns: SampleQuestion['columns'],
  constants: readonly string[],
  { own, other }: Tenants,
): SampleRow[] {
  const documents = columns.filter(({ type }) => type === 'json' || type === 'jsonb').map(({ name }) => name);
  const isDocument = (value: unknown) => typeof value === 'object' && value !== null && !Array.isArray(value);
  if (documents.length === 0) return [];
  const named = constants.filter((one) => !keys.includes(one) && one !== own);
  const owners: Pick<SampleRow, 'owner' | 'tenant'>[] = [
    { owner: 'own', tenant: own },
    ...[...new Set([other, ...named])].slice(0, 4).map((tenant) => ({ owner: 'other' as const, tenant })),
    { owner: 'none', tenant: null },
  ];
  const all = owners.flatMap((owner) =>
    rows
      .filter(({ values }) => owner.tenant === null || documents.some((name) => isDocument(values[name])))
      .map((row): SampleRow => {
        const told = documents.map((name) => [name, withTenant(row.values[name], keys, owner.tenant)] as const);
        return { ...row, ...owner, values: { ...row.values, ...Object.fromEntries(told) } };
      }),
  );
  return [...new Map(all.map((row) => [JSON.stringify(row), row])).values()];
}

/** A document that names a tenant, or none, wherever it may be asked for it: itself, and in those within it. */
function withTenant(value: unknown, keys: readonly string[], tenant: string | null): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const rest = Object.entries(value)
    .filter(([key]) => !keys.includes(key))
    .map(([key, inner]) => [key, withTenant(inner, keys, tenant)] as const);
  const named = tenant === null ? [] : keys.map((key) => [key, tenant] as const);
  return Object.fromEntries([...rest, ...named]);
}

/** Every value that the expression names is in some row beside every one in the other columns. */
export function triesAll({ columns, constants, tenants, isForProof }: Omit<SampleQuestion, 'tenantColumn'>): boolean {
  const count = columns.reduce((product, column) => product * candidatesFor(column, constants, tenants).length, 1);
  const numerals = constants.filter((one) => NUMERAL.test(one));
  return (
    count <= mostCombinations(isForProof) && numerals.length <= MOST_NUMERALS && constants.length <= MOST_CONSTANTS
  );
}

/**
 * Rows for an expression of which some conditions are taken to hold: those of others and of nobody, since what opens the
 * own ones besides says nothing.
 */
export function assumedRows(rows: readonly SampleRow[], conditions: readonly string[]): SampleRow[] {
  return rows
    .filter(({ owner, isPersonal }) => owner !== 'own' && !isPersonal)
    .map((row) => ({ ...row, assumes: conditions }));
}

const INTEGER = /^-?\d{1,4}$/;
const NUMBER = /^\d{1,9}$/;

/** What any column of text may hold. */
const ORDINARY_TEXT = 'x';

/** A constant that can say whose a row is; a word of some other comparison would be a tenant nobody has. */
function isTenant(value: string, column: ColumnFacts): boolean {
  return column.category === 'N' ? INTEGER.test(value) : UUID.test(value);
}

/** A text that rows hold for more than being mentioned: whose they are, who asks, what a type makes likely. */
export function isValueOfItsOwn(value: string, tenants: Tenants): boolean {
  const { own, other, unknown, subject = SUBJECT } = tenants;
  const likely = [ORDINARY_TEXT, SUBJECT, SUBJECT_EMAIL, own, other, unknown, subject];
  return UUID.test(value) || INTEGER.test(value) || likely.includes(value);
}

interface Candidate {
  readonly column: string;
  readonly value: unknown;
  readonly isPersonal: boolean;
}

/** NULL, and what the type makes likely. Nothing that a built-in type might refuse. */
function candidatesFor(
  column: ColumnFacts & { readonly labels?: readonly string[] },
  constants: readonly string[],
  tenants: Tenants,
): Candidate[] {
  const plain = (values: readonly unknown[]) =>
    values.map((value) => ({ column: column.name, value, isPersonal: false }));
  const personal = (value: unknown) => ({ column: column.name, value, isPersonal: true });
  const distinct = (values: readonly string[]) => [...new Set(values)].slice(0, 8);
  const uuids = constants.filter((value) => UUID.test(value));
  switch (column.category) {
    case 'B':
      return plain([null, true, false]);
    case 'N':
      // The own tenant stands in every column that could hold it: a policy may look at the wrong one.
      return plain([
        null,
        ...numbersOf(
          column.type,
          constants,
          [tenants.own].filter((id) => INTEGER.test(id)),
        ),
      ]).concat([tenants.subject ?? ''].filter((id) => NUMBER.test(id)).map(personal));
    case 'D':
      return plain([null, ...distinct(timesOf(column.type, constants))]);
    case 'E':
      return plain([null, ...(column.labels ?? []).slice(0, 8)]);
    case 'S': {
      const room = /\((\d+)\)/.exec(column.type)?.[1];
      const fits = (value: string) => room === undefined || value.length <= Number(room);
      return [
        ...plain([null, ...distinct([ORDINARY_TEXT, tenants.own, ...constants].filter(fits))]),
        ...[tenants.subject ?? SUBJECT, SUBJECT_EMAIL].filter(fits).map(personal),
      ];
    }
    case 'X':
      // What the domain refuses is the row's fault (value-faults.ts).
      return plain([null, ...distinct([ORDINARY_TEXT, tenants.own, ...constants])]);
    default: {
      if (column.type === 'uuid')
        return [
          ...plain([null, ...distinct([tenants.unknown, tenants.own, ...uuids])]),
          personal(tenants.subject ?? SUBJECT),
        ];
      const made = structuresOf(column, constants, { own: tenants.own, subject: tenants.subject ?? SUBJECT });
      return [...plain([null, ...made.plain]), ...made.personal.map(personal)];
    }
  }
}

/** Digits in front of the point that every type of number has room for; a numeric says so itself. */
const DIGITS: Readonly<Record<string, number>> = {
  smallint: 4,
  integer: 9,
  bigint: 18,
  real: 6,
  'double precision': 15,
  numeric: 18,
  money: 9,
};

/** So many numbers are tried in a column. */
const MOST_NUMBERS = 14;
/** Of these each has its neighbours among them. */
const MOST_NUMERALS = 4;
/** So many words have a place among the values of a column. */
const MOST_CONSTANTS = 6;

/** Numbers that a policy names, those that are likely, and what is next to the former: a comparison ends there. */
function numbersOf(type: string, constants: readonly string[], likely: readonly string[]): string[] {
  const [, precision, scale = '0'] = /^numeric\((\d+)(?:,(\d+))?\)$/.exec(type) ?? [];
  const digits = precision === undefined ? DIGITS[type] : Number(precision) - Number(scale);
  const fits = (value: string) => value.replace('-', '').length <= (digits ?? 4);
  const whole = constants.filter((one) => NUMERAL.test(one)).map((one) => BigInt(one.replace(/\..*/, '')));
  const near = (by: bigint) => whole.map((one) => String(one + by)).filter(fits);
  // Of other types that count as numbers nobody knows what is next.
  const beside = digits === undefined ? [] : [...near(1n), ...near(-1n)];
  return [...new Set([...near(0n), '0', '1', ...likely, ...beside])].slice(0, MOST_NUMBERS);
}

const NUMERAL = /^-?\d{1,18}(\.\d+)?$/;

/** Long ago, far ahead and now, and the days, times or years that a policy names. */
function timesOf(type: string, constants: readonly string[]): string[] {
  if (type.startsWith('time ')) return ['00:00:00', '23:59:59', ...constants.filter((one) => CLOCK.test(one))];
  if (!/^(date|timestamp)/.test(type)) return [];
  const years = constants.filter((one) => YEAR.test(one)).map((year) => `${year}-07-01`);
  return ['1970-01-01', '2999-12-31', new Date().toISOString(), ...constants.filter((one) => DAY.test(one)), ...years];
}

const YEAR = /^(19|20)\d\d$/;
const CLOCK = /^([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?$/;
const DAY =
  /^[12]\d{3}-(0[1-9]|1[0-2])-(0[1-9]|1\d|2[0-8])([ T][0-2]\d:[0-5]\d(:[0-5]\d(\.\d+)?)?([+-]\d\d(:?\d\d)?)?)?$/;

function mostCombinations(isForProof: boolean | undefined): number {
  return isForProof ? MOST_FOR_PROOF : MOST_COMBINATIONS;
}

/** Every combination while they are few; else each value alone beside first ones, which misses only conspiracies. */
function combine(choices: readonly (readonly Candidate[])[], most: number): Candidate[][] {
  const count = choices.reduce((product, choice) => product * choice.length, 1);
  if (count <= most)
    return choices.reduce<Candidate[][]>(
      (combined, choice) => combined.flatMap((values) => choice.map((value) => [...values, value])),
      [[]],
    );
  const bases = [0, 1].map((place) => choices.map((choice) => choice[place] ?? choice[0]!));
  const varied = bases.flatMap((base) => choices.flatMap((choice, at) => choice.map((value) => base.with(at, value))));
  const distinct = new Map([...bases, ...varied].map((values) => [JSON.stringify(values), values]));
  return [...distinct.values()];
}
