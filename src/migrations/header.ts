/** One `-- Key: value` of a header, with the line it stands on (1-based). */
interface HeaderField {
  readonly value: string;
  readonly items: readonly string[];
  readonly line: number;
}

export interface Header {
  readonly fields: ReadonlyMap<string, HeaderField>;
  readonly problems: readonly { readonly line: number; readonly message: string }[];
}

/** Keys this program defines, by their spelling in lower case (manual 12.3, and directives to the runner). */
const KEYS = [
  'Migration',
  'Description',
  'Date',
  'Author',
  'Dependencies',
  'Rollback',
  'Reverts',
  'Breaking Changes',
  'New Tables',
  'Modified Tables',
  'Indexes Added',
  'Transaction',
  'On-Interruption',
  'Lock-Timeout',
  'Statement-Timeout',
] as const;
const KNOWN: ReadonlySet<string> = new Set(KEYS.map((key) => key.toLowerCase()));

/** Directives that have one of two values. */
const DIRECTIVES = [
  { key: 'Transaction', values: ['none', 'file'] },
  { key: 'On-Interruption', values: ['repeat', 'ask'] },
] as const;

/** A header ends where the SQL begins; 64 KiB of comments before that are no header. */
const MOST_BYTES = 64 * 1024;
const NONE = /^(?:(?:none|n\/a|no)\b|-+$)/i;

/**
 * Reads the comment block at the top of a file: `-- Key: value` lines, a block key with `-- - item` lines. Strict about
 * the keys defined here (a repeated one is a problem), tolerant of every other comment.
 */
export function parseHeader(content: Uint8Array): Header {
  const fields = new Map<string, HeaderField & { items: string[] }>();
  const problems: { line: number; message: string }[] = [];
  let block: string[] | undefined;
  let number = 0;
  for (const raw of linesOf(content)) {
    number++;
    const line = raw.trim();
    if (line === '') continue;
    if (!line.startsWith('--')) break;
    const comment = line.slice(2).trim();
    if (block && comment.startsWith('- ')) {
      block.push(comment.slice(2).trim());
      continue;
    }
    const match = /^([A-Za-z][A-Za-z -]*?)\s*:\s*(.*)$/.exec(comment);
    const key = match?.[1]?.toLowerCase();
    if (!match || key === undefined || !KNOWN.has(key)) {
      if (comment !== '') block = undefined;
      continue;
    }
    if (fields.has(key)) {
      problems.push({ line: number, message: `header key "${match[1]}" is given twice` });
      continue;
    }
    const items: string[] = [];
    fields.set(key, { value: (match[2] ?? '').trim(), items, line: number });
    block = items;
  }
  return { fields, problems: [...problems, ...directiveProblems(fields)] };
}

const LF = 10;

/** Lines as text, one by one: most files are much longer than their header. */
function* linesOf(content: Uint8Array): Generator<string> {
  const bytes = Buffer.from(content.buffer, content.byteOffset, Math.min(content.length, MOST_BYTES));
  let from = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
  while (from < bytes.length) {
    const stop = bytes.indexOf(LF, from);
    yield bytes.toString('utf8', from, stop < 0 ? bytes.length : stop);
    from = stop < 0 ? bytes.length : stop + 1;
  }
}

function directiveProblems(fields: ReadonlyMap<string, HeaderField>): { line: number; message: string }[] {
  return DIRECTIVES.flatMap(({ key, values: [one, other] }) => {
    const field = fields.get(key.toLowerCase());
    const value = field?.value.toLowerCase();
    if (!field || value === one || value === other) return [];
    return [{ line: field.line, message: `header key "${key}" must be "${one}" or "${other}", got "${field.value}"` }];
  });
}

/** The value of a key, or `undefined` when it is absent or empty. */
export function headerValue(header: Header, key: (typeof KEYS)[number]): string | undefined {
  const value = header.fields.get(key.toLowerCase())?.value;
  return value === '' ? undefined : value;
}

/** The line a key stands on, for messages. */
export function headerLine(header: Header, key: (typeof KEYS)[number]): number {
  return header.fields.get(key.toLowerCase())?.line ?? 1;
}

/** The entries of a list key, from its line (comma separated) and its items; "None" is no entry. */
export function headerList(header: Header, key: (typeof KEYS)[number]): string[] {
  const field = header.fields.get(key.toLowerCase());
  if (!field) return [];
  return [...field.value.split(','), ...field.items]
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '' && !NONE.test(entry));
}
