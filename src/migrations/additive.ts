import { latin, Scanner, TOKEN, type Token } from './scanner.ts';

/**
 * What a file that only adds takes along: `functions` where it makes functions, which may stand in for others that were
 * called by the same name.
 */
export type Additions = 'plain' | 'functions';

/**
 * Recognises a file that only adds: new tables with their policies, indexes and rows, new columns, comments, functions
 * that run as their caller. Such a file runs nobody's code while it is applied (no trigger, no function but a few of the
 * server's own, no cast or operator of a user's) and leaves the session as it was. That is read from its tokens, by a
 * grammar that knows a part of PostgreSQL's and takes everything else for something else: `undefined` promises nothing.
 * It is far cheaper than a syntax tree, which a test holds it against.
 * @param sql a file's statements without its own BEGIN and COMMIT, in which the server has found no syntax error
 */
export function additionsOf(sql: Uint8Array): Additions | undefined {
  const reader = new AdditionReader(sql);
  let additions: Additions = 'plain';
  for (let kind = reader.statement(); kind !== 'end'; kind = reader.statement()) {
    if (kind === undefined) return undefined;
    if (kind === 'function') additions = 'functions';
  }
  return additions;
}

/** Kinds of values, as far as the server's own casts bring one to the other. */
type Kind = 'number' | 'whole' | 'bool' | 'time' | 'uuid' | 'other';

/** A value's kind; `any`: a literal without a type, NULL or DEFAULT, which the column's own type reads. */
type ValueKind = Kind | 'any' | { readonly cast: string };

interface Column {
  readonly type: string;
  readonly kind: Kind;
}

/** Types of pg_catalog, as they are called in SQL. */
const TYPES: ReadonlyMap<string, Kind> = new Map([
  ['bigint', 'whole'],
  ['int8', 'whole'],
  ['integer', 'whole'],
  ['int', 'whole'],
  ['int4', 'whole'],
  ['smallint', 'whole'],
  ['int2', 'whole'],
  ['numeric', 'number'],
  ['decimal', 'number'],
  ['real', 'number'],
  ['float4', 'number'],
  ['float8', 'number'],
  ['double precision', 'number'],
  ['boolean', 'bool'],
  ['bool', 'bool'],
  ['timestamptz', 'time'],
  ['timestamp', 'time'],
  ['timestamp with time zone', 'time'],
  ['timestamp without time zone', 'time'],
  ['date', 'time'],
  ['uuid', 'uuid'],
  ['text', 'other'],
  ['varchar', 'other'],
  ['character varying', 'other'],
  ['char', 'other'],
  ['character', 'other'],
  ['json', 'other'],
  ['jsonb', 'other'],
  ['bytea', 'other'],
  ['interval', 'other'],
  ['inet', 'other'],
  ['cidr', 'other'],
]);

const ACCESS_METHODS: ReadonlySet<string> = new Set(['btree', 'hash', 'gin', 'gist', 'spgist', 'brin']);
/** It would run as its owner, is believed to tell nothing, or holds semicolons. */
const NOT_IN_FUNCTIONS = ['definer', 'leakproof', 'atomic'];
const LANGUAGES: ReadonlySet<string> = new Set(['sql', 'plpgsql', "'sql'", "'plpgsql'"]);
const TABLE_ELEMENTS: ReadonlySet<string> = new Set([
  'constraint',
  'primary',
  'unique',
  'foreign',
  'check',
  'exclude',
  'like',
]);
const COMPARISONS: ReadonlySet<string> = new Set(['=', '<>', '!=', '<', '>', '<=', '>=']);

/** Thrown inside of a statement, caught around it: the text is no longer one that is known here. */
class Unknown extends Error {}
const UNKNOWN = new Unknown();

class AdditionReader {
  readonly #scanner: Scanner;
  #token: Token;
  /** Tables that the file has made itself, with their columns where all that a new row evaluates is known. */
  readonly #tables = new Map<string, ReadonlyMap<string, Column> | undefined>();

