import { didYouMean } from '../did-you-mean.ts';
import { AishaError } from '../errors.ts';
import { type Convention, findByConvention, type Polymorphic } from './conventions.ts';
import type { CatalogFacts, ColumnFact, ForeignKeyFact, TableFact } from './facts.ts';
import { equalityOf, type Pair, type Relation, relationName, type Unclear } from './relation.ts';
import type { AddedRelation, ExcludedRelation, OrphansSettings } from './settings.ts';

/** A relation that is left out, and why. */
export interface Excluded {
  readonly name: string;
  readonly reason: string;
}

/** Every relation that is known of. */
export interface Known {
  readonly relations: readonly Relation[];
  readonly unclear: readonly Unclear[];
  readonly polymorphic: readonly Polymorphic[];
}

/**
 * Relations of the catalog, of the configuration and by convention, the surer one first where two say the same.
 * @throws AishaError (usage) with every relation at once that the configuration adds and the database does not have
 */
export function findRelations(facts: CatalogFacts, { add }: Pick<OrphansSettings, 'add'>): Known {
  const declared = facts.foreignKeys.flatMap((key) => fromForeignKey(key, facts));
  const added = addRelations(facts, add);
  const guessed: Convention = findByConvention(facts);
  const isAdded = (child: TableFact, column: string) =>
    added.some((relation) => relation.child === child && relation.pairs.some((pair) => pair.child.name === column));
  const isNew = ({ child, pairs }: Relation) => !pairs.some((pair) => isAdded(child, pair.child.name));
  const keys = declared.flatMap((found) => ('pairs' in found ? [found] : []));
  return {
    relations: [...keys, ...added, ...guessed.relations.filter(isNew)],
    unclear: [
      ...declared.flatMap((found) => ('pairs' in found ? [] : [found])),
      ...guessed.unclear.filter(
        ({ child, name }) =>
          ![...child.columns.keys()].some(
            (column) => name === relationName(child, [column], undefined, []) && isAdded(child, column),
          ),
      ),
    ],
    // Values that the configuration does not speak of are still looked for.
    polymorphic: guessed.polymorphic.filter(
      ({ child, column }) =>
        !added.some((r) => r.when === undefined && r.child === child && r.pairs[0]?.child === column),
    ),
  };
}

/** Splits relations into those to look at and those that the configuration excludes. */
export function exclude<T extends { readonly name: string }>(
  found: readonly T[],
  patterns: readonly ExcludedRelation[],
): { readonly kept: readonly T[]; readonly excluded: readonly Excluded[] } {
  const kept: T[] = [];
  const excluded: Excluded[] = [];
  for (const relation of found) {
    const pattern = patterns.find(({ relation: text }) => matches(text, relation.name));
    if (pattern === undefined) kept.push(relation);
    else excluded.push({ name: relation.name, reason: pattern.reason });
  }
  return { kept, excluded };
}

/**
 * The relations that names on the command line mean: a relation as the report writes it, a table with or without its
 * schema, `table.column`, or any of these with `*`.
 * @throws AishaError (usage) for every name that means none
 */
export function select<T extends { readonly name: string; readonly child: TableFact }>(
  found: readonly T[],
  names: readonly string[],
): readonly T[] {
  if (names.length === 0) return found;
  const unmatched = names.filter((name) => !found.some((relation) => isMeant(name, relation)));
  if (unmatched.length > 0) {
    const known = [...new Set(found.flatMap((relation) => [relation.child.title, relation.child.name]))];
    const near = unmatched.flatMap((name) => didYouMean(name, known) ?? []);
    const advice = near.length === 0 ? '' : `Did you mean ${near.join(', ')}? `;
    throw new AishaError('usage', `no relation of ${unmatched.map((name) => `"${name}"`).join(', ')}`, {
      hint: `${advice}aisha-db orphans --list names them all.`,
    });
  }
  return found.filter((relation) => names.some((name) => isMeant(name, relation)));
}

function isMeant(name: string, relation: { readonly name: string; readonly child: TableFact }): boolean {
  const { title, name: table } = relation.child;
  const [columns = ''] = /\((.*?)\)/.exec(relation.name.slice(title.length))?.slice(1) ?? [];
  const spellings = [relation.name, title, table, `${title}.${columns}`, `${table}.${columns}`, `${title}(${columns})`];
  return spellings.some((spelling) => matches(name, spelling));
}

