import type { FunctionFacts, Named } from './facts.ts';

/** Names as the server prints them: quoted where they would be read as something else. */
export function displayName(name: string): string {
  return /^[a-z_][a-z0-9_$]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`;
}

/** `public.contacts`, `public."Order Items"`: how a report calls a thing, and how an exception names it. */
export function displayPath({ schema, name }: Pick<Named, 'schema' | 'name'>): string {
  return `${displayName(schema)}.${displayName(name)}`;
}

/** `public.resolve(identifier text)`. */
export function displaySignature(definer: FunctionFacts): string {
  return `${displayPath(definer)}(${definer.arguments})`;
}

/** `a`, `a and b`, `a, b and 7 more`. */
export function listNames(names: readonly string[], limit = 5): string {
  if (names.length > limit) return `${names.slice(0, limit).join(', ')} and ${names.length - limit} more`;
  return names.length < 2 ? names.join() : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}

/** The same of what has a name: roles, columns. */
export function listNamed(things: readonly Pick<Named, 'name'>[]): string {
  return listNames(things.map(({ name }) => displayName(name)));
}

/** An array of names, as SQL spells its value. */
export function namesOf(names: readonly string[]): string {
  return `{${names.map((name) => JSON.stringify(name)).join(',')}}`;
}
