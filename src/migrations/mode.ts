import type { Alone, Nature } from './nature.ts';
import type { Statement } from './statements.ts';

/** A statement that needs a second look, with its place in the file (0-based). */
export interface Watched {
  readonly index: number;
  readonly statement: Statement;
  readonly nature: Nature;
}

/** One step of a file that is run statement by statement. */
export interface Unit {
  /** 0-based numbers of the first and the last statement. */
  readonly first: number;
  readonly last: number;
  readonly start: number;
  readonly end: number;
  /** `block`: BEGIN ... COMMIT of the file's own; `alone`: the server refuses it in a transaction. */
  readonly kind: 'statement' | 'block' | 'alone' | 'self-committing';
  readonly alone?: Alone;
  /** Of a block: its COMMIT or ROLLBACK. */
  readonly close?: Statement;
  readonly commits?: boolean;
  /** Leading words of a statement that changes the session: SET and RESET are repeated when a file is resumed. */
  readonly words?: readonly string[];
}

/** How a file is run. */
export type Mode =
  /** Nothing in it but comments. */
  | { readonly kind: 'empty' }
  /** One transaction with its ledger row; `begin`/`commit`: the file's own outer pair, taken over. */
  | { readonly kind: 'transaction'; readonly begin: Statement | undefined; readonly commit: Statement | undefined }
  /** Unit by unit, with progress in the ledger. `why` names the statement that asks for it. */
  | { readonly kind: 'statements'; readonly units: readonly Unit[]; readonly why: string; readonly whyAt: number }
  /** Ends in ROLLBACK: a test, not a migration. */
  | { readonly kind: 'test'; readonly at: number }
  | { readonly kind: 'refused'; readonly problems: readonly ModeProblem[] };

interface ModeProblem {
  readonly offset: number;
  readonly message: string;
  readonly hint: string;
}

export interface ModeInput {
  /** Number of statements in the file. */
  readonly count: number;
  /** The statements that may be more than plain, in order. */
  readonly watched: readonly Watched[];
  /** All statements in order; called only for files that are run statement by statement. */
  readonly statements: () => Iterable<Statement>;
  /** The header says `Transaction: none`. */
  readonly transactionNone: boolean;
  /** The header says `On-Interruption: repeat`: to run again what commits in its own body is to go on with it. */
  readonly repeats?: boolean;
}

/** Decides how a file is run, from its transaction control and from what cannot run in a transaction. */
export function decideMode(input: ModeInput): Mode {
  if (input.count === 0) return { kind: 'empty' };
  const control = input.watched.filter((w) => isControl(w.nature));
  const problems = unbalanced(control);
  if (problems.length > 0) return { kind: 'refused', problems };
  const last = input.watched.at(-1);
  if (last?.nature.kind === 'rollback' && last.index === input.count - 1) return testMode(input, last);
  const why = reasonForStatements(input, control);
  if (why) return statementMode(input, why);
  const [begin, commit] = control.filter((w) => w.nature.kind !== 'savepoint');
  return { kind: 'transaction', begin: begin?.statement, commit: commit?.statement };
}

/** A test leaves nothing behind: what would stay must not be passed over in silence with the rest. */
function testMode(input: ModeInput, last: Watched): Mode {
  const natures = new Map(input.watched.map((w) => [w.index, w.nature.kind]));
  const problems: ModeProblem[] = [];
  let open = false;
  let index = -1;
  for (const s of input.statements()) {
    index++;
    const kind = natures.get(index);
    if (kind === 'begin') open = true;
    else if (kind === 'rollback') open = false;
    else if (kind === 'commit' || kind === 'alone' || kind === 'self-committing' || (!open && !setsSession(s)))
      problems.push({
        offset: s.start,
        message: 'the file ends in ROLLBACK, yet this statement would stay',
        hint: 'End it with COMMIT to make it a migration, or begin it with BEGIN to make it a test.',
      });
  }
  return problems.length > 0 ? { kind: 'refused', problems } : { kind: 'test', at: last.statement.start };
}

function setsSession(s: Statement): boolean {
  return s.words[0] === 'set' || s.words[0] === 'reset';
}

function isControl(nature: Nature): boolean {
  return ['begin', 'commit', 'rollback', 'savepoint', 'prepare-transaction'].includes(nature.kind);
}

