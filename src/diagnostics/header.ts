/** One key of a header: its text, the items of its list, and the line it stands on (1-based). */
interface HeaderField {
  readonly value: string;
  readonly items: readonly string[];
  readonly line: number;
}

export interface CheckHeader {
  readonly fields: ReadonlyMap<string, HeaderField>;
  /** Lines that are none of: key, continuation, item. */
  readonly problems: readonly string[];
  readonly head: string;
  /** What follows the header. */
  readonly body: string;
}

const KEY = /^-- ?([A-Za-z][A-Za-z-]*):(?: (.*))?$/;
const ITEM = /^-- ?- (.+)$/;
const CONTINUATION = /^--\s{2,}(\S.*)$/;

/**
 * Reads the comment block that a file begins with, up to its first line that is no comment: `-- Key: text`, a text that
 * goes on in `--   indented lines`, a list as `-- - item` lines. Every line of it counts: a misspelt key is no comment.
 */
export function readHeader(text: string): CheckHeader {
  const lines = text.replace(/^\uFEFF/, '').split(/\r?\n/);
  const end = lines.findIndex((line) => !line.startsWith('--'));
  const head = end === -1 ? lines : lines.slice(0, end);
  const fields = new Map<string, { value: string; items: string[]; line: number }>();
  const problems: string[] = [];
  let field: { value: string; items: string[] } | undefined;
  for (const [index, line] of head.entries()) {
    const [, key, value = ''] = KEY.exec(line) ?? [];
    const [, item] = ITEM.exec(line) ?? [];
    const [, more] = CONTINUATION.exec(line) ?? [];
    if (key !== undefined) {
      if (fields.has(key)) problems.push(`line ${index + 1}: ${key} is given twice`);
      const opened = { value: value.trim(), items: [], line: index + 1 };
      fields.set(key, opened);
      field = opened;
    } else if (field !== undefined && item !== undefined) field.items.push(item.trim());
    else if (field !== undefined && more !== undefined) prolong(field, more.trim());
    else problems.push(`line ${index + 1}: neither "-- Key: text" nor part of one; leave a line empty above comments`);
  }
  return { fields, problems, head: head.join('\n'), body: end === -1 ? '' : lines.slice(end).join('\n').trim() };
}

function prolong(field: { value: string; items: string[] }, more: string): void {
  const last = field.items.length - 1;
  if (last >= 0) field.items[last] = `${field.items[last]} ${more}`;
  else field.value = `${field.value} ${more}`.trim();
}
