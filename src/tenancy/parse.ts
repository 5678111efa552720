import { type Expression, readExpression } from './expression.ts';

/** Takes expressions apart with PostgreSQL's own grammar; `undefined` for syntax that this version does not know. */
export type Parse = (text: string) => Expression | undefined;

/** Loads libpg-query: tens of milliseconds and 20 MB, so only where there are policies. */
export async function loadParse(): Promise<Parse> {
  const { loadModule, parseSync } = await import('libpg-query');
  await loadModule();
  return (text) => {
    try {
      return readExpression(text, parseSync(`select ${text}`));
    } catch {
      return undefined;
    }
  };
}