function matches(pattern: string, text: string): boolean {
  if (pattern === text) return true;
  if (!pattern.includes('*')) return false;
  const source = pattern.split('*').map((part) => part.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${source.join('.*')}$`, 's').test(text);
}

// ── the catalog's ───────────────────────────────────────────────────────────────────────────────────────────────────

function fromForeignKey(key: ForeignKeyFact, { tables }: CatalogFacts): readonly (Relation | Unclear)[] {
  const child = tables.get(key.table);
  const parent = tables.get(key.parent);
  if (child === undefined || parent === undefined || child.ignored) return [];
  const name = relationName(child, key.columns, parent, key.parentColumns);
  const pairs = key.columns.map((column, index): Pair => {
    const [own, other] = [child.columns.get(column)!, parent.columns.get(key.parentColumns[index]!)!];
    return { child: own, parent: other, operator: key.operators[index]! };
  });
  if (key.temporal) {
    const reason = 'its foreign key compares periods (PERIOD), which is not counted yet';
    return [{ name, child, reason, remediation: 'Exclude it with a reason under "orphans.exclude".' }];
  }
  const common = { name, source: 'foreign key' as const, match: key.match, when: undefined, foreignKey: key };
  return [{ ...common, child, parent, pairs }];
}

// ── the configuration's ─────────────────────────────────────────────────────────────────────────────────────────────

function addRelations({ tables }: CatalogFacts, add: readonly AddedRelation[]): readonly Relation[] {
  const byTitle = new Map([...tables.values()].map((table) => [table.title, table]));
  const problems: string[] = [];
  const relations = add.flatMap((entry, index): Relation[] => {
    const made = fromConfiguration(entry, byTitle);
    if (typeof made !== 'string') return [made];
    problems.push(`orphans.add.${index}: ${made}`);
    return [];
  });
  if (problems.length === 0) return relations;
  throw new AishaError('usage', 'relations of the configuration do not fit the database', {
    details: problems,
    hint: 'Write tables as the report writes them, such as public.accounts or public."Old accounts".',
  });
}

/** The relation, or what is wrong with it. */
function fromConfiguration(entry: AddedRelation, tables: ReadonlyMap<string, TableFact>): Relation | string {
  const child = tables.get(entry.table);
  const parent = tables.get(entry.parent);
  if (child === undefined) return noTable(entry.table, tables);
  if (parent === undefined) return noTable(entry.parent, tables);
  const parentColumns = entry.parentColumns ?? parent.primaryKey;
  if (parentColumns.length === 0) return `${parent.title} has no primary key: name its parentColumns`;
  if (parentColumns.length !== entry.columns.length) {
    return `${entry.columns.length} columns refer to ${parentColumns.length} (${parentColumns.join(', ')})`;
  }
  const wanted = [...entry.columns, ...(entry.when === undefined ? [] : [entry.when.column])];
  const missing = wanted.find((column) => !child.columns.has(column));
  if (missing !== undefined) return `${child.title} has no column "${missing}"`;
  const absent = parentColumns.find((column) => !parent.columns.has(column));
  if (absent !== undefined) return `${parent.title} has no column "${absent}"`;
  const pairs: Pair[] = [];
  for (const [index, column] of entry.columns.entries()) {
    const [own, other]: ColumnFact[] = [child.columns.get(column)!, parent.columns.get(parentColumns[index]!)!];
    const operator = equalityOf(own!, other!);
    if (operator === undefined) return `${own!.name} is ${own!.type} and ${other!.name} is ${other!.type}`;
    pairs.push({ child: own!, parent: other!, operator });
  }
  const name = relationName(child, entry.columns, parent, parentColumns, entry.when);
  const common = { name, source: 'configuration' as const, match: entry.match ?? 'simple', foreignKey: undefined };
  return { ...common, child, parent, pairs, when: entry.when };
}

function noTable(name: string, tables: ReadonlyMap<string, TableFact>): string {
  const meant = didYouMean(name, [...tables.keys()]);
  return `there is no table ${name}${meant === undefined ? '' : `, did you mean ${meant}?`}`;
}
