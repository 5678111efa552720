import { type ExclusiveLocks, exclusiveLocksOf, joinLocks } from './exclusive-locks.ts';
import { type Nature, natureOf } from './nature.ts';

/** The grammar, once its WebAssembly module is loaded. */
export interface Grammar {
  /** What the statement is to the runner; `plain` when this grammar does not know it (a newer server may). */
  nature(sql: string): Nature;
  /** The first syntax error, or `undefined`; `position` is 0-based, in characters. */
  syntaxError(sql: string): { message: string; position: number } | undefined;
  /** Labels that the statement adds to an enumeration type, else `undefined`. */
  addedEnumLabel(sql: string): string | undefined;
  /** What a whole file locks against readers; a file that this grammar does not know is taken as a text. */
  exclusiveLocks(sql: string): ExclusiveLocks;
}

/**
 * Loads libpg-query: the server's own grammar, compiled to WebAssembly. Loaded only when a statement needs it, since it
 * costs tens of milliseconds and 20 MB.
 */
export async function loadGrammar(): Promise<Grammar> {
  const { loadModule, parsePlPgSQLSync, parseSync } = await import('libpg-query');
  await loadModule();
  const first = (sql: string): Record<string, unknown> | undefined => {
    try {
      return parseSync(sql)?.stmts?.[0]?.stmt as Record<string, unknown> | undefined;
    } catch {
      return undefined;
    }
  };
  const commits = (sql: string): boolean => {
    try {
      return /"PLpgSQL_stmt_(commit|rollback)"/.test(JSON.stringify(parsePlPgSQLSync(sql)));
    } catch {
      return false;
    }
  };
  return {
    nature(sql) {
      const node = first(sql);
      if (node === undefined) return { kind: 'plain' };
      if ('DoStmt' in node) return commits(sql) ? { kind: 'self-committing' } : { kind: 'plain' };
      return natureOf(node);
    },
    syntaxError(sql) {
      try {
        parseSync(sql);
        return undefined;
      } catch (error) {
        const details = (error as { sqlDetails?: { message: string; cursorPosition: number } }).sqlDetails;
        return { message: details?.message ?? String(error), position: details?.cursorPosition ?? 0 };
      }
    },
    addedEnumLabel(sql) {
      const label = (first(sql)?.['AlterEnumStmt'] as Record<string, unknown> | undefined)?.['newVal'];
      return label === undefined ? undefined : String(label);
    },
    exclusiveLocks(sql) {
      try {
        const statements = parseSync(sql)?.stmts ?? [];
        return joinLocks(statements.map(({ stmt }) => exclusiveLocksOf(stmt as Record<string, unknown>)));
      } catch {
        return joinLocks([{ texts: [sql] }]);
      }
    },
  };
}
