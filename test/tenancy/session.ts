import { Session } from '../../src/postgres/session.ts';
import { resolveTarget } from '../../src/postgres/target.ts';
import type { AskLimits } from '../../src/tenancy/ask.ts';
import type { RlsFacts } from '../../src/tenancy/facts.ts';
import { type Proof, proveWithoutRows } from '../../src/tenancy/proof/prove.ts';
import { readFacts } from '../../src/tenancy/read-facts.ts';
import { DEFAULT_TENANCY, type TenancySettings } from '../../src/tenancy/settings.ts';

/** What the tests' databases serve as their API. */
const SETTINGS: TenancySettings = { ...DEFAULT_TENANCY, apiSchemas: ['public'] };

/** A session of the program's own. */
async function openSession(url: string): Promise<Session> {
  return Session.open(resolveTarget({ databaseUrl: url, env: {} }), { applicationName: 'aisha-db test' });
}

/** The facts as a fresh session reads them: in a used one, settings that were never made look empty. */
export async function factsOf(
  url: string,
  settings: Partial<TenancySettings> = {},
  limits?: AskLimits,
): Promise<RlsFacts> {
  const session = await openSession(url);
  try {
    return await readFacts(session, { ...SETTINGS, ...settings }, limits);
  } finally {
    await session.close();
  }
}

/** The proof that touches no row, by a fresh session. */
export async function proofOf(url: string, settings: Partial<TenancySettings> = {}): Promise<Proof> {
  const all = { ...SETTINGS, ...settings };
  const session = await openSession(url);
  try {
    return await proveWithoutRows(session, await readFacts(session, all), all);
  } finally {
    await session.close();
  }
}
