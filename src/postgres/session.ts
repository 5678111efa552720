import type { Client, QueryResult } from 'pg';
import { type ConnectOptions, connect, type Notice } from './connect.ts';
import { inTurn } from './in-turn.ts';
import { type Reported, reportedBy } from './reported.ts';
import type { Target } from './target.ts';

/** What became of one message of SQL. */
export interface ScriptOutcome {
  /** How many statements of it completed: the next one failed when there is an error. */
  readonly completed: number;
  /** Command tags of the statements that completed: `UPDATE 3`; kept only when asked for. */
  readonly tags: readonly string[];
  /** The first column of each row that was returned, as text; as many of the last ones as are to be kept. */
  readonly values: readonly (string | null)[];
  /** The same of the first ones. */
  readonly begun: readonly (string | null)[];
  readonly error: Error | undefined;
}

export interface ScriptOptions {
  /** Rows for each COPY ... FROM STDIN in the message, in order. */
  readonly copies?: readonly Uint8Array[];
  readonly keepTags?: boolean;
  /** How many of the values; true: all of them. */
  readonly keepValues?: boolean | number;
  /** How many of the first ones besides. */
  readonly keepBegun?: number;
}

/** A statement with parameters of these types. */
export interface Preparable {
  readonly sql: string;
  readonly types: readonly string[];
}

/** One connection: bound queries for the program's own questions, whole scripts for other people's SQL. */
export class Session {
  readonly client: Client;
  readonly target: Target;

  #messages = 0;
  /** The script that the server's next answers belong to, and those behind it, which are sent already. */
  #answering: ScriptQuery | undefined;
  readonly #behind: ScriptQuery[] = [];
  readonly #reported: Reported;

  protected constructor(client: Client, target: Target) {
    this.client = client;
    this.target = target;
    this.#reported = reportedBy(client);
  }

  /** @throws AishaError (connection) */
  static async open(target: Target, options: ConnectOptions): Promise<Session> {
    const { onNotice } = options;
    let answering = (): ScriptQuery | undefined => undefined;
    const take = (notice: Notice) => {
      const isHeld = answering()?.hold(() => onNotice?.(notice));
      if (isHeld !== true) onNotice?.(notice);
    };
    const session = new Session(await connect(target, { ...options, onNotice: onNotice && take }), target);
    answering = () => session.#answering;
    await session.#readAsWritten();
    return session;
  }

  /** Process number the server announced at log-in; behind a pooler it is the pooler's invention. */
  get announcedPid(): number {
    return (this.client as unknown as { processID: number }).processID;
  }

  /** True while a transaction is open or failed, by the server's last word. */
  get inTransaction(): boolean {
    const status = (this.client as unknown as { getTransactionStatus(): string | null }).getTransactionStatus();
    return status === 'T' || status === 'E';
  }

  /** True once the connection is gone, whoever ended it. */
  get isCut(): boolean {
    return (this.client as unknown as { connection: { stream: { destroyed: boolean } } }).connection.stream.destroyed;
  }

  /** How many messages were sent by query and script: whether anybody used the session in the meantime. */
  get messages(): number {
    return this.#messages;
  }

  /** Rows of one statement with bound parameters; of several without any, those of the last. */
  async query<Row>(text: string, values: readonly unknown[] = []): Promise<Row[]> {
    this.#begin();
    const results: unknown = await inTurn(this.client, () => this.client.query(text, values as unknown[]));
    const last = Array.isArray(results) ? results.at(-1) : results;
    return (last as QueryResult).rows as Row[];
  }

  /**
   * Sends SQL as one message of the simple query protocol: the server parses it whole, then runs statement after
   * statement (PostgreSQL docs, "Simple Query"). Bytes go out as they are; nothing of a 50 MB file is decoded here.
   */
  script(chunks: readonly (Uint8Array | string)[], options: ScriptOptions = {}): Promise<ScriptOutcome> {
    return this.#send(queryMessage(chunks), options);
  }

