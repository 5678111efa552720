const BREAKS = /\r\n|\n|\r/;

// Besides control characters and lone surrogates: marks that reorder or hide text on a terminal ("Trojan source").
const UNSAFE = /[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\p{Cs}]/u;
const EVERY_UNSAFE = new RegExp(UNSAFE, 'gu');

/**
 * Text for one line of a terminal or a file: line breaks, escape sequences and marks that reorder text become visible
 * (`\n`, `\x1b`, `\u{202e}`). Names of objects come from the database, where anybody may put anything into them.
 */
export function plain(text: string): string {
  return UNSAFE.test(text) ? text.replace(EVERY_UNSAFE, visible) : text;
}

/** The same for text of several lines: line breaks break, tabs become two spaces. */
export function plainLines(text: string): string[] {
  return text.split(BREAKS).map((line) => plain(line.replaceAll('\t', '  ')));
}

/** Half a character (a lone surrogate) cannot be written as UTF-8 or as a URL. */
export function wellFormed(text: string): string {
  return text.replace(/\p{Cs}/gu, '\ufffd');
}

function visible(character: string): string {
  const named = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }[character];
  const code = character.codePointAt(0) ?? 0;
  return named ?? (code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`);
}
