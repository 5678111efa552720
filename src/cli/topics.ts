import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { didYouMean } from '../did-you-mean.ts';
import { AishaError } from '../errors.ts';

// Named from one folder up, as the bundle's chunks lie.
const FOLDER = fileURLToPath(new URL('../cli/topics', import.meta.url));

/** A page of `aisha-db help TOPIC`. */
export interface Topic {
  readonly name: string;
  /** Its first line, without the name. */
  readonly summary: string;
  readonly text: string;
}

/** The files of topics/: a new topic is a new file, named nowhere else. */
export function topics(): readonly Topic[] {
  return readdirSync(FOLDER)
    .filter((file) => file.endsWith('.txt'))
    .sort()
    .map((file) => {
      const text = readFileSync(`${FOLDER}/${file}`, 'utf8');
      const summary = text.slice(text.indexOf(': ') + 2, text.indexOf('\n'));
      return { name: file.slice(0, -'.txt'.length), summary, text };
    });
}

/**
 * The text of a topic; `topics` lists them.
 * @throws AishaError (usage) for what is neither a topic nor a command, with the nearest
 */
export function topicHelp(name: string, commands: readonly string[]): string {
  const known = topics();
  if (name === 'topics') return listTopics(known);
  const topic = known.find((candidate) => candidate.name === name);
  if (topic !== undefined) return topic.text;
  const meant = didYouMean(name, [...known.map((candidate) => candidate.name), ...commands]);
  throw new AishaError('usage', `there is no help for "${name}"`, {
    hint: `${meant === undefined ? '' : `Did you mean ${meant}? `}aisha-db help lists the commands, aisha-db help topics the topics.`,
  });
}

function listTopics(known: readonly Topic[]): string {
  const width = Math.max(...known.map(({ name }) => name.length));
  return `${['Topics:', ...known.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`)].join('\n')}\n`;
}
