import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { wholeFiles, writeWhole } from '../whole-file.ts';
import { parseRecord, type RehearsalRecord, serializeRecord } from './record.ts';

/** Keeps a rehearsal: the file is there with its whole content or not at all. @returns its path */
export function keepRecord(folder: string, record: RehearsalRecord): string {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, `${record.id}.json`);
  writeWhole(path, serializeRecord(record));
  return path;
}

/** The rehearsals of a database, from the newest; what was changed since it was written is none. */
export function readRecords(folder: string, database: string): RehearsalRecord[] {
  return wholeFiles(folder, '.json')
    .flatMap((name) => parseRecord(readFileSync(join(folder, name), 'utf8')) ?? [])
    .filter((record) => record.database === database)
    .sort((a, b) => Date.parse(b.at) - Date.parse(a.at));
}
