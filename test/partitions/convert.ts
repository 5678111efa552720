import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { Project } from '../commands/project.ts';

/** Writes the file, with smaller batches and longer pauses: it is made to be changed like that. */
export async function convert(project: Project, table: string, by: string, ...options: string[]): Promise<string> {
  const written = await project.run('partitions', 'convert', table, '--by', by, ...options);
  expect(written.code, written.stderr).toBe(0);
  const file = join(project.dir, /wrote (\S+) and/.exec(written.stdout)![1]!);
  const text = readFileSync(file, 'utf8');
  writeFileSync(
    file,
    text.replace(/integer := 5000/g, 'integer := 100').replace(/precision := 0.01/, 'precision := 0.05'),
  );
  return written.stdout;
}
