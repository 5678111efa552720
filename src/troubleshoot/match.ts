import { didYouMean } from '../did-you-mean.ts';
import type { Entry } from './entry.ts';
import { SEVERITIES } from './errors-in-text.ts';

/** An entry that fits an error, and what the message names: `{ relation: 'contacts' }`. */
export interface Match {
  readonly entry: Entry;
  readonly named: Readonly<Record<string, string>>;
  /** By its wording, by its SQLSTATE alone, or only by words they share. */
  readonly by: 'wording' | 'SQLSTATE' | 'likeness';
}

/** Of the words of a message at least this part has to be met before it is called alike. */
const ALIKE = 0.6;
/** What is clearly less alike than the likest is left out. */
const NEARLY = 0.9;
/** Entries that are only alike are guesses: few of them help. */
const GUESSES = 3;

/**
 * The entries that fit an error: those whose wording it has, else those of its SQLSTATE, else the likest.
 * @param text the message, with whatever stands around it
 */
export function findEntries(text: string, entries: readonly Entry[]): readonly Match[] {
  const plain = normalise(text);
  const lower = plain.toLowerCase();
  const state = sqlStateOf(text);
  const worded = entries.flatMap((entry) => {
    const named = readNames(plain, lower, entry);
    return named === undefined ? [] : [{ entry, named: named.values, by: 'wording' as const, length: named.length }];
  });
  if (worded.length > 0) {
    // The message that says most is the one that was meant: "column x of relation y does not exist".
    const longest = Math.max(...worded.map(({ length }) => length));
    return worded.filter(({ length }) => length === longest).map(({ length: _, ...match }) => match);
  }
  const ofState = entries.filter(({ sqlStates }) => state !== undefined && sqlStates.includes(state));
  if (ofState.length > 0) return ofState.map((entry) => ({ entry, named: {}, by: 'SQLSTATE' }));
  return likest(plain, entries).map((entry) => ({ entry, named: {}, by: 'likeness' }));
}

/** A SQLSTATE that stands alone, or where servers and drivers write one. */
export function sqlStateOf(text: string): string | undefined {
  const alone = /^\s*([0-9A-Z]{5})\s*$/.exec(text)?.[1];
  if (alone !== undefined && /\d/.test(alone)) return alone;
  return STATE.exec(text)?.[1];
}

const STATE = new RegExp(`(?:SQLSTATE|\\bcode|${SEVERITIES.join('|')})["']?[\\s:=[(]+["']?([0-9A-Z]{2}[0-9A-Z]{3})\\b`);

/** Quotes of every language become one, white space one space; French ones have a space inside. */
function normalise(text: string): string {
  return text
    .normalize('NFC')
    .replaceAll(/«\s+|\s+»/g, '"')
    .replaceAll(/[«»„“”]/g, '"')
    .replaceAll(/[‘’]/g, "'")
    .replaceAll(/\s+/g, ' ');
}

interface Names {
  readonly values: Readonly<Record<string, string>>;
  /** Characters of the longest wording that it has. */
  readonly length: number;
}

function readNames(plain: string, lower: string, { matches }: Entry): Names | undefined {
  // Nearly all of the thousand wordings are ruled out by their longest fixed part: looking for that costs least.
  const possible = matches.filter((wording) => lower.includes(fixedPart(wording)));
  if (possible.length === 0) return undefined;
  const found = possible.flatMap((wording) => {
    const match = toRegExp(wording).exec(plain);
    return match === null ? [] : [{ names: match.groups ?? {}, length: wording.replaceAll(/\{\w+\}/g, '').length }];
  });
  if (found.length === 0) return undefined;
  // Where two wordings name the same thing, the one that says more is right.
  const ordered = found.toSorted((a, b) => a.length - b.length);
  return { values: Object.assign({}, ...ordered.map(({ names }) => names)), length: ordered.at(-1)!.length };
}

const PLACES = /("\{\w+\}"|\{\w+\})/;
const fixedParts = new Map<string, string>();

/** In lower case. */
function fixedPart(wording: string): string {
  let fixed = fixedParts.get(wording);
  if (fixed === undefined) {
    const parts = normalise(wording).split(PLACES);
    fixed = parts
      .filter((_, at) => at % 2 === 0)
      .reduce((longest, part) => (part.length > longest.length ? part : longest))
      .toLowerCase();
    fixedParts.set(wording, fixed);
  }
  return fixed;
}

const compiled = new Map<string, RegExp>();

/** What is quoted may hold anything, what is not ends at a space. */
function toRegExp(wording: string): RegExp {
  let pattern = compiled.get(wording);
  if (pattern === undefined) {
    const parts = normalise(wording).split(PLACES);
    const source = parts.map((part, at) => {
      const [, quoted] = /^"\{(\w+)\}"$/.exec(part) ?? [];
      const [, bare] = /^\{(\w+)\}$/.exec(part) ?? [];
      if (quoted !== undefined) return `"(?<${quoted}>.+?)"`;
      if (bare !== undefined) return `(?<${bare}>${at === parts.length - 2 && parts.at(-1) === '' ? '\\S+' : '.+?'})`;
      return part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
    });
    pattern = new RegExp(source.join(''), 'iu');
    compiled.set(wording, pattern);
  }
  return pattern;
}

function likest(plain: string, entries: readonly Entry[]): readonly Entry[] {
  // What is quoted is a name, and no word of the message.
  const words = wordsOf(plain.replaceAll(/"[^"]*"/g, ' '));
  const scored = entries
    .map((entry) => ({
      entry,
      score: Math.max(
        ...[entry.id.replaceAll('-', ' '), entry.title, ...entry.matches].map((wording) => likeness(wording, words)),
      ),
    }))
    .sort((a, b) => b.score - a.score);
  const least = Math.max(ALIKE, (scored[0]?.score ?? 0) * NEARLY);
  return scored
    .filter(({ score }) => score >= least)
    .slice(0, GUESSES)
    .map(({ entry }) => entry);
}

/**
 * From 0 to 1, words misspelt or not: the part of a wording's words that the text has, since a text may say much more;
 * or of both together, since a text may also be a wording's short form: "statement timeout".
 */
function likeness(wording: string, words: readonly string[]): number {
  const wanted = wordsOf(wording.replaceAll(/\{\w+\}/g, ' '));
  const met = wanted.filter((word) => didYouMean(word, words) !== undefined).length;
  // A word in common says nothing.
  if (met < 2) return 0;
  const both = Math.min(1, (2 * met) / (wanted.length + words.length));
  // Two words may well stand in a text that is about something else.
  return wanted.length < 3 ? both : Math.max(met / wanted.length, both);
}

function wordsOf(text: string): readonly string[] {
  return [...new Set(text.toLowerCase().match(/\p{L}{3,}/gu) ?? [])];
}
