import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AishaError } from '../errors.ts';
import { wholeFiles, writeWhole } from '../whole-file.ts';
import type { Incident } from './incident.ts';

/** Opens an incident; nothing is written until it is kept. */
export function newIncident(known: Pick<Incident, 'database' | 'happenedAt' | 'pitr'>): Incident {
  const now = new Date().toISOString();
  return {
    ...known,
    id: `${now.replaceAll(/[-:]|\.\d+/g, '')}-incident-${randomBytes(3).toString('hex')}`,
    openedAt: now,
    assessment: undefined,
    choice: undefined,
    deeds: [],
    verification: undefined,
  };
}

/** Keeps an incident and its report: each file is there with its whole content or not at all. */
export function keepIncident(folder: string, incident: Incident, report: string): string {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, `${incident.id}.md`);
  writeWhole(join(folder, `${incident.id}.json`), `${JSON.stringify(incident, null, 2)}\n`);
  writeWhole(path, report);
  return path;
}

/** The incidents of a folder, from the oldest. */
function readIncidents(folder: string): Incident[] {
  return wholeFiles(folder, '.json')
    .sort()
    .map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as Incident);
}

/**
 * The incident of that identifier, or of a beginning of it that only one has; the newest of the database without one.
 * @throws AishaError (usage)
 */
export function findIncident(folder: string, wanted: string | undefined, database: string): Incident {
  const all = readIncidents(folder);
  const matches =
    wanted === undefined
      ? all.filter((incident) => incident.database === database).slice(-1)
      : all.filter(({ id }) => id.startsWith(wanted));
  const [only] = matches;
  if (only !== undefined && matches.length === 1) return only;
  throw new AishaError(
    'usage',
    wanted === undefined ? 'no incident of this database is open' : `there is no incident ${wanted}`,
    {
      details: matches.map(({ id }) => id),
      hint: 'Begin with: aisha-db recover assess.',
    },
  );
}