  /** Sets a session setting to the joined chunks, as a bound parameter; like a script, without copying them. */
  setSetting(name: string, chunks: readonly Uint8Array[]): Promise<ScriptOutcome> {
    return this.#send(boundMessages(`select pg_catalog.set_config('${name}', $1, false)`, chunks), {});
  }

  /**
   * Sends a script behind those that are under way: the server begins it as soon as it has answered them. Nothing else
   * may be sent until what this returns was called and has answered. Notices wait for that call, so that none is told
   * before what is in front of it.
   */
  scriptAhead(chunks: readonly (Uint8Array | string)[]): () => Promise<ScriptOutcome> {
    this.#messages++;
    let release = (): void => {};
    const answered = new Promise<ScriptOutcome>((resolve) => {
      const script = new ScriptQuery(queryMessage(chunks), {}, this.#ending(resolve));
      release = script.holdNotices();
      script.send((this.client as unknown as { readonly connection: Wire }).connection);
      if (this.#answering) this.#behind.push(script);
      else this.#answer(script);
    });
    return async () => {
      release();
      const outcome = await answered;
      await this.#readAsWritten();
      return outcome;
    };
  }

  /**
   * Sends each as a message of its own, without waiting between them. The server keeps with a prepared statement the
   * message that made it, whole, and copies it whenever it runs or is listed.
   * @returns what the first of them that failed failed of; those behind it ran all the same
   */
  async scripts(texts: readonly string[]): Promise<Error | undefined> {
    const [first, ...others] = texts;
    if (first === undefined) return undefined;
    const begun = this.script([first]);
    const ahead = others.map((text) => this.scriptAhead([text]));
    const errors = [(await begun).error];
    for (const outcome of ahead) errors.push((await outcome()).error);
    return errors.find((error) => error !== undefined);
  }

  async #send(message: readonly Uint8Array[], options: ScriptOptions): Promise<ScriptOutcome> {
    this.#begin();
    const outcome = await inTurn(this.client, () => this.#submit(message, options));
    await this.#readAsWritten();
    return outcome;
  }

  #begin(): void {
    this.#messages++;
    if (this.#behind.length > 0) throw new Error('a script that was sent ahead has not been asked after');
  }

  #submit(message: readonly Uint8Array[], options: ScriptOptions): Promise<ScriptOutcome> {
    return new Promise((resolve) => this.#answer(new ScriptQuery(message, options, this.#ending(resolve))));
  }

  #answer(script: ScriptQuery): void {
    this.#answering = script;
    // pg runs anything that has a submit method; its types only know its own queries.
    this.client.query(script as never);
  }

  /** pg wants to know of a query before its answers arrive, and of one at a time, also when they are sent already. */
  #ending(resolve: (outcome: ScriptOutcome) => void): (outcome: ScriptOutcome) => void {
    return (outcome) => {
      this.#answering = undefined;
      const next = this.#behind.shift();
      if (next) this.#answer(next);
      resolve(outcome);
    };
  }

  /**
   * What a script has set, or the database sets for everyone, must not change how the next message is read: each is
   * UTF-8, and a backslash in '...' is one. A failed transaction takes nothing and gives back what was.
   */
  async #readAsWritten(): Promise<void> {
    if (this.#answering || this.#reported.isAsWritten() || !this.#takesStatements) return;
    this.#messages++;
    await this.#submit(queryMessage(['set client_encoding = utf8; set standard_conforming_strings = on']), {});
  }

