import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { defineConfig } from 'vitest/config';

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

// `core` needs nothing and runs in milliseconds, `browser` needs Chromium; `postgres` shares one scratch server
// (test/support/global-setup.ts).
export default defineConfig({
  test: {
    tags: TAGS,
    // Left alone, vitest takes one worker fewer than there are cores: of two, one idles while tests wait for a server.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    projects: [
      {
        test: {
          name: 'core',
          include: ['test/**/*.test.ts'],
          exclude: ['test/**/*.pg.test.ts', 'test/**/*.browser.test.ts'],
        },
      },
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
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
