import { modulesIn } from '../modules-in.ts';
import type { TenancyCheck } from './check.ts';

/** A check with its identifier. */
export interface NamedCheck extends TenancyCheck {
  readonly id: string;
}

/**
 * The files of findings/: what they are called is what exceptions and reports call them. Named from one folder up, as
 * the bundle's chunks lie.
 */
export function checkIds(): string[] {
  return modulesIn(new URL('../tenancy/findings/', import.meta.url));
}

export async function loadCheck(id: string): Promise<NamedCheck> {
  const { check } = (await import(`../tenancy/findings/${id}.ts`)) as { check: TenancyCheck };
  return { id, ...check };
}

export function loadChecks(): Promise<NamedCheck[]> {
  return Promise.all(checkIds().map(loadCheck));
}
