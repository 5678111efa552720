import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';

const MISSING = 'Chromium is not installed: run `apt-get install --no-install-recommends chromium`.';

/** Nothing that the browser does on its own may reach the network or a profile of the developer. */
const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--disable-sync',
  '--disable-background-networking',
  '--disable-component-update',
  '--no-first-run',
];

/**
 * One sentence for the report when the test must be skipped, as in `test.skipIf(chromiumMissing())`. Where CI is set
 * nothing is skipped: the test runs and fails with that sentence.
 */
export function chromiumMissing(): string | undefined {
  return process.env['CI'] || findProgram() ? undefined : MISSING;
}

/** Starts the Chromium of the system with a profile of its own, which goes with it. */
export async function startChromium(): Promise<Browser> {
  const executablePath = findProgram();
  if (executablePath === undefined) throw new Error(MISSING);
  return chromium.launch({ executablePath, args: FLAGS });
}

function findProgram(): string | undefined {
  const names = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome'];
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  const paths = names.flatMap((name) => folders.map((folder) => join(folder, name)));
  return paths.find((path) => existsSync(path));
}
