import { archivedSession, archiveStamps, provenance } from '../archived.ts';
import type { SeedTable } from '../table.ts';
import { table as sessions } from './agent_sessions_archive.ts';

/** Events of each session. */
const LENGTH = 3;

export const table: SeedTable = {
  rows: (contacts) => LENGTH * sessions.rows(contacts),
  row: (at) => ({
    id: at.id,
    ...archivedSession(at, Math.floor(at.n / LENGTH)),
    event_id: `event-${(at.n % LENGTH) + 1}`,
    event_type: ['message', 'tool_call', 'result'][at.n % LENGTH]!,
    payload: { text: at.pick(at.pools.sentences), ...provenance(at) },
    metadata: {},
    ...archiveStamps(at),
  }),
};
