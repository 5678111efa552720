import { messageOf } from '../../errors.ts';
import { quoteIdentifier, quoteLiteral, quoteQualified } from '../../postgres/quote.ts';
import { SQLSTATE } from '../../postgres/server-error.ts';
import type { Session } from '../../postgres/session.ts';
import { classOf } from '../answers.ts';
import type { ForeignKeyFacts, RlsFacts, TableFacts } from '../facts.ts';
import type { Membership } from '../membership.ts';
import { displayPath } from '../names.ts';
import { type Maker, makersFor, type Settings } from './makers.ts';
import { type RowColumn, type RowTable, readExample, readRowTable } from './row-columns.ts';
import { candidatesOf, choicesFor, columnsOf, freshTenant, type Value } from './row-values.ts';
import type { Step } from './run-probes.ts';

/** A row that was made and undone: the statements that make it again, and the values it has. */
export interface MadeRow {
  readonly steps: readonly Step[];
  readonly values: ReadonlyMap<string, Value>;
}

/** Why a row could not be made; what was tried is undone. */
export class CannotMake extends Error {}

/** Rows that need a row that needs a row; deeper than this, something goes round in circles. */
const MOST_PARENTS = 8;
/** Values that are tried for one row, and keys that may turn out to be taken. */
const MOST_TRIES = 100;
const MOST_CLASHES = 12;

/** A unique key, or an exclusion constraint, finds another row in the way (PostgreSQL docs, appendix A). */
const TAKEN: readonly string[] = ['23505', '23P01'];

const DEFERRED: Step = { role: undefined, settings: {}, sql: 'set constraints all deferred' };

/** Makes rows from what the catalog says of them; everything happens in a transaction that the caller rolls back. */
export class RowMaker {
  readonly #session: Session;
  readonly #facts: RlsFacts;
  readonly #roles: readonly string[];
  readonly #settings: Settings;
  readonly #constantsIn: (text: string) => readonly string[];
  readonly #fillsTexts: boolean;
  readonly #tellsKeys: boolean;
  readonly #tables = new Map<number, RowTable>();
  /** Tables whose rows belong to the tenant of the row that they refer to, and those in between. */
  readonly #lineages: ReadonlyMap<number, ForeignKeyFacts>;

  /**
   * @param rows `fillsTexts` gives a value to every text that may stay empty, too: such rows are told by what they hold;
   * `tellsKeys`: whoever makes a row again gives it the same keys
   */
  constructor(
    session: Session,
    facts: RlsFacts,
    settings: Settings,
    constantsIn: (text: string) => readonly string[],
    rows: { readonly fillsTexts?: boolean; readonly tellsKeys?: boolean } = {},
  ) {
    this.#fillsTexts = rows.fillsTexts ?? false;
    this.#tellsKeys = rows.tellsKeys ?? false;
    this.#session = session;
    this.#facts = facts;
    this.#roles = facts.subjects.map(({ name }) => name);
    this.#settings = settings;
    this.#constantsIn = constantsIn;
    const keys = [...facts.tables.values()].flatMap(({ lineage }) => lineage?.keys ?? []);
    this.#lineages = new Map(keys.map((key) => [key.table, key]));
  }

