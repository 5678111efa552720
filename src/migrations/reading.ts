/** Why a file must not go on behind a SET of its own, with what to do. */
export interface ReadingProblem {
  readonly message: string;
  readonly hint: string;
}

const SETTING =
  /^set\s+(?:session\s+|local\s+)?"?(names|client_encoding|standard_conforming_strings)"?(?:\s*=|\s+to\b|\s)\s*(.*)$/is;
const COMMENT = /\/\*[\s\S]*?\*\/|--.*$/gm;
const UTF8 = /^'?(?:utf-?8|unicode|sql_ascii|default)'?$/i;
const OFF = /^'?(?:of?f?|fa?l?s?e?|no?|0)'?$/i;

/**
 * psql reads what follows `SET client_encoding` and `SET standard_conforming_strings` differently from then on; here a
 * file is UTF-8, and a backslash in '...' just a backslash, from its first byte to its last. A SET by which the rest
 * would mean something else is refused rather than passed over.
 * @param statement a statement that begins with SET
 * @param rest what follows it in the file
 */
export function readingProblem(statement: string, rest: Uint8Array): ReadingProblem | undefined {
  const [, name = '', value = ''] = SETTING.exec(statement.replaceAll(COMMENT, ' ')) ?? [];
  switch (name.toLowerCase()) {
    case 'names':
    case 'client_encoding':
      if (value === '' || UTF8.test(value) || isAscii(rest)) return undefined;
      return {
        message: `${value} is not the encoding of this file`,
        hint: 'Files are UTF-8 to their end: remove the statement, or convert the file with iconv and name UTF8.',
      };
    case 'standard_conforming_strings':
      if (!OFF.test(value) || !rest.includes(BACKSLASH)) return undefined;
      return {
        message: 'standard_conforming_strings = off changes what the backslashes behind it mean',
        hint: "Remove the statement, and write strings with escapes as E'...'.",
      };
    default:
      return undefined;
  }
}

const BACKSLASH = 92;

function isAscii(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte < 128);
}
