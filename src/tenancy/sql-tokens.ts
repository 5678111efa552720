// Finding the ends of things in SQL that the server printed: where they begin is known, from the grammar or the plan.

/** Position behind the quoted text that begins at `start`: a string, an E'' string, a quoted name. */
function endOfQuoted(text: string, start: number): number {
  const quote = text[start]!;
  const hasEscapes = quote === "'" && /[eE]/.test(text[start - 1] ?? '') && !/\w/.test(text[start - 2] ?? '');
  let at = start + 1;
  while (at < text.length) {
    if (hasEscapes && text[at] === '\\') at += 2;
    else if (text[at] !== quote) at++;
    else if (text[at + 1] === quote) at += 2;
    else return at + 1;
  }
  return at;
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

/** The text with every string literal emptied, so that names in it are names. */
export function withoutStrings(text: string): string {
  let out = '';
  let at = 0;
  while (at < text.length) {
    const char = text[at]!;
    if (char !== "'" && char !== '"') {
      out += char;
      at++;
      continue;
    }
    const end = endOfQuoted(text, at);
    out += char === "'" ? "''" : text.slice(at, end);
    at = end;
  }
  return out;
}
