import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { AishaError, messageOf } from '../errors.ts';
import { isFolder, readFolder } from './files.ts';
import { compareNames, isNamedAfter, type MigrationName, parseName, rollbackNameOf, sameVersion } from './name.ts';
import type { MigrationSource } from './open.ts';
import { nextFreeNumber } from './plan.ts';

export interface Scaffold {
  readonly name: string;
  readonly rollback: boolean;
  readonly author: string;
  /** YYYY-MM-DD. */
  readonly date: string;
  readonly dependsOn: string | undefined;
  /** What the file does, where it is known already; to be written by hand otherwise. */
  readonly content?: ScaffoldContent;
}

interface ScaffoldContent {
  readonly description: string;
  /** Lines of the header's list: `public.contacts: RLS forced`. */
  readonly modifiedTables: readonly string[];
  readonly newTables?: readonly string[];
  readonly breakingChanges?: readonly string[];
  readonly indexesAdded?: readonly string[];
  /** Lines of the header that say how it is run: `Transaction: none`. */
  readonly directives?: readonly string[];
  readonly sql: string;
  /** Of the partner that undoes it; to be written by hand otherwise. */
  readonly rollbackSql?: string;
}

/**
 * Writes the next numbered file with the header of the manual (12.3), and its partner that undoes it.
 * @throws AishaError (usage) when the name says nothing or the file exists
 */
export async function scaffold(source: MigrationSource, options: Scaffold): Promise<string[]> {
  await makeFolder(source.dir);
  const names = readFolder(source.dir, source.finalFrom).files.map((f) => f.name);
  const slug = slugOf(options.name);
  const file = `${nextFreeNumber(names, source.finalFrom)}_${slug}.sql`;
  const dependsOn = options.dependsOn ?? latestForward(names);
  const written = [join(source.dir, file)];
  // The rollback first: its name may be taken, that of the migration is free.
  if (options.rollback) {
    await makeFolder(source.rollbacksDir);
    const path = join(source.rollbacksDir, rollbackNameOf(file));
    written.push(path);
    writeNew(path, rollbackText(file, slug, options));
  }
  writeNew(written[0]!, migrationText(file, slug, { ...options, dependsOn }));
  return written;
}

function slugOf(name: string): string {
  const slug = name
    .replace(/\.sql$/i, '')
    .normalize('NFKD')
    .replace(/[\u0300-\u036f]/g, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '_')
    .replace(/^_+|_+$/g, '');
  if (slug !== '') return slug;
  throw new AishaError('usage', `"${name}" is no name for a migration`, {
    hint: 'Say what it does: aisha-db new add_task_management.',
  });
}