  get #takesStatements(): boolean {
    const status = (this.client as unknown as { getTransactionStatus(): string | null }).getTransactionStatus();
    return status === 'T' || status === 'I';
  }

  /**
   * Runs statements in a read-only transaction of their own, as one message, and rolls it back.
   * @returns what the rows told that were returned before one of them failed, if one did
   */
  async readOnly(statements: readonly string[]): Promise<Pick<ScriptOutcome, 'values' | 'error'>> {
    const outcome = await this.script([[this.opening, ...statements, this.closing].join(';')], { keepValues: true });
    if (outcome.error !== undefined) await this.undo();
    return outcome;
  }

  /**
   * The statements of a message that run a prepared one; values are SQL. Where the session is one that keeps what is
   * planned (planned-session.ts), that is done once.
   */
  executing(statement: Preparable, values: readonly string[]): readonly string[] {
    const name = 'aisha_db_once';
    return [preparing(name, statement), executing(name, values), `deallocate ${name}`];
  }

  protected readonly opening: string = 'begin transaction read only';
  protected readonly closing: string = 'rollback';

  /** Ends a transaction that is open or has failed; a lost connection has ended it already. */
  async undo(): Promise<void> {
    if (this.inTransaction) await this.script(['rollback']);
  }

  /** Closes the connection; never throws, also when it is already lost. */
  async close(): Promise<void> {
    await this.client.end().catch(() => {});
  }

  /** Cuts the connection without a word: for a statement that does not end. */
  destroy(): void {
    (this.client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
  }
}

/**
 * SQL that prepares a query (PostgreSQL docs, PREPARE). Whenever it runs the server copies what it selects, subqueries and
 * all (FetchPreparedStatementTargetList): hence the outer one, of which nothing is left in the plan.
 */
export function preparing(name: string, { sql, types }: Preparable): string {
  return `prepare ${name}${types.length === 0 ? '' : ` (${types})`} as select * from (${sql}) told`;
}

/** SQL that runs one that was prepared; values are SQL. */
export function executing(name: string, values: readonly string[]): string {
  return `execute ${name}${values.length === 0 ? '' : ` (${values})`}`;
}

/** What pg hands to a query of our own: enough to write to the server. */
interface Wire {
  readonly stream: { cork(): void; uncork(): void; write(chunk: Uint8Array): boolean };
  on(event: 'readyForQuery' | 'end', listener: () => void): this;
  off(event: 'readyForQuery' | 'end', listener: () => void): this;
  sendCopyFromChunk(chunk: Buffer): void;
  endCopyFrom(): void;
  sendCopyFail(reason: string): void;
}

/** COPY data is sent in pieces of this size (bytes): one piece of 50 MB would be held twice in memory. */
const COPY_CHUNK = 256 * 1024;

/**
 * A query that counts the statements that complete, which pg's own does not tell when one fails, and that feeds COPY.
 * pg calls these methods for whatever is passed to `client.query` with a `submit` method.
 */
class ScriptQuery {
  readonly #message: readonly Uint8Array[];
  readonly #copies: readonly Uint8Array[];
  readonly #keepTags: boolean;
  readonly #mostValues: number;
  readonly #resolve: (outcome: ScriptOutcome) => void;
  #isSent = false;
  /** Notices to be told later; none where they are told as they come. */
  #held: (() => void)[] | undefined;
  #completed = 0;
  #copied = 0;
  readonly #tags: string[] = [];
  readonly #values: (string | null)[] = [];
  readonly #mostBegun: number;
  readonly #begun: (string | null)[] = [];

  constructor(message: readonly Uint8Array[], options: ScriptOptions, resolve: (outcome: ScriptOutcome) => void) {
    this.#message = message;
    this.#copies = options.copies ?? [];
    this.#keepTags = options.keepTags ?? false;
    this.#mostValues = options.keepValues === true ? Number.POSITIVE_INFINITY : Number(options.keepValues ?? 0);
    this.#mostBegun = options.keepBegun ?? 0;
    this.#resolve = resolve;
  }

