import { plain } from './plain.ts';
import { takeColumns, textWidth } from './text-width.ts';

export interface SqlErrorPlace {
  readonly text: string;
  /** As the server sends it: 1-based, in characters (not bytes, not UTF-16 units) of `text`. */
  readonly position: number;
  /** Shown before line and column, as editors and terminals make it a link. */
  readonly file?: string;
}

export interface SqlExcerpt {
  /** 1-based. */
  readonly line: number;
  /** 1-based, in characters; a tab is one. */
  readonly column: number;
  /** `file:line:column` when there is a file, the line (cut to 80 columns around the error) and a pointer below it. */
  readonly excerpt: readonly string[];
}

const WIDTH = 80;
/** Farther from the error than this nothing of a line is shown; dumps have lines of many megabytes. */
const FAR = 4 * WIDTH;
const BREAK = /\r\n|\n|\r/g;

/** Turns the position of a server error into a place in a file and the lines that show it to a person. */
export function sqlExcerpt({ text, position, file }: SqlErrorPlace): SqlExcerpt {
  const offset = beforeTrailingSpace(text, toOffset(text, position));
  const { line, start, end } = findLine(text, offset);
  const column = countCharacters(text, start, offset) + 1;
  const gutter = `${line} | `;
  const before = text.slice(Math.max(start, offset - FAR), Math.min(offset, end));
  const shown = cut([...before], [...text.slice(offset, Math.min(end, offset + FAR))], WIDTH - gutter.length);
  const excerpt = [
    ...(file === undefined ? [] : [`${plain(file)}:${line}:${column}`]),
    (gutter + shown.line).trimEnd(),
    `${' '.repeat(gutter.length - 2)}| ${' '.repeat(shown.pointer)}^`,
  ];
  return { line, column, excerpt };
}

/** Index in UTF-16 units of the character with this 1-based number; past the end, the end. */
function toOffset(text: string, position: number): number {
  let offset = 0;
  for (let character = 1; character < position && offset < text.length; character++) {
    offset += (text.codePointAt(offset) ?? 0) > 0xffff ? 2 : 1;
  }
  return offset;
}

/** An error "at end of input" belongs behind the last word, not on the empty line after it. */
function beforeTrailingSpace(text: string, offset: number): number {
  return text.slice(offset).trim() === '' ? text.slice(0, offset).trimEnd().length : offset;
}

function findLine(text: string, offset: number): { line: number; start: number; end: number } {
  let line = 1;
  let start = 0;
  for (const { 0: ending, index } of text.matchAll(BREAK)) {
    if (index + ending.length > offset) return { line, start, end: index };
    line += 1;
    start = index + ending.length;
  }
  return { line, start, end: text.length };
}

function countCharacters(text: string, start: number, end: number): number {
  let count = 0;
  for (let offset = start; offset < end; count++) offset += (text.codePointAt(offset) ?? 0) > 0xffff ? 2 : 1;
  return count;
}

/** The part of a line that fits, with the error in it; an ellipsis stands for what is left out. */
function cut(before: readonly string[], after: readonly string[], width: number): { line: string; pointer: number } {
  const left = before.map(draw);
  const right = after.map(draw);
  if (columns(left) + columns(right) <= width) return { line: [...left, ...right].join(''), pointer: columns(left) };
  const roomLeft = Math.max(Math.floor(width / 2), width - columns(right));
  const shownLeft =
    columns(left) <= roomLeft ? left : ['…', ...takeColumns(left.toReversed(), roomLeft - 1).toReversed()];
  const roomRight = width - columns(shownLeft);
  const shownRight = columns(right) <= roomRight ? right : [...takeColumns(right, roomRight - 1), '…'];
  return { line: [...shownLeft, ...shownRight].join(''), pointer: columns(shownLeft) };
}

function draw(character: string): string {
  return character === '\t' ? '  ' : plain(character);
}

function columns(characters: readonly string[]): number {
  return characters.reduce((sum, character) => sum + textWidth(character), 0);
}