function latestForward(names: readonly MigrationName[]): string | undefined {
  const latest = names
    .filter((name) => name.phase === 'forward')
    .sort(compareNames)
    .at(-1);
  // A list is divided by commas and ends with its line; a name that holds either is given by its number.
  return latest && /[,(\r\n]/.test(latest.file) ? latest.version?.text : latest?.file;
}

const RULE = '-- ============================================';

function migrationText(file: string, slug: string, { author, date, dependsOn, rollback, content }: Scaffold): string {
  const { directives = [] } = content ?? {};
  return `${RULE}
-- Migration: ${file}
-- Description: ${content?.description ?? sentence(slug)}
-- Date: ${date}
-- Author: ${author.replace(/\s+/g, ' ')}
-- Dependencies: ${dependsOn ?? 'None'}
-- Rollback: ${rollback ? rollbackNameOf(file) : 'None'}
${directives.map((line) => `-- ${line}\n`).join('')}${RULE}
--
-- Breaking Changes:
${items(content?.breakingChanges)}
--
-- New Tables:
${items(content?.newTables)}
--
-- Modified Tables:
${items(content?.modifiedTables)}
--
-- Indexes Added:
${items(content?.indexesAdded)}

${content?.sql ?? ''}`;
}

function items(lines: readonly string[] = ['None']): string {
  return lines.map((line) => `-- - ${line.replace(/\s+/g, ' ')}`).join('\n');
}

function rollbackText(file: string, slug: string, { author, date, content }: Scaffold): string {
  return `${RULE}
-- Migration: ${rollbackNameOf(file)}
-- Description: Undo: ${sentence(slug)}
-- Date: ${date}
-- Author: ${author.replace(/\s+/g, ' ')}
-- Reverts: ${file}
${RULE}

${content?.rollbackSql ?? ''}`;
}

function sentence(slug: string): string {
  const words = slug.replaceAll('_', ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function writeNew(path: string, text: string): void {
  try {
    writeFileSync(path, text, { flag: 'wx' });
  } catch (error) {
    const exists = (error as NodeJS.ErrnoException).code === 'EEXIST';
    throw new AishaError(
      'usage',
      exists ? `${path} exists already` : `cannot write ${path}: ${(error as Error).message}`,
      { hint: exists ? 'Choose another name.' : 'Check the permissions of the folder.', cause: error },
    );
  }
}

async function makeFolder(path: string): Promise<void> {
  if (isFolder(path)) return;
  try {
    await mkdir(path, { recursive: true });
  } catch (error) {
    throw new AishaError('usage', `cannot make the folder ${path}: ${messageOf(error)}`, {
      hint: 'Name another one with --dir, or as "dir" in the configuration.',
      cause: error,
    });
  }
}

/** One change that a renumbering makes. */
export interface Change {
  readonly from: string;
  readonly to: string;
  /** False when only the text of the file mentions the old name. */
  readonly renamed: boolean;
}

/**
 * Gives a file the next free number (or a given one): its name, its rollback's, and every header that mentions either.
 * @throws AishaError (usage) when there is no such file or the number is taken
 */
export function renumber(source: MigrationSource, file: string, number: string | undefined, dryRun: boolean): Change[] {
  const folder = readFolder(source.dir, source.finalFrom);
  const own = folder.files.find((f) => f.name.file === file)?.name;
  if (!own?.version || own.phase === 'rollback')
    throw new AishaError('usage', `${file} is no numbered file of the folder`, {
      hint: 'Give the file name as aisha-db status lists it.',
    });
  const target = `${
    number ??
    nextFreeNumber(
      folder.files.map((f) => f.name),
      source.finalFrom,
    )
  }${file.slice(own.version.text.length)}`;
  const { version } = parseName(target, source.finalFrom);
  if (!version || (number !== undefined && version.text !== number))
    throw new AishaError('usage', `"${number}" is no number`, { hint: 'Give digits, padded as the others are: 053.' });
  const planned = folder.files.filter(({ name }) => name.phase === 'forward' || name.phase === 'final');
  const holder = planned.find(({ name }) => name.file !== file && sameVersion(name.version, version));
  if (holder)
    throw new AishaError('usage', `number ${version.text} is taken by ${holder.name.file}`, {
      hint: 'Choose another number, or leave --number out for the next free one.',
    });
  const alone = planned.filter(({ name }) => sameVersion(name.version, own.version)).length === 1;
  const replacement: Replacement = {
    from: asBytes(file),
    to: asBytes(target),
    number: alone ? { from: own.version.text, to: version.text } : undefined,
  };
  const names = folder.files.map((f) => f.name.file);
  const stem = (name: string) => rollbackNameOf(name).replace(/\.sql$/i, '');
  const undoerOf = (undoer: string) =>
    isNamedAfter(undoer, file, names) ? stem(target) + undoer.slice(stem(file).length) : undoer;
  const dirs = [
    source.dir,
    ...(source.rollbacksDir !== source.dir && isFolder(source.rollbacksDir) ? [source.rollbacksDir] : []),
  ];
  const changes: (Change & { readonly text: string; readonly path: string; readonly target: string })[] = [];
  for (const dir of dirs) {
    for (const { name, unreadable } of readFolder(dir, source.finalFrom).files) {
      if (name.file.includes('/') || (unreadable !== undefined && name.file !== file)) continue;
      const path = join(dir, name.file);
      if (unreadable !== undefined) folder.read(file);
      // As bytes: a file in another encoding keeps them.
      const text = readFileSync(path, 'latin1');
      const to = name.file === file ? target : name.phase === 'rollback' ? undoerOf(name.file) : name.file;
      // ROLLBACK_ + the old name holds the old name: one replacement serves both.
      const changed = replaceInHeader(text, replacement);
      if (to !== name.file || changed !== text)
        changes.push({ from: name.file, to, renamed: to !== name.file, text: changed, path, target: join(dir, to) });
    }
  }
  for (const change of changes.filter((c) => c.renamed))
    if (existsSync(change.target))
      throw new AishaError('usage', `${change.to} exists already`, { hint: 'Choose another number.' });
  if (!dryRun) for (const change of changes) write(change);
  return changes.map(({ from, to, renamed }) => ({ from, to, renamed }));
}

/** The new file is whole before the old one goes. */
function write({ path, target, text }: { path: string; target: string; text: string }): void {
  const draft = `${target}.${process.pid}.tmp`;
  writeFileSync(draft, text, 'latin1');
  renameSync(draft, target);
  if (path !== target) rmSync(path);
}

function asBytes(text: string): string {
  return Buffer.from(text).toString('latin1');
}

/** What a renumbering replaces in headers, as bytes. */
interface Replacement {
  readonly from: string;
  readonly to: string;
  /** The number alone, as dependants may give it; `undefined` when other files carry it too. */
  readonly number: { readonly from: string; readonly to: string } | undefined;
}

const NAME_KEY = /^--\s*(?:Migration|Rollback|Reverts|Dependencies)\s*:/i;
const OTHER_KEY = /^--\s*[A-Za-z][A-Za-z -]*:/;

/** Only in the comment block at the top: SQL that holds the name as a value is left alone. */
function replaceInHeader(text: string, { from, to, number }: Replacement): string {
  const whole = mention(from);
  const stem = mention(from.replace(/\.sql$/i, ''));
  const lines = text.split('\n');
  let named = false;
  let dependencies = false;
  for (const [i, raw] of lines.entries()) {
    const line = i === 0 ? raw.replace(/^\xef\xbb\xbf/, '') : raw;
    if (line.trim() !== '' && !line.trim().startsWith('--')) break;
    if (OTHER_KEY.test(line)) {
      named = NAME_KEY.test(line);
      dependencies = named && /^--\s*D/i.test(line);
    }
    lines[i] = raw.replace(whole, `$1${escapeDollars(to)}`);
    if (named) lines[i] = lines[i]!.replace(stem, `$1${escapeDollars(to.replace(/\.sql$/i, ''))}`);
    if (dependencies && number)
      lines[i] = lines[i]!.replace(
        new RegExp(`(?<=:\\s*|,\\s*|--\\s*-\\s+)${escapeText(number.from)}(?=\\s*(?:,|\\(|$))`, 'g'),
        number.to,
      );
  }
  return lines.join('\n');
}

/** A file name that stands for itself, or behind ROLLBACK_: `1012_a.sql` does not mention `012_a.sql`. */
function mention(name: string): RegExp {
  return new RegExp(`(?<![\\w\\x80-\\xff.-])(ROLLBACK_)?${escapeText(name)}(?![\\w\\x80-\\xff-]|\\.\\w)`, 'g');
}

function escapeText(text: string): string {
  return text.replace(/[^\w\x80-\xff]/g, '\\$&');
}

function escapeDollars(text: string): string {
  return text.replaceAll('$', '$$$$');
}
