import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { ConfigFile } from './config-schema.ts';
import { didYouMean } from './did-you-mean.ts';
import { AishaError } from './errors.ts';

const CONFIG_FILE = 'aisha-db.config.json';

export interface ReadConfigFile {
  /** Absolute path. */
  readonly path: string;
  readonly content: ConfigFile;
}

/**
 * Reads the configuration file: the one that is named, else `aisha-db.config.json` in the working directory.
 * `undefined` when there is none; parent folders are not searched, so that a run never depends on where a checkout lies.
 * @throws AishaError (usage) with every problem of the file at once; no value is quoted, since a URL holds a password
 */
export async function readConfigFile(cwd: string, named: string | undefined): Promise<ReadConfigFile | undefined> {
  const path = resolve(cwd, named ?? CONFIG_FILE);
  const text = await readText(path, named !== undefined);
  return text === undefined ? undefined : { path, content: await validate(parseJson(text, path), path) };
}

async function readText(path: string, mustExist: boolean): Promise<string | undefined> {
  try {
    return (await readFile(path, 'utf8')).replace(/^\uFEFF/, '');
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    if (isMissing && !mustExist) return undefined;
    throw new AishaError('usage', `configuration file ${path} ${isMissing ? 'does not exist' : 'cannot be read'}`, {
      hint: isMissing ? 'Correct the path of --config.' : 'Let this user read it, or name another with --config.',
      cause: error,
    });
  }
}

function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    // Neither the message nor the error itself is passed on: both quote the file, and with it a password.
    const place = placeOf((error as SyntaxError).message, text);
    throw new AishaError('usage', `configuration file ${path}${place} is not valid JSON`, {
      hint: 'Keys and strings stand in double quotes; comments and trailing commas are not allowed.',
    });
  }
}

/** `:line:column` of a JSON.parse message, which names a position, or quotes the ten characters before it, or neither. */
function placeOf(message: string, text: string): string {
  const [, before] = /, \.\.\."(.*?)"(?:\.\.\.)? is not valid JSON$/s.exec(message) ?? [];
  const quoted = before === undefined ? -1 : text.indexOf(before);
  const position = /at position (\d+)/.exec(message)?.[1] ?? (quoted === -1 ? undefined : quoted + 10);
  if (position === undefined) return '';
  const lines = text.slice(0, Number(position)).split('\n');
  return `:${lines.length}:${lines.at(-1)!.length + 1}`;
}

async function validate(content: unknown, path: string): Promise<ConfigFile> {
  const { configSchema, knownKeys } = await import('./config-schema.ts');
  const result = configSchema.safeParse(content);
  if (result.success) return result.data;
  const problems = result.error.issues.flatMap((issue) =>
    issue.code === 'unrecognized_keys'
      ? issue.keys.map(
          (key) => `${[...issue.path, key].join('.')}: unknown key${suggestion(key, knownKeys(issue.path))}`,
        )
      : [`${issue.path.join('.') || 'the file'}: ${describe(issue)}`],
  );
  const count = problems.length === 1 ? 'a problem' : `${problems.length} problems`;
  throw new AishaError('usage', `configuration file ${path} has ${count}`, {
    hint: 'docs/configuration.md lists every key.',
    details: problems,
  });
}

function suggestion(key: string, known: readonly string[]): string {
  const near = didYouMean(key, known);
  return near === undefined ? '' : `, did you mean "${near}"?`;
}

/** A bad key of a record hides its reason one level down. */
function describe(issue: {
  readonly message: string;
  readonly issues?: readonly { readonly message: string }[];
}): string {
  return issue.issues?.[0]?.message ?? issue.message;
}
