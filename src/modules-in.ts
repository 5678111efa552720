import { readdirSync } from 'node:fs';

/** Names of the program's own modules in a folder, in alphabetical order: a new one is a new file, named nowhere else. */
export function modulesIn(folder: URL): string[] {
  // The program runs compiled (.js), its tests run the sources (.ts).
  const extension = import.meta.url.slice(import.meta.url.lastIndexOf('.'));
  return readdirSync(folder)
    .filter((file) => file.endsWith(extension))
    .map((file) => file.slice(0, -extension.length))
    .sort();
}
