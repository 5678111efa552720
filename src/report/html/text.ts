import { plain, plainLines } from '../plain.ts';
import { takeColumns } from '../text-width.ts';
import { xmlText } from '../xml.ts';

/** Text of one line for an element or an attribute in quotes: nothing in it is markup, moves or hides. */
export function line(text: string): string {
  return xmlText(plain(text));
}

/** Text whose line breaks stay. */
export function lines(text: string): string {
  return xmlText(plainLines(text).join('\n'));
}

/** One line of at most so many columns, for what is heard or hovered: a name may be the whole text of a query. */
export function brief(text: string, width = 80): string {
  const shown = plain(text);
  const taken = takeColumns([...shown.slice(0, 2 * width)], width).join('');
  return xmlText(taken.length < shown.length ? `${taken}…` : taken);
}

/** `<tag attributes>content</tag>`, or nothing when there is no content. */
export function optional(open: string, content: string | undefined, close: string): string {
  return content === undefined || content === '' ? '' : open + content + close;
}
