import type { Target } from './target.ts';
import { addressText, type EnvironmentAddress, type TargetSources } from './target-address.ts';

/**
 * The protected environment with the same address, else the one that was named with `--env`: protection must not depend
 * on which way production was named.
 */
export function environmentOf(
  target: Target,
  sources: TargetSources,
  resolve: (text: string) => Target,
): Target['environment'] {
  const environments = sources.environments ?? {};
  const named = sources.environment;
  const chosen = named !== undefined && Object.hasOwn(environments, named) ? environments[named] : undefined;
  if (chosen?.protected === true) return { name: named!, protected: true };
  const isSame = (environment: EnvironmentAddress): boolean => {
    const other = tryResolve(addressText(environment, sources.env), resolve);
    return other !== undefined && databaseKey(other) === databaseKey(target);
  };
  const found = Object.entries(environments).find(([, environment]) => environment.protected && isSame(environment));
  if (found !== undefined) return { name: found[0], protected: true };
  return chosen === undefined ? undefined : { name: named!, protected: false };
}

/** `undefined` when the environment has no address at the moment or one that cannot be read: it is not in use now. */
function tryResolve(text: string | undefined, resolve: (text: string) => Target): Target | undefined {
  try {
    return text === undefined ? undefined : resolve(text);
  } catch {
    return undefined;
  }
}

/** The same for every address of one database; a Supabase project has three (direct, session and transaction pooler). */
function databaseKey(address: Target): string {
  const host = address.host.toLowerCase();
  const direct = /^db\.(\w+)\.supabase\.(?:co|com)$/.exec(host)?.[1];
  const pooled = host.endsWith('.pooler.supabase.com') ? address.user.split('.')[1] : undefined;
  const project = direct ?? pooled;
  const server = project === undefined ? `${host}:${address.port}` : `supabase project ${project}`;
  return `${server}/${address.database}`;
}
