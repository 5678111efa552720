// Finding the ends of things in SQL that the server printed: where they begin is known, from the grammar or the plan.

/** Position behind the quoted text that begins at `start`: a string, an E'' string, a quoted name. */
function endOfQuoted(text: string, start: number): number {
  const quote = text[start]!;
  const escapes = hasEscapes(text, start);
  let at = start + 1;
  while (at < text.length) {
    if (escapes && text[at] === '\\') at += 2;
    else if (text[at] !== quote) at++;
    else if (text[at + 1] === quote) at += 2;
    else return at + 1;
  }
  return at;
}

/** `E'...'`, in which a backslash is an escape. */
function hasEscapes(text: string, start: number): boolean {
  return text[start] === "'" && /[eE]/.test(text[start - 1] ?? '') && !/\w/.test(text[start - 2] ?? '');
}

/** Position behind the parenthesis that closes the one at `open`. */
export function endOfParentheses(text: string, open: number): number {
  let depth = 0;
  let at = open;
  while (at < text.length) {
    const char = text[at]!;
    if (char === "'" || char === '"') {
      at = endOfQuoted(text, at);
      continue;
    }
    if (char === '(') depth++;
    if (char === ')' && --depth === 0) return at + 1;
    at++;
  }
  return at;
}

/** The parts of a list between commas that stand in no parentheses and no quotes. */
export function splitList(text: string): string[] {
  const parts: string[] = [];
  let start = 0;
  let at = 0;
  while (at < text.length) {
    const char = text[at]!;
    if (char === "'" || char === '"') at = endOfQuoted(text, at);
    else if (char === '(') at = endOfParentheses(text, at);
    else {
      if (char === ',') {
        parts.push(text.slice(start, at).trim());
        start = at + 1;
      }
      at++;
    }
  }
  return [...parts, text.slice(start).trim()];
}

/** A string in SQL that the server printed. */
export interface Literal {
  /** Where it stands, quotes included (0-based characters). */
  readonly start: number;
  readonly end: number;
  readonly value: string;
}

/** The strings of a text, but for those with escapes: quoted names are none. */
export function literalsIn(text: string): Literal[] {
  return quotedIn(text).flatMap(({ start, end }) => {
    if (text[start] === '"' || hasEscapes(text, start)) return [];
    return { start, end, value: text.slice(start + 1, end - 1).replaceAll("''", "'") };
  });
}

/** The text with every string literal blanked, so that names in it are names; everything keeps its place. */
export function withoutStrings(text: string): string {
  let out = '';
  let at = 0;
  for (const { start, end } of quotedIn(text)) {
    out += text.slice(at, start);
    out += text[start] === "'" ? `'${' '.repeat(end - start - 2)}'` : text.slice(start, end);
    at = end;
  }
  return out + text.slice(at);
}

function quotedIn(text: string): { start: number; end: number }[] {
  const found: { start: number; end: number }[] = [];
  for (let at = 0; at < text.length; at++) {
    if (text[at] !== "'" && text[at] !== '"') continue;
    const end = endOfQuoted(text, at);
    found.push({ start: at, end });
    at = end - 1;
  }
  return found;
}
