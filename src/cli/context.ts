import type { Context, Talk } from '../commands/command.ts';
import { loadConfig } from '../config.ts';
import { withDotenv } from '../dotenv.ts';
import { AishaError } from '../errors.ts';
import type { Target } from '../postgres/target.ts';
import type { ReportTarget } from '../report/report.ts';
import type { Invocation } from './parse-arguments.ts';
import type { Redactor } from './redact.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** What a run stands on, from the edge. */
export interface World {
  readonly cwd: string;
  readonly env: Environment;
  readonly talk: Talk;
  readonly signal: AbortSignal;
  readonly redactor: Redactor;
  ask(question: string): Promise<string>;
  input(): Promise<string>;
}

/** A context and what the edge wants to know of it afterwards. */
export interface OpenContext {
  readonly context: Context;
  /** The database of the run, as far as it is known. */
  target(): ReportTarget | undefined;
  /** Lets go of what the context opened: the private server. */
  close(): Promise<void>;
}

/** @throws AishaError (usage) when the configuration cannot be understood */
export async function openContext({ options, global }: Invocation, world: World): Promise<OpenContext> {
  const { cwd, talk, signal, redactor, ask, input } = world;
  const env = await withDotenv(cwd, world.env);
  redactor.addAll({ ...env, '--database-url': global.databaseUrl, '--as-url': options['asUrl'] as string | undefined });
  const config = await loadConfig({ cwd, flags: { ...options, config: global.config, env: global.env } });
  let known: ReportTarget | undefined;
  let release = async (): Promise<void> => {};
  let resolving: Promise<Target> | undefined;

  const resolve = async (): Promise<Target> => {
    const found = global.embedded ? await startEmbedded(config.stateDir) : await findTarget(global, config, env);
    release = found.release;
    protect(found.target, redactor);
    known = describe(found.target);
    announce(found.target, talk);
    return found.target;
  };
  const target = (): Promise<Target> => {
    resolving ??= resolve();
    return resolving;
  };
  const connected = (to: Target, serverVersion: string): void => {
    known = { ...describe(to), serverVersion };
    talk.info(`server: PostgreSQL ${serverVersion}`);
  };
  const confirm = (to: Target): Promise<void> => confirmTarget(to, global, ask);
  const context = { config, env, cwd, talk, quiet: global.quiet, ask, input, confirm, signal, target, connected };
  return { context, target: () => known, close: () => release() };
}

interface FoundTarget {
  readonly target: Target;
  release(): Promise<void>;
}

async function findTarget(
  global: Invocation['global'],
  config: Context['config'],
  env: Environment,
): Promise<FoundTarget> {
  const { resolveTarget } = await import('../postgres/target.ts');
  const { databaseUrl, env: environment } = global;
  const target = resolveTarget({ databaseUrl, environment, environments: config.environments, env });
  return { target, release: async () => {} };
}

/** The private server as a target; nothing of the environment belongs to it. */
async function startEmbedded(stateDir: string): Promise<FoundTarget> {
  const { useEmbeddedServer } = await import('../postgres/embedded-server.ts');
  const { resolveTarget } = await import('../postgres/target.ts');
  const server = await useEmbeddedServer({ stateDir });
  const [user, password] = [server.user, server.password].map(encodeURIComponent);
  const databaseUrl = `postgres://${user}:${password}@${server.host}:${server.port}/${server.database}?sslmode=disable`;
  const target = { ...resolveTarget({ databaseUrl, env: {} }), source: 'embedded' as const };
  return { target, release: () => server.release() };
}

/** The password is not to be printed; host, role and database are, even if one of them is the password as well. */
function protect({ password, host, user, database }: Target, redactor: Redactor): void {
  for (const word of [host, user, database]) redactor.allow(word);
  if (password !== undefined) redactor.add(password.reveal());
}

function describe({ host, port, database, user }: Target): ReportTarget {
  return { host, port, database, user };
}

function announce(target: Target, talk: Talk): void {
  const { environment } = target;
  const facts = [
    ...(environment === undefined ? [] : [`environment ${environment.name}`]),
    ...(environment?.protected === true ? ['protected'] : []),
    ...(target.source === 'embedded' ? ['private server'] : []),
  ];
  talk.info(`target: ${target.describe()}${facts.length === 0 ? '' : ` (${facts.join(', ')})`}`);
  for (const note of target.notes) talk.warn(`note: ${note}`);
}

async function confirmTarget(target: Target, given: Invocation['global'], ask: World['ask']): Promise<void> {
  const { confirmationNeeded } = await import('../postgres/protect.ts');
  const confirmation = confirmationNeeded(target, given);
  if (confirmation === undefined) return;
  const answer = await ask(confirmation.question).catch((error) => {
    // Nobody there to ask is a refusal, whose hint names the option; an interruption stays one.
    if (error instanceof AishaError && error.kind === 'usage') return undefined;
    throw error;
  });
  if (answer?.trim() !== confirmation.expects) throw confirmation.refusal;
}
