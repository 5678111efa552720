/** An SQL string literal; safe whatever standard_conforming_strings says (PostgreSQL docs 4.1.2.1, 4.1.2.2). */
export function quoteLiteral(value: string): string {
  const quoted = `'${value.replaceAll("'", "''")}'`;
  return quoted.includes('\\') ? ` E${quoted.replaceAll('\\', '\\\\')}` : quoted;
}

/** An identifier, always quoted (PostgreSQL docs 4.1.1). */
export function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** `"schema"."name"`. */
export function quoteQualified(schema: string, name: string): string {
  return `${quoteIdentifier(schema)}.${quoteIdentifier(name)}`;
}

/** A text in dollar quotes whose tag nothing in it ends (PostgreSQL docs 4.1.2.4). */
export function dollarQuote(body: string, word = 'aisha'): string {
  let tag = `$${word}$`;
  for (let n = 2; body.includes(tag.slice(0, -1)); n++) tag = `$${word}${n}$`;
  return `${tag}\n${body}\n${tag}`;
}
