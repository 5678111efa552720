import { modulesIn } from '../modules-in.ts';
import type { SeedTable } from './table.ts';

/** Every table that is filled, by name: a file of tables/ each, named nowhere else. */
export async function loadTables(): Promise<ReadonlyMap<string, SeedTable>> {
  const names = modulesIn(new URL('./tables/', import.meta.url));
  return new Map(await Promise.all(names.map(async (name) => [name, await loadTable(name)] as const)));
}

async function loadTable(name: string): Promise<SeedTable> {
  return (await import(`./tables/${name}.ts`)).table;
}