  constructor(sql: Uint8Array) {
    this.#scanner = new Scanner(sql);
    this.#token = this.#scanner.next();
  }

  /** Reads one statement. */
  statement(): 'end' | 'addition' | 'function' | undefined {
    while (this.#token === TOKEN.semicolon) this.#advance();
    if (this.#token === TOKEN.end) return 'end';
    try {
      return this.#known();
    } catch (error) {
      if (error === UNKNOWN) return undefined;
      throw error;
    }
  }

  #known(): 'addition' | 'function' {
    if (this.#takes('create')) return this.#create();
    if (this.#takes('alter', 'table')) this.#alterTable();
    else if (this.#takes('insert', 'into')) this.#insert();
    else if (this.#takes('comment', 'on')) this.#toTheEnd();
    else throw UNKNOWN;
    return 'addition';
  }

  #create(): 'addition' | 'function' {
    if (this.#takes('table')) this.#createTable();
    else if (this.#takes('unique', 'index') || this.#takes('index')) this.#createIndex();
    else if (this.#takes('policy')) this.#createPolicy();
    else if (this.#takes('type')) this.#createEnum();
    else {
      if (this.#takes('or')) this.#expect('replace');
      this.#expect('function');
      this.#createFunction();
      return 'function';
    }
    return 'addition';
  }

  // ── statements ────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Making a table evaluates nothing of it; what a row of it would evaluate may be known all the same. */
  #createTable(): void {
    const mayExist = this.#takes('if', 'not', 'exists');
    const name = this.#name();
    const inside = this.#scanner.end;
    this.#open();
    let columns: ReadonlyMap<string, Column> | undefined;
    try {
      columns = this.#columns();
    } catch (error) {
      if (error !== UNKNOWN) throw error;
      this.#scanner.skipTo(inside);
      this.#advance();
      this.#closeParenthesis();
    }
    this.#endOfStatement();
    if (!mayExist) this.#tables.set(name, columns);
  }

  #createIndex(): void {
    this.#takes('if', 'not', 'exists');
    if (!this.#takes('on')) {
      this.#identifier();
      this.#expect('on');
    }
    this.#takes('only');
    this.#name();
    if (this.#takes('using') && !ACCESS_METHODS.has(this.#identifier())) throw UNKNOWN;
    this.#open();
    do {
      this.#identifier();
      if (!this.#takes('asc')) this.#takes('desc');
      if (this.#takes('nulls') && !this.#takes('first')) this.#expect('last');
    } while (this.#symbol(','));
    this.#close();
    this.#endOfStatement();
  }

  /** A policy is stored, not evaluated; one of a table that was there before may open it. */
  #createPolicy(): void {
    this.#identifier();
    this.#expect('on');
    if (!this.#tables.has(this.#name())) throw UNKNOWN;
    this.#toTheEnd();
  }

  #createEnum(): void {
    this.#name();
    this.#expect('as');
    this.#expect('enum');
    this.#open();
    if (this.#token !== TOKEN.close)
      do this.#string();
      while (this.#symbol(','));
    this.#close();
    this.#endOfStatement();
  }

  /** Its body is stored; the validators of these two languages run none of it. */
  #createFunction(): void {
    this.#name();
    let language: string | undefined;
    let depth = 0;
    for (; this.#token !== TOKEN.end && !(this.#token === TOKEN.semicolon && depth === 0); this.#advance()) {
      if (this.#token === TOKEN.open) depth++;
      else if (this.#token === TOKEN.close) depth--;
      else if (NOT_IN_FUNCTIONS.some((word) => this.#is(word))) throw UNKNOWN;
      else if (this.#takes('set')) {
        // With a role it would run as that; whatever is quoted may be one.
        if (this.#token !== TOKEN.word || this.#is('role')) throw UNKNOWN;
      } else if (this.#is('language')) {
        this.#advance();
        if (language !== undefined) throw UNKNOWN;
        language = this.#scanner.word();
      }
    }
    if (language === undefined || !LANGUAGES.has(language)) throw UNKNOWN;
  }

  #alterTable(): void {
    this.#takes('if', 'exists');
    this.#takes('only');
    this.#name();
    if (this.#takes('enable') || this.#takes('force')) {
      for (const word of ['row', 'level', 'security']) this.#expect(word);
    } else {
      do this.#addition();
      while (this.#symbol(','));
    }
    this.#endOfStatement();
  }

  #addition(): void {
    this.#expect('add');
    if (this.#token === TOKEN.word && TABLE_ELEMENTS.has(this.#scanner.word())) {
      this.#tableConstraint(undefined);
      return;
    }
    this.#takes('column');
    this.#takes('if', 'not', 'exists');
    this.#column(true);
  }

  #insert(): void {
    const columns = this.#tables.get(this.#name());
    if (columns === undefined) throw UNKNOWN;
    let into = [...columns.values()];
    if (this.#token === TOKEN.open) {
      into = this.#names().map((name) => columns.get(name) ?? fail());
    }
    this.#expect('values');
    do {
      this.#open();
      let at = 0;
      do if (!fits(this.#value(true), into[at++] ?? fail())) throw UNKNOWN;
      while (this.#symbol(','));
      this.#close();
    } while (this.#symbol(','));
    this.#endOfStatement();
  }

  // ── parts of tables ───────────────────────────────────────────────────────────────────────────────────────────────

  /** The columns of a new table behind its parenthesis, up to the closing one. */
  #columns(): ReadonlyMap<string, Column> {
    const columns = new Map<string, Column>();
    if (this.#token !== TOKEN.close) {
      do {
        if (this.#token === TOKEN.word && TABLE_ELEMENTS.has(this.#scanner.word())) this.#tableConstraint(columns);
        else columns.set(...this.#column(false));
      } while (this.#symbol(','));
    }
    this.#close();
    return columns;
  }

  /** @param isLater the table is there already: its rows get the value, and must not be looked at for it */
  #column(isLater: boolean): [string, Column] {
    const name = this.#identifier();
    const column = this.#type();
    for (;;) {
      if (this.#takes('constraint')) this.#identifier();
      if (this.#takes('not', 'null') || this.#takes('null') || this.#takes('unique')) continue;
      if (this.#takes('primary', 'key')) continue;
      if (this.#takes('references')) this.#references();
      else if (this.#takes('default')) {
        if (!fits(this.#value(!isLater), column)) throw UNKNOWN;
      } else if (!isLater && this.#takes('check')) this.#check(new Map([[name, column]]));
      else return [name, column];
    }
  }

  /** @param columns of the new table; `undefined` for one that is there already, whose rows a check would look at */
  #tableConstraint(columns: ReadonlyMap<string, Column> | undefined): void {
    if (this.#takes('constraint')) this.#identifier();
    if (this.#takes('primary', 'key') || this.#takes('unique')) this.#names();
    else if (this.#takes('foreign', 'key')) {
      this.#names();
      this.#expect('references');
      this.#references();
    } else if (columns !== undefined && this.#takes('check')) this.#check(columns);
    else throw UNKNOWN;
  }

  #references(): void {
    this.#name();
    if (this.#token === TOKEN.open) this.#names();
    if (this.#takes('match')) this.#identifier();
    while (this.#takes('on')) {
      if (!this.#takes('delete')) this.#expect('update');
      if (!this.#takes('cascade') && !this.#takes('restrict') && !this.#takes('no', 'action')) {
        this.#expect('set');
        if (!this.#takes('null')) this.#expect('default');
      }
    }
    if (this.#takes('deferrable') && this.#takes('initially') && !this.#takes('deferred')) this.#expect('immediate');
  }

  /** Comparisons of columns with constants of the same kind: for these no operator of a user's is ever chosen. */
  #check(columns: ReadonlyMap<string, Column>): void {
    this.#open();
    do {
      const column = columns.get(this.#identifier()) ?? fail();
      if (this.#takes('is')) {
        this.#takes('not');
        this.#expect('null');
      } else if (this.#takes('in') || this.#takes('not', 'in')) {
        this.#open();
        do this.#comparable(column);
        while (this.#symbol(','));
        this.#close();
      } else {
        if (this.#token !== TOKEN.symbol || !COMPARISONS.has(this.#scanner.word())) throw UNKNOWN;
        this.#advance();
        this.#comparable(column);
      }
    } while (this.#takes('and') || this.#takes('or'));
    this.#close();
  }

  /** An integer for an integer, a literal without a type for anything: both give the server's own operator. */
  #comparable({ kind }: Column): void {
    const isWhole = kind === 'whole' && this.#token === TOKEN.number && /^\d{1,9}$/.test(this.#scanner.word());
    if (isWhole) this.#number();
    else this.#string();
  }

  #type(): Column {
    let type = this.#typeWords();
    let kind: Kind = TYPES.get(type) ?? fail();
    if (this.#token === TOKEN.open) {
      this.#open();
      do this.#number();
      while (this.#symbol(','));
      this.#close();
    }
    while (this.#symbol('[')) {
      if (this.#token === TOKEN.number) this.#number();
      if (!this.#symbol(']')) throw UNKNOWN;
      type = `${type}[]`;
      kind = 'other';
    }
    return { type, kind };
  }

  #typeWords(): string {
    const first = this.#token === TOKEN.word ? this.#scanner.word() : fail();
    this.#advance();
    if (first === 'double') return this.#joined(first, 'precision');
    if (first === 'character' && this.#is('varying')) return this.#joined(first, 'varying');
    if (first !== 'timestamp') return first;
    if (this.#is('with')) return this.#joined(first, 'with', 'time', 'zone');
    if (this.#is('without')) return this.#joined(first, 'without', 'time', 'zone');
    return first;
  }

  #joined(first: string, ...others: readonly string[]): string {
    for (const word of others) this.#expect(word);
    return [first, ...others].join(' ');
  }

  /** @param mayDiffer a value that is another one in each row: a table that is there already would be written anew */
  #value(mayDiffer: boolean): ValueKind {
    const kind = this.#plainValue(mayDiffer);
    if (this.#token !== TOKEN.symbol || this.#scanner.word() !== '::') return kind;
    this.#advance();
    const { type } = this.#type();
    // Of a number or a moment, the cast to another kind may be a user's.
    return kind === 'any' ? { cast: type } : fail();
  }

  #plainValue(mayDiffer: boolean): ValueKind {
    if (this.#token === TOKEN.string) {
      this.#string();
      return 'any';
    }
    const hasSign = this.#symbol('-') || this.#symbol('+');
    if (this.#token === TOKEN.number) {
      this.#number();
      return 'number';
    }
    if (hasSign) throw UNKNOWN;
    if (this.#takes('null') || this.#takes('default')) return 'any';
    if (this.#takes('true') || this.#takes('false')) return 'bool';
    if (this.#takes('current_timestamp') || this.#takes('current_date')) return 'time';
    const isMoment = this.#takes('now');
    if (!isMoment && !(mayDiffer && this.#takes('gen_random_uuid'))) throw UNKNOWN;
    this.#open();
    this.#close();
    return isMoment ? 'time' : 'uuid';
  }

  // ── tokens ────────────────────────────────────────────────────────────────────────────────────────────────────────

  #advance(): void {
    this.#token = this.#scanner.next();
  }

  #is(word: string): boolean {
    if (this.#token !== TOKEN.word) return false;
    const { start, end, text } = this.#scanner;
    if (end - start !== word.length) return false;
    // By bytes: this is asked many times for each word of a file, and most say no at the first.
    for (let i = 0; i < word.length; i++) {
      const byte = text[start + i]!;
      if ((byte >= 65 && byte <= 90 ? byte + 32 : byte) !== word.charCodeAt(i)) return false;
    }
    return true;
  }

  /** Takes these words when the first of them is there; then the others have to be. */
  #takes(first: string, ...others: readonly string[]): boolean {
    if (!this.#is(first)) return false;
    this.#advance();
    for (const word of others) this.#expect(word);
    return true;
  }

  #expect(word: string): void {
    if (!this.#is(word)) throw UNKNOWN;
    this.#advance();
  }

  #symbol(symbol: string): boolean {
    const { start, end, text } = this.#scanner;
    if (this.#token !== TOKEN.symbol || end - start !== 1 || text[start] !== symbol.charCodeAt(0)) return false;
    this.#advance();
    return true;
  }

  #open(): void {
    if (this.#token !== TOKEN.open) throw UNKNOWN;
    this.#advance();
  }

  #close(): void {
    if (this.#token !== TOKEN.close) throw UNKNOWN;
    this.#advance();
  }

  /** A literal without a type of its own, in one part or several; B'..', N'..' and X'..' have one. */
  #string(): void {
    const { text, start } = this.#scanner;
    if (this.#token !== TOKEN.string || TYPED.has(text[start]! | 32)) throw UNKNOWN;
    do this.#advance();
    while (this.#token === TOKEN.string);
  }

  #number(): void {
    if (this.#token !== TOKEN.number) throw UNKNOWN;
    this.#advance();
  }

  /** A name with its schema, as it is written: two spellings are two tables. */
  #name(): string {
    const name = this.#identifier();
    // Whatever is called so in the server's own schemas comes first.
    if (name.startsWith('pg_')) throw UNKNOWN;
    return this.#symbol('.') ? `${name}.${this.#identifier()}` : name;
  }

  #identifier(): string {
    const { start, end, text } = this.#scanner;
    // U&"..." spells its characters in another way.
    const isQuoted = this.#token === TOKEN.quotedWord && text[start] === DOUBLE_QUOTE;
    if (!isQuoted && this.#token !== TOKEN.word) throw UNKNOWN;
    const exact = isQuoted ? latin(text, start + 1, end - 1) : this.#scanner.word();
    this.#advance();
    return exact;
  }

  #names(): string[] {
    const names: string[] = [];
    this.#open();
    do names.push(this.#identifier());
    while (this.#symbol(','));
    this.#close();
    return names;
  }

  #closeParenthesis(): void {
    for (let depth = 1; depth > 0; this.#advance()) {
      if (this.#token === TOKEN.end) throw UNKNOWN;
      if (this.#token === TOKEN.open) depth++;
      else if (this.#token === TOKEN.close) depth--;
    }
  }

  #endOfStatement(): void {
    if (this.#token !== TOKEN.semicolon && this.#token !== TOKEN.end) throw UNKNOWN;
  }

  #toTheEnd(): void {
    for (let depth = 0; this.#token !== TOKEN.end; this.#advance()) {
      if (this.#token === TOKEN.semicolon && depth === 0) return;
      if (this.#token === TOKEN.open) depth++;
      else if (this.#token === TOKEN.close) depth--;
    }
  }
}

const DOUBLE_QUOTE = 34;
const TYPED: ReadonlySet<number> = new Set(Buffer.from('bnx'));

function fail(): never {
  throw UNKNOWN;
}

/** True when the server brings the value to the column by a cast of its own, or by none. */
function fits(value: ValueKind, { type, kind }: Column): boolean {
  if (value === 'any') return true;
  if (typeof value === 'object') return value.cast === type;
  return value === kind || (value === 'number' && kind === 'whole');
}
