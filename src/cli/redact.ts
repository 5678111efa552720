import { wellFormed } from '../report/plain.ts';

type Environment = Readonly<Record<string, string | undefined>>;

const SHOWN = '***';

/** A shorter password would also be a piece of half the words of a report. */
const SHORTEST = 4;

const URL_PASSWORD = /(\b[a-z][a-z0-9+.-]*:\/\/[^\s:/?#@]*:)([^\s/?#]*|[^\s@]*)(?=@)/gi;
const WRITTEN_PASSWORD = /(\bpassword=)('(?:[^'\\]|\\.)*'|[^\s&'"]+)/gi;

/** The last line of defence: nothing is printed before it went through here. */
export interface Redactor {
  /** A password of this run. */
  add(password: string): void;
  /** The passwords of an environment: PGPASSWORD and those inside of URLs. */
  addAll(env: Environment): void;
  /** A word that is public, such as the name of the database: it is shown even where it is the password as well. */
  allow(word: string): void;
  text(text: string): string;
  /** The same value with every text in it redacted, keys excepted. */
  deep<T>(value: T): T;
}

/** Knows the passwords of the environment; masks them, and whatever stands where URLs and settings have a password. */
export function createRedactor(env: Environment): Redactor {
  const passwords = new Set<string>();
  const allowed = new Set<string>();
  const add = (password: string): void => {
    for (const form of formsOf(password)) if (form.length >= SHORTEST) passwords.add(form);
  };
  const text = (given: string): string => {
    let safe = maskPlaces(given);
    for (const password of passwords)
      if (safe.includes(password) && !allowed.has(password)) safe = safe.replaceAll(password, SHOWN);
    return safe;
  };
  const addAll = (more: Environment): void => passwordsOf(more).forEach(add);
  addAll(env);
  return { add, addAll, allow: (word) => void allowed.add(word), text, deep: (value) => mapTexts(value, text) };
}

/** Our own hints write PASSWORD where one belongs. */
function maskPassword(_match: string, before: string, password: string): string {
  return before + (password === 'PASSWORD' ? password : SHOWN);
}

function maskPlaces(text: string): string {
  // A report may have a hundred thousand texts: the patterns are only tried where they can match.
  const safe = text.includes('://') ? text.replace(URL_PASSWORD, maskPassword) : text;
  return safe.includes('=') && /password=/i.test(safe) ? safe.replace(WRITTEN_PASSWORD, `$1${SHOWN}`) : safe;
}

/** Passwords in PGPASSWORD and in every variable that holds a URL. */
function passwordsOf(env: Environment): string[] {
  const inUrls = Object.values(env).flatMap((value) =>
    [...(value ?? '').matchAll(URL_PASSWORD)].map(([, , found]) => found ?? ''),
  );
  return [...inUrls, env['PGPASSWORD'] ?? ''].filter((password) => password !== '');
}

/** As it was typed, and as it is inside of a URL. */
function formsOf(password: string): string[] {
  return [...new Set([password, encodeURIComponent(wellFormed(password)), decode(password)])];
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** What has no text that is changed stays the very same: a report may hold a hundred thousand objects. */
function mapTexts<T>(value: T, map: (text: string) => string): T {
  if (typeof value === 'string') return map(value) as T;
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return mapItems(value, map) as T;
  if (Object.getPrototypeOf(value) !== Object.prototype) return value;
  return mapFields(value as Readonly<Record<string, unknown>>, map) as T;
}

function mapFields(fields: Readonly<Record<string, unknown>>, map: (text: string) => string): typeof fields {
  let changed: Record<string, unknown> | undefined;
  for (const key of Object.keys(fields)) {
    const mapped = mapTexts(fields[key], map);
    if (mapped === fields[key]) continue;
    changed ??= { ...fields };
    changed[key] = mapped;
  }
  return changed ?? fields;
}

function mapItems(items: readonly unknown[], map: (text: string) => string): readonly unknown[] {
  let changed: unknown[] | undefined;
  for (const [at, item] of items.entries()) {
    const mapped = mapTexts(item, map);
    if (mapped === item) continue;
    changed ??= [...items];
    changed[at] = mapped;
  }
  return changed ?? items;
}