  /** What is known of a table; read once. */
  async table(table: TableFacts, maker: Maker): Promise<RowTable> {
    const known = this.#tables.get(table.oid);
    if (known !== undefined) return known;
    const read = await readRowTable(this.#session, table, this.#roles);
    const tenants = classOf(this.#facts, table)?.tenants;
    // Whom RLS binds is shown a row in the session of a tenant that has some.
    const tenant = tenants?.areReal ? tenants.own : '';
    const example = await this.#asMaker(maker, tenant, () => readExample(this.#session, table)).catch(() => ({}));
    const found = { ...read, example };
    this.#tables.set(table.oid, found);
    return found;
  }

  /**
   * Makes a row of a tenant, and first the rows it refers to.
   * @param made rows of the same tenant that are there already, by the OID of their table
   * @param given values that it has to have
   * @throws CannotMake with the server's last word
   */
  async make(
    table: TableFacts,
    tenant: string,
    maker: Maker,
    made: Map<number, MadeRow>,
    given?: ReadonlyMap<string, Value>,
  ): Promise<MadeRow> {
    return this.#make(table, tenant, maker, made, [], given);
  }

  /** Whether rows of two tenants may be alike in some columns of a key: a unique key of the parent rules that out. */
  async mayBeAlike(table: TableFacts, names: readonly string[]): Promise<boolean> {
    const [key] = table.lineage!.keys;
    const parent = this.#facts.tables.get(key!.target)!;
    const known = await this.table(parent, this.#makerOf(parent));
    const targets = key!.targetColumnNames.filter(
      (name, at) => names.includes(key!.columnNames[at]!) && name !== parent.tenantColumn?.name,
    );
    const isUnique = known.constraints.some((one) => {
      const columns = one.kind === 'unique' ? columnsOf(one, known) : [];
      return columns.length === one.columns.length && columns.every((name) => targets.includes(name));
    });
    return !isUnique;
  }

  /**
   * What a row of the table has to hold to refer to a row of the tenant's, by column; that one is made if need be.
   * @param alike what it has in common with another tenant's, by column
   */
  async ownerKey(
    table: TableFacts,
    tenant: string,
    made: Map<number, MadeRow>,
    alike?: ReadonlyMap<string, string>,
  ): Promise<ReadonlyMap<string, string>> {
    const [key] = table.lineage!.keys;
    const parent = this.#facts.tables.get(key!.target)!;
    const given = new Map(
      key!.targetColumnNames
        .map((name, at) => [name, alike?.get(key!.columnNames[at]!)] as const)
        .filter((pair): pair is [string, string] => pair[1] !== undefined && pair[0] !== parent.tenantColumn?.name),
    );
    const row =
      given.size === 0
        ? await this.#parent(parent, key!, tenant, made, [table.oid])
        : await this.#make(parent, tenant, this.#makerOf(parent), made, [table.oid], given);
    if ([...given].some(([name, value]) => row.values.get(name) !== value))
      throw new CannotMake(`no rows of ${displayPath(parent)} are alike in a part of their key`);
    return new Map(key!.columnNames.map((name, at) => [name, row.values.get(key!.targetColumnNames[at]!)!]));
  }

  /** Makes a tenant, and as whoever may. */
  async makeTenant(registry: TableFacts, tenant: string, made: Map<number, MadeRow>): Promise<MadeRow> {
    const [maker] = makersFor(this.#facts, registry, this.#settings);
    if (maker === undefined) throw new CannotMake(`nobody may make a tenant in ${displayPath(registry)}`);
    return this.make(registry, tenant, maker, made);
  }

  /**
   * Makes up a user who is a member of the tenant wherever policies look that up, and first the user where that one has
   * to exist. Where none can be made, the policies say what comes of that.
   * @param users is told who it is
   * @param also a table whose rows belong to a user
   */
  async makeMember(
    tenant: string,
    users: Map<string, string>,
    made: Map<number, MadeRow>,
    also?: Membership,
  ): Promise<void> {
    const memberships = [...this.#facts.memberships, ...(also === undefined ? [] : [also])];
    const [first] = memberships;
    if (first === undefined) return;
    const subject = freshTenant(first.user.category, token());
    users.set(tenant, subject);
    try {
      for (const membership of memberships) await this.#makeMember(tenant, subject, membership, made);
    } catch (error) {
      if (!(error instanceof CannotMake)) throw error;
    }
  }

  async #makeMember(
    tenant: string,
    subject: string,
    { table: { oid }, user }: Membership,
    made: Map<number, MadeRow>,
  ): Promise<void> {
    const table = this.#facts.tables.get(oid)!;
    const key = table.foreignKeys.find(({ columnNames }) => columnNames.length === 1 && columnNames[0] === user.name);
    const users = key === undefined ? undefined : this.#facts.tables.get(key.target);
    if (users !== undefined && made.get(users.oid)?.values.get(key!.targetColumnNames[0]!) !== subject) {
      // One that is shared by tenants is nobody's own user.
      made.delete(users.oid);
      const given = new Map([[key!.targetColumnNames[0]!, subject]]);
      await this.#make(users, tenant, this.#makerOf(users), made, [], given);
    }
    await this.#make(table, tenant, this.#makerOf(table), made, [], new Map([[user.name, subject]]));
  }

  #makerOf(table: TableFacts): Maker {
    const [maker] = makersFor(this.#facts, table, this.#settings);
    if (maker === undefined) throw new CannotMake(`nobody may make a row of ${displayPath(table)}`);
    return maker;
  }

  async #make(
    table: TableFacts,
    tenant: string,
    maker: Maker,
    made: Map<number, MadeRow>,
    path: readonly number[],
    given: ReadonlyMap<string, Value> = new Map(),
  ): Promise<MadeRow> {
    const there = made.get(table.oid);
    if (there !== undefined) return there;
    if (path.includes(table.oid) || path.length > MOST_PARENTS)
      throw new CannotMake(`a row of ${displayPath(table)} needs itself`);
    const known = await this.table(table, maker);
    if (known.reachesOut !== undefined) throw new CannotMake(whyUntouched(table, known.reachesOut));
    const values = new Map<string, Value>(given);
    if (table.tenantColumn !== undefined) values.set(table.tenantColumn.name, tenant);
    const steps: Step[] = [];
    for (const key of table.foreignKeys.filter(
      (one) => isNeeded(one, table, known) || one === this.#lineages.get(table.oid),
    )) {
      const parent = this.#facts.tables.get(key.target);
      if (parent === undefined) throw new CannotMake(`foreign key ${key.name} leads where nothing may be made`);
      if (key.columnNames.every((name) => given.has(name))) continue;
      if (parent.oid === table.oid) {
        for (const [name, value] of this.#referringToItself(key, known, values)) values.set(name, value);
        continue;
      }
      const row = await this.#parent(parent, key, tenant, made, [...path, table.oid]).catch((error: unknown) => {
        if (!key.deferrable || !(error instanceof CannotMake)) throw error;
        return undefined;
      });
      if (row === undefined) {
        // Tables that refer to each other in a circle: this key is checked when it is too late.
        await this.#session.query(DEFERRED.sql);
        steps.push(DEFERRED);
        continue;
      }
      steps.push(...row.steps.filter((step) => !steps.includes(step)));
      for (const [at, name] of key.columnNames.entries()) values.set(name, row.values.get(key.targetColumnNames[at]!)!);
    }
    const wanted = this.#keysOf(table, known);
    const insert = await this.#insert(table, known, values, wanted, tenant, maker);
    const row = { steps: [...steps, insert.step], values: insert.values };
    made.set(table.oid, row);
    return row;
  }

  /** Values of a row that is its own parent, as a root is where every row has to have one. */
  #referringToItself(key: ForeignKeyFacts, known: RowTable, values: ReadonlyMap<string, Value>): [string, Value][] {
    return key.columnNames.flatMap((name, at): [string, Value][] => {
      const target = known.columns.find((column) => column.name === key.targetColumnNames[at])!;
      const value = values.get(target.name) ?? candidatesOf(target, known, this.#constantsIn, token())[0];
      if (value === undefined) throw new CannotMake(`column ${target.name} has a type of which no value is known`);
      return [
        [target.name, value],
        [name, value],
      ];
    });
  }

  /** Columns that others refer to: whoever makes the row again has to give them the same values. */
  #keysOf({ oid }: TableFacts, known: RowTable): string[] {
    const keys = [...this.#facts.tables.values()].flatMap(({ foreignKeys }) =>
      foreignKeys.filter(({ target }) => target === oid).flatMap(({ targetColumnNames }) => targetColumnNames),
    );
    const unique = known.constraints.filter(({ kind }) => kind === 'unique').flatMap((one) => columnsOf(one, known));
    return [...new Set([...keys, ...(this.#tellsKeys ? unique : [])])];
  }

  /** The row that a key refers to: of a table without tenants any row will do. */
  async #parent(
    parent: TableFacts,
    key: ForeignKeyFacts,
    tenant: string,
    made: Map<number, MadeRow>,
    path: readonly number[],
  ): Promise<MadeRow> {
    const [maker] = makersFor(this.#facts, parent, this.#settings);
    if (maker === undefined)
      throw new CannotMake(`nobody may make a row of ${displayPath(parent)}, which it refers to`);
    const isTenants = parent.tenantColumn !== undefined;
    const there = made.get(parent.oid);
    if (there !== undefined) return there;
    const found = this.#lineages.has(parent.oid)
      ? undefined
      : await this.#existing(parent, key, isTenants ? tenant : undefined, maker);
    return found ?? this.#make(parent, tenant, maker, made, path);
  }

  async #existing(
    parent: TableFacts,
    key: ForeignKeyFacts,
    tenant: string | undefined,
    maker: Maker,
  ): Promise<MadeRow | undefined> {
    const names = key.targetColumnNames.map((name) => `${quoteIdentifier(name)}::text`);
    const condition =
      tenant === undefined ? '' : `where ${quoteIdentifier(parent.tenantColumn!.name)} = ${quoteLiteral(tenant)}`;
    const sql = `select array[${names.join(', ')}] as found from ${quoteQualified(parent.schema, parent.name)} ${condition} limit 1`;
    const [row] = await this.#asMaker(maker, tenant ?? '', () =>
      this.#session.query<{ found: readonly string[] }>(sql),
    ).catch(() => []);
    if (row === undefined) return undefined;
    return { steps: [], values: new Map(key.targetColumnNames.map((name, at) => [name, row.found[at]!])) };
  }

  async #insert(
    table: TableFacts,
    known: RowTable,
    given: ReadonlyMap<string, Value>,
    wanted: readonly string[],
    tenant: string,
    maker: Maker,
  ): Promise<{ readonly step: Step; readonly values: ReadonlyMap<string, Value> }> {
    let values = new Map(given);
    const candidates = new Map<string, Value[]>();
    const offer = (column: RowColumn) => {
      const list = candidatesOf(column, known, this.#constantsIn, token());
      if (list.length === 0)
        throw new CannotMake(`column ${column.name} has type ${column.type}, of which no value is known`);
      candidates.set(column.name, list);
      values.set(column.name, list[0]!);
    };
    const referring = new Set(table.foreignKeys.flatMap(({ columnNames }) => columnNames));
    const isWanted = ({ name, required, category }: RowColumn) =>
      required || (this.#fillsTexts && category === 'S' && !referring.has(name));
    for (const column of known.columns)
      if (isWanted(column) && !column.fills && !column.generated && !values.has(column.name)) offer(column);
    const choices = new Map<string, Iterator<ReadonlyMap<string, Value>>>();
    let last = '';
    let clashes = 0;
    let likesExample = Object.keys(known.example).length === 0;
    let likesTenant = table.tenantColumn === undefined;
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      const sql = insertSql(table, known, values);
      const answer = await this.#try(`${sql} ${returning(wanted)}`, tenant, maker);
      if (!('error' in answer)) {
        const kept = new Map([...values, ...Object.entries(answer.row)]);
        const step = { role: maker.role, settings: maker.settings(tenant), sql: insertSql(table, known, kept) };
        return { step, values: kept };
      }
      last = answer.error;
      // A row that no partition takes violates a constraint without a name.
      const named = known.constraints.filter(({ name }) => name === (answer.constraint ?? ''));
      const told = columnNamesOf(answer, named, known).filter((name) => !given.has(name));
      if (told.length === 0 && !likesExample) {
        // What refuses names no column: a row that is there was to its liking.
        likesExample = true;
        values = new Map([...values, ...exampleFor(known, given)]);
        continue;
      }
      if (told.length === 0 && !likesTenant) {
        // It may come of what a rule or trigger does elsewhere with what looks like a tenant.
        likesTenant = true;
        values = new Map([...values, ...tenantsFor(table, known, given, tenant)]);
        continue;
      }
      const columns = told.length > 0 ? told : textsOf(known, given, values);
      if (columns.length === 0) break;
      const label = `${answer.sqlState} ${answer.constraint ?? columns.join()}`;
      if (TAKEN.includes(answer.sqlState)) {
        // The same kind of value, of which another token makes another.
        for (const name of columns) {
          const place = Math.max(0, candidates.get(name)?.indexOf(values.get(name)!) ?? 0);
          offer(known.columns.find((column) => column.name === name)!);
          values.set(name, candidates.get(name)![place] ?? values.get(name)!);
        }
        if (++clashes > MOST_CLASHES) break;
        continue;
      }
      for (const name of columns)
        if (!candidates.has(name)) offer(known.columns.find((column) => column.name === name)!);
      const turns = choices.get(label) ?? choicesFor(columns, candidates);
      choices.set(label, turns);
      const next = turns.next();
      if (next.done) break;
      values = new Map([...values, ...next.value]);
    }
    throw new CannotMake(`no row of it could be made: ${last}`);
  }

  async #try(
    sql: string,
    tenant: string,
    maker: Maker,
  ): Promise<
    | { readonly row: Record<string, string | null> }
    | { readonly error: string; readonly sqlState: string; readonly constraint?: string; readonly column?: string }
  > {
    try {
      const [row] = await this.#asMaker(maker, tenant, () =>
        this.#session.query<{ made: Record<string, string | null> }>(sql),
      );
      return { row: row?.made ?? {} };
    } catch (error) {
      const { code, constraint, column } = error as { code?: string; constraint?: string; column?: string };
      if (code === undefined || code === SQLSTATE.canceled) throw error;
      return {
        error: messageOf(error),
        sqlState: code,
        ...(constraint === undefined ? {} : { constraint }),
        ...(column === undefined ? {} : { column }),
      };
    }
  }

  /** In a subtransaction: what fails spoils nothing; what is made stays until the transaction is rolled back. */
  async #asMaker<T>(maker: Maker, tenant: string, use: () => Promise<T>): Promise<T> {
    await this.#session.query('savepoint aisha_db_made');
    try {
      for (const [name, value] of Object.entries(maker.settings(tenant)))
        await this.#session.query('select pg_catalog.set_config($1, $2, true)', [name, value]);
      await this.#session.query("select pg_catalog.set_config('role', $1, true)", [maker.role ?? 'none']);
      const result = await use();
      await this.#session.query("select pg_catalog.set_config('role', 'none', true)");
      await this.#session.query('release savepoint aisha_db_made');
      return result;
    } catch (error) {
      if (this.#session.inTransaction) await this.#session.query('rollback to savepoint aisha_db_made');
      throw error;
    }
  }
}

/** Why no row of a table is made or changed: its triggers would do what no rollback undoes. */
export function whyUntouched(table: TableFacts, call: string): string {
  return `a trigger of ${displayPath(table)} reaches out of its transaction (${call}): what it does there no rollback undoes`;
}

/** Values of a row that is there already, for columns that nothing else decides. */
function exampleFor(
  { columns, constraints, example }: RowTable,
  given: ReadonlyMap<string, Value>,
): (readonly [string, Value])[] {
  const unique = new Set(constraints.filter(({ kind }) => kind === 'unique').flatMap((one) => one.columns));
  return columns
    .filter(({ name, number, generated, fills }) => !generated && !fills && !given.has(name) && !unique.has(number))
    .flatMap(({ name }) => (example[name] == null ? [] : [[name, example[name]] as const]));
}

/** The tenant in every column that may hold it, is no key and refers to nothing. */
function tenantsFor(
  { tenantColumn, foreignKeys }: TableFacts,
  { columns, constraints }: RowTable,
  given: ReadonlyMap<string, Value>,
  tenant: string,
): (readonly [string, Value])[] {
  const unique = new Set(constraints.filter(({ kind }) => kind === 'unique').flatMap((one) => one.columns));
  const referring = new Set(foreignKeys.flatMap(({ columnNames }) => columnNames));
  return columns
    .filter(({ type, generated }) => type === tenantColumn!.type && !generated)
    .filter(({ name, number }) => !given.has(name) && !unique.has(number) && !referring.has(name))
    .map(({ name }) => [name, tenant]);
}

/** Texts of the row of which a trigger may demand something; a few, since every one is tried with every other. */
function textsOf(
  { columns, triggerTexts }: RowTable,
  given: ReadonlyMap<string, Value>,
  values: ReadonlyMap<string, Value>,
): string[] {
  if (triggerTexts.length === 0) return [];
  return columns
    .filter(({ name, category }) => category === 'S' && values.has(name) && !given.has(name))
    .map(({ name }) => name)
    .slice(0, 2);
}

/** A key whose columns can stay empty asks for nothing. */
function isNeeded(key: ForeignKeyFacts, { tenantColumn }: TableFacts, { columns }: RowTable): boolean {
  const own = key.columns.map((number) => columns.find((column) => column.number === number));
  const given = (column: RowColumn | undefined) => column?.required || column?.name === tenantColumn?.name;
  return own.every(given) && !own.every((column) => column?.name === tenantColumn?.name && key.columns.length === 1);
}

function columnNamesOf(
  { column, sqlState }: { readonly sqlState: string; readonly column?: string },
  named: readonly RowTable['constraints'][number][],
  known: RowTable,
): string[] {
  if (column !== undefined && sqlState === '23502') return [column];
  return [...new Set(named.flatMap((one) => columnsOf(one, known)))];
}

function insertSql(table: TableFacts, known: RowTable, values: ReadonlyMap<string, Value>): string {
  const columns = known.columns.filter(({ name, generated }) => values.has(name) && !generated);
  const name = quoteQualified(table.schema, table.name);
  if (columns.length === 0) return `insert into ${name} default values`;
  const list = columns.map((column) => quoteIdentifier(column.name)).join(', ');
  const row = columns.map((column) => sqlValue(values.get(column.name)!, column.type)).join(', ');
  const overriding = columns.some(({ identity }) => identity) ? ' overriding system value' : '';
  return `insert into ${name} (${list})${overriding} values (${row})`;
}

/** A value as SQL; a cast says how to read it. */
export function sqlValue(value: Value, type: string): string {
  return value === null ? 'null' : `${quoteLiteral(value)}::${type}`;
}

function returning(columns: readonly string[]): string {
  const pairs = columns.flatMap((name) => [quoteLiteral(name), `${quoteIdentifier(name)}::text`]);
  return `returning pg_catalog.jsonb_build_object(${pairs.join(', ')}) as made`;
}

/** 32 hexadecimal digits that no other row has. */
export function token(): string {
  return crypto.randomUUID().replaceAll('-', '');
}
