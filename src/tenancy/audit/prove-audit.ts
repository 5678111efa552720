import { messageOf } from '../../errors.ts';
import { quoteIdentifier, quoteLiteral } from '../../postgres/quote.ts';
import type { Session } from '../../postgres/session.ts';
import { assembleFacts } from '../assemble.ts';
import { readSnapshot } from '../catalog/snapshot.ts';
import { readTriggerTexts } from '../catalog/trigger-texts.ts';
import { settingsOf } from '../contexts.ts';
import type { RlsFacts, TableFacts } from '../facts.ts';
import { loadParse } from '../parse.ts';
import { type MadeRow, RowMaker, token } from '../proof/make-rows.ts';
import { type Maker, makersFor } from '../proof/makers.ts';
import type { RowColumn } from '../proof/row-columns.ts';
import { freshTenant } from '../proof/row-values.ts';
import type { Step } from '../proof/run-probes.ts';
import { sqlName } from '../proposal.ts';
import type { TenancySettings } from '../settings.ts';
import {
  AUDIT_EVENTS,
  type AuditEvent,
  type AuditedTable,
  type AuditProof,
  type Fired,
  judgeEvent,
  whyNotFired,
} from './audit.ts';
import { readAuditedTables, readInserted, readWritten } from './read-audit.ts';

/** What a run of the proof found. */
export interface AuditRun {
  readonly tables: readonly AuditedTable[];
  readonly proofs: readonly AuditProof[];
}

/** Columns that are changed in turn where an UPDATE that changes nothing fires nothing. */
const MOST_COLUMNS = 8;

/**
 * Fires the audit triggers of every table that has some, in a transaction for each that is rolled back, and looks which
 * tables got rows by it. No lock is waited for longer than a quarter of a second.
 * @param onTable called before each table
 */
export async function proveAudit(
  session: Session,
  settings: TenancySettings,
  onTable: (done: number, total: number) => void,
): Promise<AuditRun> {
  const tables = await readAuditedTables(session);
  if (tables.length === 0) return { tables, proofs: [] };
  const catalog = assembleFacts(await readSnapshot(session, settings), settings);
  const facts: RlsFacts = {
    ...catalog,
    classes: new Map(),
    tenantSettings: [''],
    tenantClaims: [],
    foundColumns: [],
    isSettingRead: true,
    userSettings: [],
    memberships: [],
  };
  const parse = await loadParse();
  const ofTenant = (id: string) => sessionOf(settings, id);
  const maker = new RowMaker(session, facts, ofTenant, (text) => parse(text)?.constants ?? [], { tellsKeys: true });
  const proofs: AuditProof[] = [];
  for (const [done, table] of tables.entries()) {
    onTable(done, tables.length);
    const prover = new TableProver(session, facts, maker, table, ofTenant);
    proofs.push(...(await prover.prove()));
  }
  return { tables, proofs };
}

/** What a session says that writes for a tenant. */
function sessionOf({ settings, claims, columns }: TenancySettings, id: string): Readonly<Record<string, string>> {
  const source = { settings, claims, columns };
  return settingsOf('own', source, { own: id, other: id, unknown: id }, 'authenticated');
}

type Events = Partial<Record<AuditEvent, Fired>>;

class TableProver {
  readonly #session: Session;
  readonly #facts: RlsFacts;
  readonly #maker: RowMaker;
  readonly #audited: AuditedTable;
  readonly #ofTenant: (id: string) => Readonly<Record<string, string>>;

  constructor(
    session: Session,
    facts: RlsFacts,
    maker: RowMaker,
    audited: AuditedTable,
    ofTenant: (id: string) => Readonly<Record<string, string>>,
  ) {
    this.#session = session;
    this.#facts = facts;
    this.#maker = maker;
    this.#audited = audited;
    this.#ofTenant = ofTenant;
  }

