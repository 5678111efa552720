import { AishaError } from '../errors.ts';
import { serverError } from '../postgres/server-error.ts';
import { resolveTarget } from '../postgres/target.ts';
import { type Definition, variantsById } from './definition.ts';
import type { Outcome } from './facts.ts';
import { runChecks } from './run.ts';
import { compareWithPlanted, type Verdict } from './self-test-verdict.ts';
import { countersArrive } from './stage/counters.ts';
import type { StageDatabase } from './stage/database.ts';
import type { Planter } from './stage/planter.ts';
import type { Stage } from './stage/server.ts';

export interface StagedOptions {
  /** By the id of the check. */
  readonly planters: ReadonlyMap<string, Planter>;
  /** For one check. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  readonly onProgress: (done: number, total: number) => void;
}

const FAULTLESS: Verdict = { kind: 'tested', missed: [], invented: [] };

/**
 * Plants what cannot be rolled back on a private server, each defect in a database of its own after what looks like it,
 * and looks whether the check tells them apart. The check runs as an owner who is no superuser.
 * @throws AishaError (interrupted)
 */
export async function testOnStage(
  stage: Stage,
  definitions: readonly Definition[],
  options: StagedOptions,
): Promise<ReadonlyMap<string, Verdict>> {
  const verdicts = new Map<string, Verdict>();
  const groups = [...variantsById(definitions)].filter(([id]) => options.planters.has(id));
  for (const [id, variants] of groups) {
    if (options.signal.aborted) throw new AishaError('interrupted', 'interrupted; nothing of the self-test remains');
    options.onProgress(verdicts.size, groups.length);
    verdicts.set(id, await stage.withDatabase((db) => testOne(db, variants, options.planters.get(id)!, options)));
  }
  options.onProgress(verdicts.size, groups.length);
  return verdicts;
}

async function testOne(
  db: StageDatabase,
  variants: readonly Definition[],
  planter: Planter,
  options: StagedOptions,
): Promise<Verdict> {
  const definition = variantFor(db, variants);
  const compare = (expected: readonly string[], outcome: Outcome) =>
    compareWithPlanted(definition, { settings: planter.settings, lists: !finds(definition) }, expected, outcome);
  try {
    await planter.lookAlike(db);
    // A check that lists has nothing to tell apart.
    const before: Verdict = finds(definition) ? compare([], await ask(db, variants, options)) : FAULTLESS;
    if (before.kind !== 'tested') return before;
    const expected = await planter.bad(db);
    const after = compare(expected, await ask(db, variants, options));
    return after.kind === 'tested'
      ? { ...after, invented: [...new Set([...before.invented, ...after.invented])] }
      : after;
  } catch (error) {
    const known = serverError(error);
    if (known === undefined) throw error;
    return { kind: 'unknown', reason: `could not be tested: ${known.message}` };
  } finally {
    await cleanUp(db, planter);
  }
}

/** What is not in the database would be found by other checks; if it cannot be taken away, the server goes soon. */
async function cleanUp(db: StageDatabase, { cure, after }: Planter): Promise<void> {
  for (const step of [cure, after]) {
    await step?.(db).catch((error: unknown) => {
      if (serverError(error) === undefined) throw error;
    });
  }
}

function finds({ severity, thresholds }: Definition): boolean {
  return severity !== undefined || thresholds.length > 0;
}

function variantFor({ versionNumber }: StageDatabase, variants: readonly Definition[]): Definition {
  const major = Math.floor(versionNumber / 10_000);
  return variants.find(({ minPg = 0, maxPg = major }) => minPg <= major && major <= maxPg) ?? variants[0]!;
}

async function ask(
  db: StageDatabase,
  variants: readonly Definition[],
  { timeoutMs, signal }: StagedOptions,
): Promise<Outcome> {
  await countersArrive(db);
  const { outcomes } = await runChecks(resolveTarget({ databaseUrl: db.url, env: {} }), variants, {
    connections: 1,
    timeoutMs,
    ignoreSchemas: [],
    signal,
    connected: () => {},
    onProgress: () => {},
  });
  return outcomes.get(variants[0]!.id)!;
}
