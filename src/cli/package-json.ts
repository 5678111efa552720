import { readFileSync } from 'node:fs';

/** What the program knows of itself. */
export interface PackageFacts {
  readonly version: string;
  readonly description: string;
  /** Where defects are reported. */
  readonly tracker: string;
}

/** Reads package.json, which lies beside src/ and dist/ alike. */
export function readPackage(): PackageFacts {
  const { version, description, bugs } = JSON.parse(
    readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
  );
  return { version, description, tracker: bugs?.url ?? bugs?.email ?? "the project's issue tracker" };
}
