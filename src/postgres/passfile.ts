/** What a password is looked up for. */
export interface PassfileQuery {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
}

/** Directories that libpq builds use for the default socket: connections there are looked up as `localhost`. */
const DEFAULT_SOCKET_DIRS = ['/tmp', '/var/run/postgresql', '/run/postgresql'];

/**
 * The password of the first line of a password file that matches, or `undefined`
 * (PostgreSQL docs 34.16 "The Password File": `hostname:port:database:username:password`).
 */
export function passwordFromFile(text: string, query: PassfileQuery): string | undefined {
  const host = DEFAULT_SOCKET_DIRS.includes(query.host) ? 'localhost' : query.host;
  const wanted = [host, String(query.port), query.database, query.user];
  for (const line of text.split(/\r?\n/)) {
    const fields = line.startsWith('#') ? undefined : splitFields(line);
    if (fields === undefined) continue;
    const matches = wanted.every((value, index) => fields[index] === '*' || unescapeField(fields[index]!) === value);
    if (matches) return unescapeField(fields[4]!);
  }
  return undefined;
}

/**
 * Why a password file must be ignored, or `undefined` when it may be used: as libpq, which refuses one that group or
 * others can read. Windows has no such modes and is not checked.
 * @param mode `st_mode` of the file
 */
export function passfileWarning(path: string, mode: number, platform: NodeJS.Platform): string | undefined {
  if (platform === 'win32' || (mode & 0o077) === 0) return undefined;
  return `password file "${path}" has group or world access and is ignored; permissions should be u=rw (0600) or less`;
}

/** The five fields, still escaped; the password is everything behind the fourth colon. */
function splitFields(line: string): readonly string[] | undefined {
  const match = /^((?:[^:\\]|\\.)*):((?:[^:\\]|\\.)*):((?:[^:\\]|\\.)*):((?:[^:\\]|\\.)*):(.*)$/.exec(line);
  return match?.slice(1);
}

function unescapeField(field: string): string {
  return field.replaceAll(/\\(.)/g, '$1');
}
