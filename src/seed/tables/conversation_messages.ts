import { DAY, TODAY } from '../place.ts';
import type { SeedTable } from '../table.ts';
import { table as conversations } from './conversations.ts';

/** Messages of each conversation. */
const LENGTH = 4;

export const table: SeedTable = {
  rows: (contacts) => LENGTH * conversations.rows(contacts),
  row: (at) => ({
    id: at.id,
    tenant_id: at.tenant.id,
    conversation_id: at.idOf('conversations', Math.floor(at.n / LENGTH)),
    role: ['system', 'user', 'tool', 'assistant'][at.n % LENGTH]!,
    content: at.pick(at.pools.paragraphs),
    metadata: { tokens: at.int(5, 900) },
    created_at: new Date(at.between(TODAY - 90 * DAY, TODAY)),
  }),
};
