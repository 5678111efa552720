import { didYouMean } from '../did-you-mean.ts';
import { AishaError } from '../errors.ts';
import { modulesIn } from '../modules-in.ts';
import type { Fault } from './fault.ts';

/** What diagnostics look for and no seed can plant: it is not in the database, but in what goes on in the server. */
export const LIVE_STATE: readonly string[] = [
  'sessions: idle, idle in transaction, long, blocked; nearness to max_connections',
  'slow and frequent queries: pg_stat_statements records what was run',
  'transaction id wraparound, prepared transactions, replication slots and lag',
  'growth between runs, disk and checkpoint pressure',
];

/** The names of all faults, in alphabetical order: a file of faults/ each, named nowhere else. */
export function faultNames(): readonly string[] {
  return modulesIn(new URL('./faults/', import.meta.url));
}

export async function loadFault(name: string): Promise<Fault> {
  return (await import(`./faults/${name}.ts`)).fault;
}

/**
 * The names in `--faults`.
 * @param text `all`, or names with commas between them
 * @throws AishaError (usage) with every name that is not known
 */
export function readFaultNames(text: string): readonly string[] {
  const known = faultNames();
  const names = text.split(',').map((name) => name.trim());
  if (names.length === 1 && names[0] === 'all') return known;
  const unknown = names.filter((name) => !known.includes(name));
  if (unknown.length === 0) return known.filter((name) => names.includes(name));
  const meant = unknown.flatMap((name) => didYouMean(name, known) ?? []);
  throw new AishaError('usage', `--faults: ${unknown.map((name) => `"${name}"`).join(', ')} is not known`, {
    hint: `${meant.length > 0 ? `Did you mean ${meant.join(', ')}? ` : ''}--list-faults shows all of them.`,
  });
}
