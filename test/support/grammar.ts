import { loadModule, parseSync, scanSync } from 'libpg-query';

await loadModule();

/** First and last byte of each statement, as the server's own parser sees them; `undefined` for a syntax error. */
export function serverStatements(sql: string): [start: number, end: number][] | undefined {
  let statements: readonly { stmt_location?: number; stmt_len?: number }[];
  try {
    statements = (parseSync(sql) as { stmts?: typeof statements }).stmts ?? [];
  } catch {
    return undefined;
  }
  const length = Buffer.byteLength(sql);
  const tokens = serverTokens(sql);
  return statements.map((s) => {
    const from = s.stmt_location ?? 0;
    const to = s.stmt_len ? from + s.stmt_len : length;
    const own = tokens.filter((t) => t.start >= from && t.end <= to && t.text !== ';');
    return statementOf(own, tokens, from, to);
  });
}

type Token = ReturnType<typeof serverTokens>[number];

function statementOf(own: readonly Token[], all: readonly Token[], from: number, to: number): [number, number] {
  // Semicolons in a rule or a routine's body belong to the statement.
  const inside = all.filter((t) => t.start >= own[0]!.start && t.end <= to);
  return [own[0]?.start ?? from, inside.at(-1)!.end];
}

/** Tokens of the server's own lexer without comments; offsets in bytes. */
export function serverTokens(sql: string): { start: number; end: number; text: string }[] {
  const bytes = Buffer.from(sql);
  return scanSync(sql)
    .tokens.filter((t) => !t.tokenName.endsWith('_COMMENT'))
    .map(({ start, end }) => ({ start, end, text: bytes.subarray(start, end).toString() }));
}

/** The syntax tree without positions as text; `undefined` for a syntax error. */
export function treeOf(sql: string): string | undefined {
  try {
    return JSON.stringify(parseSync(sql), (key, value) =>
      /(^|_)(location|stmt_len|list_start|list_end)$/.test(key) ? undefined : value,
    );
  } catch {
    return undefined;
  }
}