  submit(wire: Wire): void {
    if (!this.#isSent) this.send(wire);
  }

  send(wire: Wire): void {
    this.#isSent = true;
    wire.stream.cork();
    for (const chunk of this.#message) wire.stream.write(chunk);
    wire.stream.uncork();
  }

  /** Returns what tells them, and those that come later at once. */
  holdNotices(): () => void {
    this.#held = [];
    return () => {
      for (const tell of this.#held ?? []) tell();
      this.#held = undefined;
    };
  }

  /** True when it is told later. */
  hold(tell: () => void): boolean {
    this.#held?.push(tell);
    return this.#held !== undefined;
  }

  handleCommandComplete(message: { readonly text: string }): void {
    this.#completed++;
    if (this.#keepTags) this.#tags.push(message.text);
  }

  handleCopyInResponse(wire: Wire): void {
    const rows = this.#copies[this.#copied++];
    if (rows === undefined) {
      wire.sendCopyFail('the file holds no data for this COPY');
      return;
    }
    // pg copies with a method that only a Buffer has.
    const bytes = Buffer.from(rows.buffer, rows.byteOffset, rows.length);
    for (let at = 0; at < bytes.length; at += COPY_CHUNK) wire.sendCopyFromChunk(bytes.subarray(at, at + COPY_CHUNK));
    wire.endCopyFrom();
  }

  /**
   * The server tells of an error before it has cleaned up: the outcome is known only when it is ready again, and with it
   * whether a transaction is open. A connection that is lost is never ready again.
   */
  handleError(error: Error, wire: Wire): void {
    const tell = () => {
      wire.off('readyForQuery', tell).off('end', tell);
      this.#resolve(this.#outcome(error));
    };
    if ('severity' in error) wire.on('readyForQuery', tell).on('end', tell);
    else tell();
  }

  handleReadyForQuery(): void {
    this.#resolve(this.#outcome(undefined));
  }

  #outcome(error: Error | undefined): ScriptOutcome {
    return { completed: this.#completed, tags: this.#tags, values: this.#values, begun: this.#begun, error };
  }

  handleDataRow({ fields }: { readonly fields: readonly (string | null)[] }): void {
    if (this.#begun.length < this.#mostBegun) this.#begun.push(fields[0] ?? null);
    if (this.#mostValues === 0) return;
    this.#values.push(fields[0] ?? null);
    if (this.#values.length > this.#mostValues) this.#values.shift();
  }

  // Rows that a script's own SELECT returns have nowhere to go; psql would print them.
  handleRowDescription(): void {}
  handleEmptyQuery(): void {}
  handlePortalSuspended(): void {}
  handleCopyData(): void {}
}

/** The Query message: 'Q', length, text, zero byte. Small parts are joined so that they leave in one packet. */
function queryMessage(chunks: readonly (Uint8Array | string)[]): Uint8Array[] {
  const parts = chunks.map((chunk) => (typeof chunk === 'string' ? Buffer.from(chunk) : chunk));
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const head = Buffer.alloc(5);
  head[0] = 0x51;
  head.writeInt32BE(length + 5, 1);
  const tail = Buffer.alloc(1);
  return length < 64 * 1024 ? [Buffer.concat([head, ...parts, tail])] : [head, ...parts, tail];
}

/** Parse, Bind, Execute and Sync of a statement with one parameter in text format (PostgreSQL docs 55.2.3, 55.7). */
function boundMessages(text: string, value: readonly Uint8Array[]): Uint8Array[] {
  const length = value.reduce((sum, part) => sum + part.length, 0);
  const parse = message('P', [Buffer.from(`\0${text}\0`), int16(0)]);
  const head = [Buffer.from('\0\0'), int16(0), int16(1), int32(length)];
  const bind = message('B', [...head, ...value, int16(0)]);
  const execute = message('E', [Buffer.from('\0'), int32(0)]);
  return [...parse, ...bind, ...execute, ...message('S', [])];
}

function message(type: string, parts: readonly Uint8Array[]): Uint8Array[] {
  const length = parts.reduce((sum, part) => sum + part.length, 4);
  return [Buffer.from(type), int32(length), ...parts];
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}
