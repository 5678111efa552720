import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { defineConfig } from 'vitest/config';
import { LongestFirst } from './test/support/longest-first.ts';

const SERVER_VERSIONS = Object.keys(
  JSON.parse(readFileSync(resolve(import.meta.dirname, 'test/support/server-releases.json'), 'utf8')),
);

/** What `npm run test:matrix` chooses by; `npm test` runs everything on one server. */
const TAGS = [
  ...SERVER_VERSIONS.map((version) => ({
    name: `since-${version}`,
    description: `Has to hold on PostgreSQL ${version} and every later version; the latest tag counts.`,
  })),
  { name: 'each-build', description: 'Short enough to run on every version for every change.' },
];

/**
 * Left alone, vitest takes one worker fewer than there are cores; a quarter of the time of a test is waiting, for a
 * lock, a timeout or a server that starts, so that one more than there are cores keeps them all at work. Each has a
 * server of its own, unless one was given: tests look at sessions, roles and counters of a whole server.
 */
const IS_SERVER_GIVEN = process.env['AISHA_TEST_URL'] || process.env['AISHA_TEST_SERVER'] === 'container';
const WORKERS = IS_SERVER_GIVEN ? 1 : Math.max(2, Math.min(4, availableParallelism() + 1));

/** The bundle is what is tested (test/support/run-here.ts), and vite would only read it again. */
const AS_NODE_LOADS_IT = { deps: { external: [/\/dist\//] } };

// `core` needs nothing and runs in milliseconds, `browser` needs Chromium; `postgres` scratch servers
// (test/support/global-setup.ts).
export default defineConfig({
  test: {
    tags: TAGS,
    maxWorkers: WORKERS,
    sequence: { sequencer: LongestFirst },
    // A new process for each file loads the same modules again, and runs them cold: a tenth of all CPU. A file puts back
    // what it changes of its process.
    isolate: false,
    projects: [
      {
        test: {
          name: 'core',
          // They need milliseconds; a loaded machine needs patience.
          testTimeout: 30_000,
          include: ['test/**/*.test.ts'],
          server: AS_NODE_LOADS_IT,
          exclude: ['test/**/*.pg.test.ts', 'test/**/*.browser.test.ts', 'test/**/*.cron.test.ts'],
        },
      },
      // Waits for whole minutes of a cron daemon: `npm run test:cron`, as root.
      ...(process.env['AISHA_TEST_CRON'] === '1'
        ? [{ test: { name: 'cron', include: ['test/**/*.cron.test.ts'], hookTimeout: 60_000 } }]
        : []),
      {
        test: {
          name: 'browser',
          include: ['test/**/*.browser.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'postgres',
          include: ['test/**/*.pg.test.ts'],
          globalSetup: ['test/support/global-setup.ts'],
          server: AS_NODE_LOADS_IT,
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
