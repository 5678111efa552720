import { z } from 'zod';
import { readHeader } from './header.ts';
import type { CheckSettings } from './settings.ts';

/** The proof of a check in SQL: something that must stay silent, something that must be found, and what mends it. */
export interface SqlFixture {
  /** How the check is configured for it. */
  readonly settings: CheckSettings;
  /** `severity object` of each finding; of a check that lists, parts of its rows. */
  readonly expected: readonly string[];
  readonly lists: boolean;
  readonly asSuperuser: boolean;
  /** Why it cannot be planted in a transaction that is rolled back, if it cannot. */
  readonly notPlanted: string | undefined;
  readonly lookAlike: string;
  readonly bad: string;
  /** Where the check's own remediation is no SQL. */
  readonly cure: string | undefined;
}

const KEYS = ['Expects', 'Shows', 'Settings', 'As', 'Self-Test'];

/**
 * Reads `-- Expects:` or `-- Shows:`, `-- Settings:`, `-- As: superuser` and `-- Self-Test: no, REASON` on top, then the
 * sections `-- [look-alike]`, `-- [bad]` and `-- [cure]` (docs/adding-a-check.md).
 * @throws Error that names everything that is wrong
 */
export function parseFixture(file: string, text: string): SqlFixture {
  const { fields, problems, body } = readHeader(text);
  const sections = new Map<string, string>();
  for (const [, name = '', sql = ''] of body.matchAll(/^-- \[([a-z-]+)\]\n(.*?)(?=^-- \[|$(?![\s\S]))/gms)) {
    sections.set(name, sql);
  }
  const lists = fields.has('Shows');
  const expected = fields.get(lists ? 'Shows' : 'Expects')?.items ?? [];
  const selfTest = fields.get('Self-Test')?.value;
  const lookAlike = sections.get('look-alike') ?? (lists ? '' : undefined);
  const bad = sections.get('bad');
  const all = [
    ...problems,
    ...[...fields.keys()].filter((key) => !KEYS.includes(key)).map((key) => `unknown key ${key}`),
    ...(expected.length === 0 ? ['neither Expects nor Shows'] : []),
    ...(lookAlike === undefined ? ['no section [look-alike]'] : []),
    ...(bad === undefined ? ['no section [bad]'] : []),
    ...(selfTest !== undefined && !selfTest.startsWith('no, ') ? ['Self-Test is not "no, " and a reason'] : []),
  ];
  if (all.length > 0 || lookAlike === undefined || bad === undefined) throw new Error(`${file}: ${all.join('; ')}`);
  return {
    settings: settings.parse(JSON.parse(fields.get('Settings')?.value ?? '{}')),
    expected,
    lists,
    asSuperuser: fields.get('As')?.value === 'superuser',
    notPlanted: selfTest?.replace('no, ', ''),
    lookAlike,
    bad,
    cure: sections.get('cure'),
  };
}

const settings = z.strictObject({
  thresholds: z.partialRecord(z.enum(['info', 'warning', 'critical']), z.string().nullable()).optional(),
  windowDays: z.int().optional(),
});

/** `info public.root from 14`: what older servers cannot tell is not expected of them. */
export function expectedOn(expected: readonly string[], versionNumber: number): string[] {
  return expected.flatMap((line) => {
    const [, text = line, since = '0'] = /^(.*) from (\d\d)$/.exec(line) ?? [];
    return versionNumber >= Number(since) * 10_000 ? [text] : [];
  });
}