  async prove(): Promise<AuditProof[]> {
    const { triggers } = this.#audited;
    const events = AUDIT_EVENTS.filter((event) => triggers.some((trigger) => trigger.events.includes(event)));
    const fired = await this.#fireAll();
    return events.map((event) => judgeEvent(this.#audited, event, fired[event] ?? { impossible: 'it was not tried' }));
  }

  async #fireAll(): Promise<Events> {
    const table = this.#facts.tables.get(this.#audited.oid);
    if (table === undefined) return everywhere('the table belongs to an extension or cannot be seen');
    const untouched = whyNotFired(await readTriggerTexts(this.#session, table.oid));
    if (untouched !== undefined) return everywhere(untouched);
    const makers = makersFor(this.#facts, table, this.#ofTenant);
    const [maker] = makers;
    if (maker === undefined)
      return everywhere(`${this.#facts.reader.name} may not write it, nor become anybody who may`);
    await this.#session.query('begin');
    try {
      await this.#session.query(
        "set local lock_timeout = '250ms'; set local statement_timeout = '5s'; set constraints all immediate",
      );
      const why = await this.#whyBlind();
      if (why !== undefined) return everywhere(why);
      const steps = await this.#stepsOf(table, maker);
      return typeof steps === 'string' ? await this.#onExisting(table, maker, steps) : await this.#onMade(table, steps);
    } catch (error) {
      if (!this.#session.inTransaction) throw error;
      return everywhere(messageOf(error));
    } finally {
      await this.#session.undo();
    }
  }

  /** Why rows that are written would not be noticed here. */
  async #whyBlind(): Promise<string | undefined> {
    const [row] = await this.#session.query<{ counts: boolean; replica: boolean; readonly: boolean }>(
      `select current_setting('track_counts')::bool as counts,
        current_setting('session_replication_role') = 'replica' as replica,
        current_setting('transaction_read_only')::bool as readonly`,
    );
    if (row!.readonly) return 'nothing can be written here: the server or the session is read-only';
    if (row!.replica) return 'session_replication_role is replica for this login: no ordinary trigger fires';
    return row!.counts ? undefined : 'track_counts is off: the server does not say what is written';
  }

  /** What makes a row of a tenant of its own, the row itself last; or why there can be none. */
  async #stepsOf(table: TableFacts, maker: Maker): Promise<readonly Step[] | string> {
    const registry = [...this.#facts.tables.values()].find(({ isRegistry }) => isRegistry);
    const id = freshTenant((table.tenantColumn ?? registry?.tenantColumn)?.category ?? 'U', token());
    await this.#session.query('savepoint aisha_db_making');
    try {
      const made = new Map<number, MadeRow>();
      if (registry !== undefined && table.tenantColumn !== undefined && !table.isRegistry)
        await this.#maker.makeTenant(registry, id, made);
      const { steps } = await this.#maker.make(table, id, maker, made);
      const parents = [...made.values()].flatMap((row) => row.steps).filter((step) => step !== steps.at(-1));
      return [...new Set(parents), steps.at(-1)!];
    } catch (error) {
      if (!this.#session.inTransaction) throw error;
      return messageOf(error);
    } finally {
      await this.#session.query('rollback to savepoint aisha_db_making');
    }
  }

  /** Makes the row, changes it and removes it. */
  async #onMade(table: TableFacts, steps: readonly Step[]): Promise<Events> {
    for (const step of steps.slice(0, -1)) await this.#as(step, () => this.#session.query(step.sql));
    const own = steps.at(-1)!;
    const { fired: INSERT, place } = await this.#measure(own);
    if (place === undefined) return { ...everywhere('no row of it could be made'), INSERT };
    const UPDATE = await this.#update(table, own, place);
    const { fired: DELETE } = await this.#measure({ ...own, sql: `delete from ${sqlName(table)} ${at(place)}` });
    return { INSERT, UPDATE, DELETE };
  }

  /** A row that is there already is changed to what it is, and neither removed nor made again. */
  async #onExisting(table: TableFacts, maker: Maker, why: string): Promise<Events> {
    const step: Step = { role: maker.role, settings: maker.settings(''), sql: '' };
    if (Object.keys(step.settings).length > 0) return everywhere(why);
    const [place] = await this.#as(step, () =>
      this.#session.query<Place>(`select ${PLACE} from ${sqlName(table)} limit 1 for update skip locked`),
    );
    if (place === undefined) return everywhere(why);
    return { ...everywhere(why), UPDATE: await this.#update(table, step, place) };
  }

  /** Changes nothing first; where a trigger looks whether something changed, one column after the other. */
  async #update(table: TableFacts, step: Step, place: Place): Promise<Fired> {
    const { columns } = await this.#maker.table(table, { role: step.role, settings: () => step.settings });
    const free = columns.filter(({ generated, identity }) => !generated && !identity);
    if (free.length === 0) return { impossible: 'it has no column that could be updated' };
    const same = free.map(({ name }) => `${quoteIdentifier(name)} = ${quoteIdentifier(name)}`).join(', ');
    const assignments = [same, ...free.flatMap(changeOf).slice(0, MOST_COLUMNS)];
    let last: Fired | undefined;
    for (const assignment of assignments) {
      const sql = `update ${sqlName(table)} set ${assignment} ${at(place)}`;
      const { fired } = await this.#measure({ ...step, sql }, true);
      if ('written' in fired && judgeEvent(this.#audited, 'UPDATE', fired).verdict === 'firing') return fired;
      // What a constraint refuses says nothing of the triggers; a change that went through does.
      if (last === undefined || 'written' in fired) last = fired;
    }
    return last!;
  }

  /** Runs a statement in a subtransaction and tells which tables got rows by it. */
  async #measure(step: Step, isUndone = false): Promise<{ readonly fired: Fired; readonly place?: Place | undefined }> {
    const before = await readInserted(this.#session);
    await this.#session.query('savepoint aisha_db_fired');
    try {
      const [place] = await this.#as(step, () => this.#session.query<Place>(`${step.sql} returning ${PLACE}`));
      const after = await readInserted(this.#session);
      const grown = [...after].filter(([oid, count]) => count > (before.get(oid) ?? 0)).map(([oid]) => oid);
      const others = grown.filter((oid) => !this.#isOwn(oid));
      const written = await readWritten(this.#session, others);
      if (isUndone) await this.#session.query('rollback to savepoint aisha_db_fired');
      return { fired: { written, changed: place !== undefined }, place };
    } catch (error) {
      if (!this.#session.inTransaction) throw error;
      await this.#session.query('rollback to savepoint aisha_db_fired');
      return { fired: { impossible: `the statement fails: ${messageOf(error)}` } };
    }
  }

  /** The table itself, or a partition of it. */
  #isOwn(oid: number): boolean {
    for (let at = this.#facts.tables.get(oid); at !== undefined; at = this.#facts.tables.get(at.parents[0] ?? 0))
      if (at.oid === this.#audited.oid) return true;
    return false;
  }

  /** Role and settings end with the subtransaction of whoever calls, or are put back. */
  async #as<T>({ role, settings }: Step, use: () => Promise<T>): Promise<T> {
    for (const [name, value] of Object.entries(settings))
      await this.#session.query('select pg_catalog.set_config($1, $2, true)', [name, value]);
    await this.#session.query("select pg_catalog.set_config('role', $1, true)", [role ?? 'none']);
    const result = await use();
    await this.#session.query("select pg_catalog.set_config('role', 'none', true)");
    return result;
  }
}

/** Where a row is. */
interface Place {
  readonly ctid: string;
  readonly tableoid: string;
}

const PLACE = 'ctid::text as ctid, tableoid::int8::text as tableoid';

function at({ ctid, tableoid }: Place): string {
  return `where ctid = ${quoteLiteral(ctid)} and tableoid = ${tableoid}`;
}

function everywhere(impossible: string): Events {
  return { INSERT: { impossible }, UPDATE: { impossible }, DELETE: { impossible } };
}

/** A value that differs from the one that is there, for types where one is at hand. */
function changeOf({ name, type, category }: RowColumn): string[] {
  const column = quoteIdentifier(name);
  switch (category) {
    case 'B':
      return [`${column} = not coalesce(${column}, false)`];
    case 'D':
      return /^(date|timestamp)/.test(type)
        ? [`${column} = coalesce(${column}, pg_catalog.now()) + interval '1 day'`]
        : [];
    case 'N':
      return [`${column} = coalesce(${column}, 0) + 1`];
    case 'S':
      return [`${column} = pg_catalog.reverse(coalesce(${column}, '') || 'a')`];
    default:
      return type === 'jsonb' ? [`${column} = '{"a": 1}'`] : [];
  }
}