/** Transaction control that leaves a transaction open or ends one that was never begun. */
function unbalanced(control: readonly Watched[]): ModeProblem[] {
  const problems: ModeProblem[] = [];
  let open: Watched | undefined;
  for (const w of control) {
    const offset = w.statement.start;
    switch (w.nature.kind) {
      case 'begin':
        if (open)
          problems.push({
            offset,
            message: 'BEGIN inside a transaction that is already open',
            hint: 'End the first one with COMMIT, or use SAVEPOINT.',
          });
        open = w;
        break;
      case 'commit':
      case 'rollback':
        if (!open) {
          const word = w.nature.kind === 'commit' ? 'COMMIT' : 'ROLLBACK';
          problems.push({
            offset,
            message: `${word} without BEGIN`,
            hint: 'Begin the transaction in the same file, or remove the statement: the runner wraps each file in a transaction.',
          });
        }
        open = w.nature.chain ? w : undefined;
        break;
      case 'prepare-transaction':
        problems.push({
          offset,
          message: 'PREPARE TRANSACTION cannot be recorded in the ledger',
          hint: 'A prepared transaction is finished by someone else; run it by hand.',
        });
        open = undefined;
        break;
    }
  }
  if (open)
    problems.push({
      offset: open.statement.start,
      message: 'BEGIN without COMMIT',
      hint: 'End the transaction in the same file: what it does would be rolled back when the connection closes.',
    });
  return problems;
}

/** What makes one transaction around the file impossible, or `undefined`. */
function reasonForStatements(input: ModeInput, control: readonly Watched[]): { why: string; at: number } | undefined {
  for (const w of input.watched) {
    if (w.nature.kind === 'alone') return { why: `${phrase(w)} cannot run in a transaction`, at: w.statement.start };
    if (w.nature.kind === 'self-committing') return { why: 'a DO block commits in its body', at: w.statement.start };
  }
  if (input.transactionNone) return { why: 'the header says Transaction: none', at: 0 };
  const outer = control.filter((w) => w.nature.kind !== 'savepoint');
  if (outer.length === 0) return undefined;
  const [begin, commit] = outer;
  const wraps =
    outer.length === 2 &&
    begin!.index === 0 &&
    commit!.index === input.count - 1 &&
    commit!.nature.kind === 'commit' &&
    !commit!.nature.chain;
  return wraps ? undefined : { why: 'it controls transactions itself', at: begin!.statement.start };
}

function phrase(w: Watched): string {
  const words = w.statement.words.slice(0, 2).join(' ').toUpperCase();
  return w.statement.concurrently ? `${words} CONCURRENTLY`.replace('INDEX INDEX', 'INDEX') : words;
}

/** One unit for each statement, one for each BEGIN ... COMMIT block. */
function statementMode(input: ModeInput, reason: { why: string; at: number }): Mode {
  const natures = new Map(input.watched.map((w) => [w.index, w.nature]));
  const units: Unit[] = [];
  const problems: ModeProblem[] = [];
  let block: { first: number; start: number } | undefined;
  let index = -1;
  for (const s of input.statements()) {
    index++;
    const nature = natures.get(index);
    if (block) {
      if (nature?.kind === 'alone' || nature?.kind === 'self-committing') {
        problems.push({
          offset: s.start,
          message: 'this statement cannot run inside the BEGIN ... COMMIT around it',
          hint: 'Move it behind the COMMIT, or to a file of its own.',
        });
      }
      if (nature?.kind !== 'commit' && nature?.kind !== 'rollback') continue;
      units.push({
        first: block.first,
        last: index,
        start: block.start,
        end: s.end,
        kind: 'block',
        close: s,
        commits: nature.kind === 'commit',
      });
      block = undefined;
      if (nature.chain)
        problems.push({
          offset: s.start,
          message: 'AND CHAIN cannot be resumed after an interruption',
          hint: 'Write COMMIT and BEGIN instead.',
        });
      continue;
    }
    if (nature?.kind === 'begin') block = { first: index, start: s.start };
    else units.push(unitOf(s, index, nature, input.repeats === true));
  }
  if (problems.length > 0) return { kind: 'refused', problems };
  return { kind: 'statements', units, why: reason.why, whyAt: reason.at };
}

function unitOf(s: Statement, index: number, nature: Nature | undefined, repeats: boolean): Unit {
  const place = { first: index, last: index, start: s.start, end: s.end, words: s.words };
  if (nature?.kind === 'alone') return { ...place, kind: 'alone', alone: nature.alone };
  // Whether a procedure commits, nobody knows but the procedure: outside of a transaction it may.
  const commits = nature?.kind === 'self-committing' || s.words[0] === 'call';
  if (!commits) return { ...place, kind: 'statement' };
  return { ...place, kind: 'self-committing', ...(repeats ? { alone: { type: 'repeatable' } } : {}) };
}
