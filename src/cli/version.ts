import { readPackage } from './package-json.ts';

let known: string | undefined;

/** The version of the program, from its package.json. */
export function version(): string {
  known ??= readPackage().version;
  return known;
}
