import { AishaError, EXIT, messageOf } from '../errors.ts';
import { type LedgerName, readLedger } from '../migrations/ledger.ts';
import { findClientTools } from '../postgres/client-tools.ts';
import { refusePooledSessions, refusePoolerAddress } from '../postgres/pooler.ts';
import { serverError } from '../postgres/server-error.ts';
import { Session } from '../postgres/session.ts';
import type { Target } from '../postgres/target.ts';
import { chooseTools, noFittingTools } from '../postgres/tool-choice.ts';
import { quantity } from '../report/quantity.ts';
import { type Answer, QUESTIONS, type QuestionId, skipFrom } from './answer.ts';
import { blame } from './blame.ts';
import { judgeServer } from './judge.ts';
import { judgeLedger } from './ledger-answer.ts';
import { addressesOf, freeBytes } from './machine.ts';
import { describePlace, placeOf } from './place.ts';
import { readServerFacts, type ServerFacts } from './server-facts.ts';

export interface ExamineOptions {
  /** Throws (usage) when nothing names a database. */
  readonly target: () => Promise<Target>;
  readonly ledger: LedgerName;
  /** The folder of the backups. */
  readonly store: string;
  /** Folder of pg_dump, where it is named. */
  readonly binDir: string | undefined;
  /** Folders to search for it, as in PATH. */
  readonly searchPath: string | undefined;
  readonly signal: AbortSignal;
  readonly connected: (target: Target, serverVersion: string) => void;
}

export interface Examination {
  readonly answers: readonly Answer[];
  /** Of a database that is not named (2) or not reached (3). */
  readonly exitCode?: number;
}

/** Asks the questions in their order; what cannot be asked without an earlier answer is skipped. */
export async function examine(options: ExamineOptions): Promise<Examination> {
  const named = await nameTarget(options);
  if ('answers' in named) return named;
  const { target } = named;
  const first: Answer = { id: 'target', status: 'ok', answer: describePlace(target) };
  try {
    const session = await open(target, options);
    try {
      return { answers: [first, ...(await examineConnected(session, target, options))] };
    } finally {
      await session.close();
    }
  } catch (error) {
    if (!(error instanceof AishaError) || error.kind !== 'connection') throw error;
    return { answers: [first, ...explainFailure(error)], exitCode: EXIT.connection };
  }
}

async function nameTarget(options: ExamineOptions): Promise<Examination | { readonly target: Target }> {
  try {
    return { target: await options.target() };
  } catch (error) {
    if (!(error instanceof AishaError) || error.kind !== 'usage') throw error;
    const advice = [error.hint ?? '', ...error.details].join('\n').trim();
    const answer: Answer = { id: 'target', status: 'bad', answer: error.message, advice };
    return { answers: [answer, ...skipFrom('dns', 'no database is named')], exitCode: EXIT.usage };
  }
}

function open(target: Target, { signal }: ExamineOptions): Promise<Session> {
  return Session.open(target, { applicationName: 'aisha-db doctor', signal });
}

/** What comes before the question that failed is answered by how far the connection came. */
function explainFailure(error: AishaError): Answer[] {
  const failed = blame(error);
  const ids = Object.keys(QUESTIONS) as QuestionId[];
  const passed = ids.slice(1, ids.indexOf(failed)).map((id): Answer => ({ id, status: 'ok', answer: 'yes' }));
  const after = ids[ids.indexOf(failed) + 1]!;
  const answer: Answer = { id: failed, status: 'bad', answer: error.message, advice: error.hint };
  return [...passed, answer, ...skipFrom(after, 'there is no connection')];
}

