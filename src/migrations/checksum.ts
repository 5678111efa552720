import { createHash, hash as hashOnce } from 'node:crypto';
import { Scanner, TOKEN } from './scanner.ts';

const CR = 13;
const LF = 10;

/**
 * What a file's content is known by: SHA-256 (hex) of its bytes with a byte order mark removed and CRLF read as LF,
 * nothing else normalised. Two tools of the field normalise so much that `-- x⏎DELETE` and `-- xDELETE` get one
 * checksum; the first deletes, the second does not.
 */
export function checksum(content: Uint8Array): string {
  return hashOnce('sha256', normalise(content), 'hex');
}

/** The content as it is hashed and sent: without byte order mark, CRLF as LF. The same array when nothing changes. */
export function normalise(content: Uint8Array): Uint8Array {
  const from = content[0] === 0xef && content[1] === 0xbb && content[2] === 0xbf ? 3 : 0;
  let at = content.indexOf(CR, from);
  if (at < 0) return from === 0 ? content : content.subarray(from);
  const out = new Uint8Array(content.length - from);
  let length = 0;
  let copied = from;
  for (; at >= 0; at = content.indexOf(CR, at + 1)) {
    if (content[at + 1] !== LF) continue;
    out.set(content.subarray(copied, at), length);
    length += at - copied;
    copied = at + 1;
  }
  out.set(content.subarray(copied), length);
  return out.subarray(0, length + content.length - copied);
}

/**
 * SHA-256 (hex) over the tokens: equal for two texts exactly when they differ in comments, white space and the case of
 * unquoted words alone. Then their syntax trees are the same, so the change is cosmetic; strings and function bodies
 * count byte for byte, as they do in the tree.
 */
export function tokenChecksum(content: Uint8Array): string {
  const text = normalise(content);
  const scanner = new Scanner(text);
  let psql = false;
  // Every token is written with one byte before it, and none is longer than it was.
  const tokens = scratch(2 * text.length + 1);
  let length = 0;
  let previous = -1;
  for (let token = scanner.next(); token !== TOKEN.end; token = scanner.next()) {
    // A continued literal is one literal: the line feed between its parts is not cosmetic.
    tokens[length++] = token === TOKEN.string && previous === TOKEN.string && scanner.newlineBefore ? 1 : 0;
    const fold = token === TOKEN.word;
    for (let i = scanner.start; i < scanner.end; i++) {
      const c = text[i]!;
      tokens[length++] = fold && c >= 65 && c <= 90 ? c + 32 : c;
    }
    // Lines of psql's own and rows for COPY are no SQL: every byte of theirs counts.
    psql ||= token === TOKEN.backslash || (scanner.end - scanner.start === 5 && fold && scanner.word() === 'stdin');
    previous = token;
  }
  const found = tokens.subarray(0, length);
  // What was left open has no tree; the text itself keeps two such files apart.
  if (scanner.unterminated || psql) return createHash('sha256').update(found).update(text).digest('hex');
  return hashOnce('sha256', found, 'hex');
}

let kept = new Uint8Array(64 * 1024);

/** Room to write to, the same for every file: a new one each time would keep the garbage collector busy. */
function scratch(length: number): Uint8Array {
  if (kept.length < length) kept = new Uint8Array(length);
  return kept;
}
