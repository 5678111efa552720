/** An error as it stands in a text, and how often. */
export interface FoundError {
  /** The message with its DETAIL, HINT and CONTEXT. */
  readonly text: string;
  readonly count: number;
}

/** As the server's catalogues of messages translate them (PostgreSQL 15; of other languages only the SQLSTATE is known). */
export const SEVERITIES =
  'ERROR FATAL PANIC FEHLER PANIK ERREUR ERRO ERRORE FATALE PANICO ОШИБКА ВАЖНО ПАНИКА ПОМИЛКА ФАТАЛЬНО ПАНІКА FEL FATALT エラー 오류 치명적오류 손상 错误 致命错误'.split(
    ' ',
  );
const COMPANIONS =
  'DETAIL HINT CONTEXT STATEMENT QUERY LOCATION TIPP KONTEXT ANWEISUNG DÉTAIL ASTUCE CONTEXTE INSTRUCTION DETALLE SUGERENCIA CONTEXTO SENTENCIA DETTAGLI SUGGERIMENTO CONTESTO ISTRUZIONE ПОДРОБНОСТИ ПОДСКАЗКА КОНТЕКСТ ОПЕРАТОР ВІДОМОСТІ УКАЗІВКА ІНСТРУКЦІЯ DETALJ TIPS SATS 詳細 ヒント 文脈 文 상세정보 힌트 내용 详细信息 提示 上下文 语句'.split(
    ' ',
  );
const SEVERITY = labelled(SEVERITIES);
const COMPANION = labelled(COMPANIONS);

/** One of the words and a colon; the boundary of a word (\b) is one of ASCII letters only. */
function labelled(words: readonly string[]): RegExp {
  return new RegExp(`(?<![\\p{L}\\d_])(?:${words.join('|')})\\s*[:：]\\s`, 'u');
}

/**
 * The errors of a text: each line with a severity and the lines that belong to it, the same ones counted. A text without
 * a severity is one message.
 */
export function errorsIn(text: string): readonly FoundError[] {
  const lines = text.split(/\r?\n/);
  if (!lines.some((line) => SEVERITY.test(line))) {
    const whole = text.trim();
    return whole === '' ? [] : [{ text: whole, count: 1 }];
  }
  const counts = new Map<string, number>();
  for (const error of group(lines)) counts.set(error, (counts.get(error) ?? 0) + 1);
  return [...counts].map(([error, count]) => ({ text: error, count }));
}

function group(lines: readonly string[]): readonly string[] {
  const errors: string[][] = [];
  let open = false;
  for (const line of lines) {
    if (SEVERITY.test(line)) {
      errors.push([fromMarker(line, SEVERITY)]);
      open = true;
    } else if (open && COMPANION.test(line)) errors.at(-1)!.push(fromMarker(line, COMPANION));
    else if (open && /^\s+\S/.test(line)) errors.at(-1)!.push(line.trim());
    else open = false;
  }
  return errors.map((error) => error.join('\n'));
}

/** Without the prefix of the log (time, process, user), which makes every line another one. */
function fromMarker(line: string, marker: RegExp): string {
  return line.slice(marker.exec(line)?.index ?? 0).trim();
}
