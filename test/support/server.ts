import { inject } from 'vitest';
import type { TestServer } from './global-setup.ts';

/** The server of this worker: what tests do to roles, sessions and counters of a whole server meets no other test. */
export function testServer(): TestServer {
  const servers = inject('servers');
  const worker = Number(process.env['VITEST_POOL_ID'] ?? 1);
  return servers[(worker - 1) % servers.length]!;
}
