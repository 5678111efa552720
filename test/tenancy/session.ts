import { Session } from '../../src/postgres/session.ts';
import { resolveTarget } from '../../src/postgres/target.ts';
import type { AskLimits } from '../../src/tenancy/ask.ts';
import type { RlsFacts, TableFacts } from '../../src/tenancy/facts.ts';
import { type Proof, proveWithoutRows } from '../../src/tenancy/proof/prove.ts';
import { proveWithRows } from '../../src/tenancy/proof/prove-rows.ts';
import { readFacts } from '../../src/tenancy/read-facts.ts';
import { DEFAULT_TENANCY, type TenancySettings } from '../../src/tenancy/settings.ts';

/** What the tests' databases serve as their API. */
export const SETTINGS: TenancySettings = { ...DEFAULT_TENANCY, apiSchemas: ['public'] };

/** A session of the program's own. */
export async function openSession(url: string): Promise<Session> {
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
    return await readFacts(session, { ...SETTINGS, ...settings }, { limits });
  } finally {
    await session.close();
  }
}

/** The proof by fresh sessions. */
export async function proofOf(...args: Parameters<typeof proofWithFacts>): Promise<Proof> {
  return (await proofWithFacts(...args)).proof;
}

/** The proof, and the facts that it is about. */
export async function proofWithFacts(
  url: string,
  settings: Partial<TenancySettings> = {},
  how: 'policies' | 'rows' = 'policies',
  callsWriters = false,
): Promise<{ proof: Proof; facts: RlsFacts }> {
  const { without, rows, facts } = await proofsOf(
    url,
    settings,
    how === 'rows' ? () => true : () => false,
    callsWriters,
  );
  return { proof: how === 'rows' ? rows : without, facts };
}

/** Both proofs: without rows of all tables, and with rows of those that are chosen. */
export async function proofsOf(
  url: string,
  settings: Partial<TenancySettings>,
  withRows: (table: TableFacts) => boolean,
  callsWriters = false,
): Promise<{ without: Proof; rows: Proof; facts: RlsFacts }> {
  const all = { ...SETTINGS, ...settings };
  const session = await openSession(url);
  const neverSet = await openSession(url);
  let apart: Promise<Session> | undefined;
  try {
    const facts = await readFacts(session, all, { assumes: true, apart: () => (apart ??= openSession(url)) });
    const without = await proveWithoutRows(session, facts, all);
    const chosen = { ...without, tables: without.tables.filter(({ table }) => withRows(table)) };
    const setup = { facts, settings: all, neverSet, callsWriters, onTable: () => {} };
    const rows = chosen.tables.length === 0 ? chosen : await proveWithRows(session, chosen, setup);
    return { without, rows, facts };
  } finally {
    await (await apart)?.close();
    await neverSet.close();
    await session.close();
  }
}