async function examineConnected(session: Session, target: Target, options: ExamineOptions): Promise<Answer[]> {
  const facts = await readServerFacts(session);
  options.connected(target, facts.version);
  const answers: Answer[] = [
    await examineHost(target),
    { id: 'tcp', status: 'ok', answer: `${target.host}:${target.port} answers` },
    ...judgeServer(facts, target),
    await examinePooler(session, target, options),
    await examineLedger(session, options.ledger),
    examineTools(facts, options),
    await examineDisk(facts, options.store),
  ];
  const ids = Object.keys(QUESTIONS);
  return answers.sort((a, b) => ids.indexOf(a.id) - ids.indexOf(b.id));
}

async function examineHost({ host, hostAddress }: Target): Promise<Answer> {
  if (host.startsWith('/')) return { id: 'dns', status: 'ok', answer: 'a socket of this machine' };
  if (hostAddress !== undefined) return { id: 'dns', status: 'ok', answer: `${hostAddress}, as PGHOSTADDR says` };
  const addresses = await addressesOf(host).catch(() => []);
  return { id: 'dns', status: 'ok', answer: `${host} is ${addresses.join(', ') || 'known'}` };
}

async function examinePooler(session: Session, target: Target, options: ExamineOptions): Promise<Answer> {
  const second = await open(target, options).catch((error: unknown) => messageOf(error));
  if (typeof second === 'string') {
    return { id: 'pooler', status: 'unknown', answer: `a second connection failed: ${second}` };
  }
  try {
    refusePoolerAddress(target);
    await refusePooledSessions(target, session, second);
  } catch (error) {
    if (!(error instanceof AishaError)) throw error;
    return { id: 'pooler', status: 'bad', answer: error.message, advice: error.hint };
  } finally {
    await second.close();
  }
  const { via } = placeOf(target);
  const [row] = await session.query<{ pid: number }>('select pg_catalog.pg_backend_pid() as pid');
  const isDirect = row?.pid === session.announcedPid;
  const answer = isDirect && via === 'direct' ? 'direct' : 'through a pooler that keeps sessions: as good as direct';
  return { id: 'pooler', status: 'ok', answer };
}

async function examineLedger(session: Session, name: LedgerName): Promise<Answer> {
  try {
    return judgeLedger(name, await readLedger(session, name));
  } catch (error) {
    if (error instanceof AishaError) {
      return { id: 'ledger', status: 'bad', answer: error.message, advice: error.hint };
    }
    const failure = serverError(error);
    if (failure === undefined) throw error;
    return {
      id: 'ledger',
      status: 'bad',
      answer: `${name.schema}.${name.table} cannot be read: ${failure.message}`,
      advice: 'Restore it from a backup, or build it again from the files: aisha-db baseline.',
    };
  }
}

/** Of the programs that a backup would use. */
function examineTools({ versionNumber }: ServerFacts, { binDir, searchPath }: ExamineOptions): Answer {
  const major = Math.floor(versionNumber / 10_000);
  try {
    const found = findClientTools({ binDir, searchPath });
    const chosen = chooseTools(found, major);
    if (chosen !== undefined) {
      const answer = `pg_dump ${chosen.version} for PostgreSQL ${major}, in ${chosen.binDir}`;
      return { id: 'tools', status: 'ok', answer };
    }
    return unfit(noFittingTools(found, major, process.platform));
  } catch (error) {
    if (!(error instanceof AishaError)) throw error;
    return unfit(error);
  }
}

function unfit({ message, details, hint }: AishaError): Answer {
  const answer = [message, ...details].join('; ');
  return { id: 'tools', status: 'bad', severity: 'warning', answer, advice: hint };
}

/** A compressed dump is smaller than its database; a restore to prove it is not. */
async function examineDisk({ bytes }: ServerFacts, folder: string): Promise<Answer> {
  const free = await freeBytes(folder);
  const answer = `${quantity(free, 'bytes')} are free at ${folder}, the database has ${quantity(bytes, 'bytes')}`;
  if (free >= bytes) return { id: 'disk', status: 'ok', answer };
  return {
    id: 'disk',
    status: 'bad',
    severity: 'warning',
    answer,
    advice: 'Free some space, or name another place under "stateDir" in the configuration.',
  };
}
