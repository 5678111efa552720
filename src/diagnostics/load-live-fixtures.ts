import { modulesIn } from '../modules-in.ts';
import type { LiveFixture } from './stage/planter.ts';

/**
 * The checks whose fixture is a file of live-fixtures/. Named from one folder up, as the bundle's chunks lie.
 */
export function liveFixtureIds(): string[] {
  return modulesIn(new URL('../diagnostics/live-fixtures/', import.meta.url));
}

export async function loadLiveFixture(id: string): Promise<LiveFixture> {
  const { fixture } = (await import(`../diagnostics/live-fixtures/${id}.ts`)) as { fixture: LiveFixture };
  return fixture;
}
