/** A name of an SQL identifier as PostgreSQL prints it: quoted where it has to be. */
export const IDENTIFIER = '(?:"(?:[^"]|"")*"|[^".([ ]+)';

/** The parts of `CatalogEntry.name`, without quotes. */
export interface CatalogName {
  readonly schema: string;
  readonly name: string;
  /** Of a column, constraint, policy, trigger or rule. */
  readonly part: string | undefined;
  /** A function, by its signature. */
  readonly isRoutine: boolean;
}

const NAME = new RegExp(`^(${IDENTIFIER})\\.(${IDENTIFIER})(?:[. ](${IDENTIFIER})|(\\(.*\\)))?$`, 's');

/** `undefined` for what lies in no schema. */
export function catalogNameOf(text: string): CatalogName | undefined {
  const [, schema, name, part, signature] = NAME.exec(text) ?? [];
  if (schema === undefined || name === undefined) return undefined;
  return {
    schema: unquoted(schema),
    name: unquoted(name),
    part: part === undefined ? undefined : unquoted(part),
    isRoutine: signature !== undefined,
  };
}

export function unquoted(identifier: string): string {
  return identifier.startsWith('"') ? identifier.slice(1, -1).replaceAll('""', '"') : identifier;
}
