import { AishaError } from '../errors.ts';
import type { ConnectionParameters } from './connection-string.ts';

/**
 * The parameters of one section of a connection service file, or `undefined` when the file has no such section
 * (PostgreSQL docs 34.17 "The Connection Service File": INI sections, `key=value`, `#` comments).
 * @throws AishaError (usage) naming file and line when the section cannot be read
 */
export function serviceParameters(text: string, service: string, file: string): ConnectionParameters | undefined {
  const lines = text.split(/\r?\n/).map((line, index) => ({ number: index + 1, text: line.trim() }));
  const start = lines.findIndex((line) => line.text === `[${service}]`);
  if (start === -1) return undefined;
  const rest = lines.slice(start + 1);
  const end = rest.findIndex((line) => line.text.startsWith('['));
  const section = end === -1 ? rest : rest.slice(0, end);
  return Object.fromEntries(
    section.filter((line) => line.text !== '' && !line.text.startsWith('#')).map((line) => parseLine(line, file)),
  );
}

/** The value is not quoted in messages: it may be a password. */
function parseLine(line: { readonly number: number; readonly text: string }, file: string): [string, string] {
  const [, key, value] = /^(\w+)\s*=\s*(.*)$/.exec(line.text) ?? [];
  const place = `${file}:${line.number}`;
  if (key === undefined || value === undefined) {
    throw new AishaError('usage', `${place} is not key=value`, { hint: 'Correct the connection service file.' });
  }
  if (key === 'service') {
    throw new AishaError('usage', `${place} names a service inside a service`, {
      hint: 'Write the parameters themselves: services do not nest.',
    });
  }
  return [key, value];
}
