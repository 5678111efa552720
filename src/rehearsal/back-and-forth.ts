import { AishaError } from '../errors.ts';
import { migrate } from '../migrations/migrate.ts';
import type { RunHooks } from '../migrations/open.ts';
import { rollback, rollbackFilesOf } from '../migrations/rollback.ts';
import type { Copy } from './copy.ts';
import type { RehearsalOrder } from './rehearse.ts';
import type { FileRehearser } from './rehearse-file.ts';
import type { FileRehearsal, RollbackRehearsal } from './result.ts';

interface World {
  readonly copy: Copy;
  readonly order: RehearsalOrder;
  readonly hooks: RunHooks;
}

/**
 * Rolls the files that have a rollback back, from the last to the first, and applies them again. What a file has changed
 * must be gone after its rollback; whether the rest of the catalog moved is another file's business.
 */
export async function backAndForth(
  files: readonly FileRehearsal[],
  rehearser: FileRehearser,
  world: World,
): Promise<FileRehearsal[]> {
  const outcomes = new Map<string, RollbackRehearsal>();
  let barrier: string | undefined;
  let isBroken = false;
  for (const file of [...files].reverse()) {
    const undoers = rollbackFilesOf(world.order.source, file.file);
    if (undoers.length === 0) {
      outcomes.set(file.file, { ...file.rollback, state: 'none' });
      barrier ??= file.file;
      continue;
    }
    if (isBroken) {
      outcomes.set(file.file, { ...file.rollback, files: undoers, reason: ['a rollback before it failed'] });
      continue;
    }
    const outcome = await goBack(file, undoers, barrier, rehearser, world);
    outcomes.set(file.file, outcome);
    isBroken = outcome.state === 'failed';
    if (outcome.state === 'not-tried') barrier ??= file.file;
  }
  if (!isBroken) await goForth(files, outcomes, world);
  return files.map((file) => ({ ...file, rollback: outcomes.get(file.file) ?? file.rollback }));
}

async function goBack(
  file: FileRehearsal,
  undoers: readonly string[],
  barrier: string | undefined,
  rehearser: FileRehearser,
  { copy, order, hooks }: World,
): Promise<RollbackRehearsal> {
  const startedAt = performance.now();
  const error = await attempt(async () => {
    const options = {
      ...order.migrate,
      targets: [file.file],
      ignoreDependents: false,
      dryRun: false,
      confirm: async () => {},
    };
    return (await rollback(order.source, copy.target, options, hooks)).error;
  });
  const backMs = Math.round(performance.now() - startedAt);
  const known = { files: undoers, forthMs: undefined, leftovers: [] };
  if (error !== undefined) {
    const reason = [error.message, ...error.details];
    // With a later file in the way, a refusal says nothing about the rollback.
    if (barrier === undefined || error.kind === 'partial') return { ...known, state: 'failed', backMs, reason };
    return { ...known, state: 'not-tried', backMs: undefined, reason: [`${barrier} stays applied: ${error.message}`] };
  }
  const before = rehearser.before.get(file.file)!.catalog;
  const now = (await rehearser.snapshot()).catalog;
  const leftovers = file.catalog.map(({ object }) => object).filter((object) => now[object] !== before[object]);
  return { ...known, state: leftovers.length > 0 ? 'incomplete' : 'passed', backMs, reason: [], leftovers };
}

/** Applies again what was rolled back, in order. */
async function goForth(
  files: readonly FileRehearsal[],
  outcomes: Map<string, RollbackRehearsal>,
  { copy, order, hooks }: World,
): Promise<void> {
  for (const { file } of files) {
    const outcome = outcomes.get(file);
    if (outcome === undefined || outcome.backMs === undefined) continue;
    const startedAt = performance.now();
    const only = { ...order.migrate, only: file, dryRun: false, allowOutOfOrder: true };
    const error = await attempt(async () => (await migrate(order.source, copy.target, only, hooks)).error);
    const forthMs = Math.round(performance.now() - startedAt);
    outcomes.set(file, { ...outcome, forthMs });
    if (error === undefined) continue;
    const left = outcome.leftovers.length === 0 ? '' : ` (the rollback left ${outcome.leftovers.join(', ')})`;
    const reason = [`it cannot be applied again${left}: ${error.message}`, ...error.details];
    outcomes.set(file, { ...outcome, forthMs, state: 'failed', reason });
    return;
  }
}

async function attempt(work: () => Promise<AishaError | undefined>): Promise<AishaError | undefined> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof AishaError && error.kind !== 'interrupted') return error;
    throw error;
  }
}
