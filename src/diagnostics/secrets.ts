/** A place that holds what looks like a secret. The text itself stays where it is. */
export interface SecretPlace {
  /** 1-based. */
  readonly line: number;
  /** `a private key`, `a password in a URL`. */
  readonly kind: string;
}

interface Rule {
  readonly kind: string;
  /** Global; its last group, if any, is the secret. Repetitions are bounded: files are of any size. */
  readonly pattern: RegExp;
  /** What the secret has to be beyond its shape; by default no placeholder. */
  readonly accepts?: (secret: string) => boolean;
}

/** Prefixes that issuers give to their keys so that they can be found; diagnostics/secret-in-*.sql have the same. */
const ISSUED: readonly Rule[] = [
  { kind: 'a private key', pattern: /-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----/g, accepts: () => true },
  { kind: 'an access key of AWS', pattern: /\b(?:AKIA|ASIA)[0-9A-Z]{16}\b/g },
  {
    kind: 'a token of GitHub',
    pattern: /\b(?:gh[pousr]_[0-9A-Za-z]{36}|github_pat_[0-9A-Za-z_]{60})/g,
  },
  { kind: 'a token of GitLab', pattern: /\bglpat-[0-9A-Za-z_-]{20}/g },
  {
    kind: 'a key of Stripe',
    pattern: /\b(?:[sr]k_(?:live|test)_[0-9A-Za-z]{16}|whsec_[0-9A-Za-z+/]{32})/g,
  },
  {
    kind: 'an API key of OpenAI or Anthropic',
    pattern: /\bsk-(?:proj-|ant-)?[0-9A-Za-z_-]{32}/g,
  },
  {
    kind: 'an API key of SendGrid',
    pattern: /\bSG\.[0-9A-Za-z_-]{22}\.[0-9A-Za-z_-]{43}/g,
  },
  {
    kind: 'a token of Slack',
    pattern:
      /\b(?:xox[abposr]-[0-9A-Za-z-]{20}|hooks\.slack\.com\/services\/T[0-9A-Z]{1,20}\/B[0-9A-Z]{1,20}\/[0-9A-Za-z]{20})/g,
  },
  {
    kind: 'an API key of Google',
    pattern: /\b(?:AIza[0-9A-Za-z_-]{35}|GOCSPX-[0-9A-Za-z_-]{28})/g,
  },
  {
    kind: 'a key of Supabase',
    pattern: /\b(?:sb_secret_[0-9A-Za-z_-]{20}|sbp_[0-9a-f]{40})/g,
  },
  {
    kind: 'a JSON web token',
    pattern: /\beyJ[0-9A-Za-z_-]{15,2000}\.eyJ[0-9A-Za-z_-]{15,4000}\.[0-9A-Za-z_-]{20}/g,
    accepts: isNotPublished,
  },
];

/** What is a secret by what stands before it. */
const ASSIGNED: readonly Rule[] = [
  {
    kind: 'a password in a URL',
    // A password that is the name again is that of a local server.
    pattern: /(?<=[a-z0-9]):\/\/([^\s:/@'"<>{}$]{1,80}):(?!\1@)([^\s:/@'"<>{}$*]{3,120})@(?=[^\s@])/gi,
  },
  {
    kind: 'a password in a connection string',
    pattern:
      /\b(?:host|hostaddr|dbname|user) {0,3}= {0,3}[^;\n]{1,200}?\bpassword {0,3}= {0,3}([^\s'"<>{}$*%:]{3,120})/gi,
  },
  {
    kind: 'a password in options',
    pattern:
      /\boptions\s{0,5}\([^;()]{0,300}?\b(?:password|passwd|api_?key|secret_?key|token)\s{1,20}e?'([^'\n]{3,200})'/gi,
  },
  {
    kind: 'a key of encryption',
    pattern: /\bpgp_sym_(?:en|de)crypt(?:_bytea)?\s{0,5}\([^;']{1,200},\s{0,20}e?'([^'\n]{6,200})'/gi,
  },
  {
    kind: 'the password of a role',
    // A SCRAM verifier is no password; of an MD5 hash whoever has it can log in.
    pattern: /\b(?:role|user)\b[^;']{1,200}\bpassword\s{1,20}e?'(?!SCRAM-SHA-256\$)([^'\n]{1,200})'/gi,
  },
  {
    kind: 'a secret',
    pattern:
      /\b\w{0,40}(?:secret|passwd|password|api_?key|private_?key|access_?key|service_role_key|token)\w{0,20}["']?(?:\s{1,5}(?:constant\s{1,5})?(?:text|varchar))?\s{0,5}(?:=>|:=|=|:|,|\bto\b)\s{0,5}e?["']([^'"\s]{16,300})["']/gi,
    accepts: (secret) => isNoPlaceholder(secret) && looksRandom(secret),
  },
  {
    // What people write down in a comment: a word that has capitals, small letters and digits, and is no hash's name.
    kind: 'a password',
    pattern:
      /--[^\n]{0,300}?\b(?:password|passwd|passphrase|pwd|secret|api[_ -]?key)\b[^:=\n]{0,40}[:=][ \t]{0,5}["'`]?((?!argon|bcrypt|scram|pbkdf|sha-?\d)[^\s"'`]{8,200})/gi,
    accepts: (secret) => isNoPlaceholder(secret) && /^(?=.*[A-Z])(?=.*[a-z])(?=.*\d)[^()]*$/.test(secret),
  },
];

/**
 * Finds what looks like a secret in the text of an SQL file, comments included: keys whose issuers mark them, passwords
 * of roles and in URLs, and strings that look random after a name that says secret.
 */
export function findSecrets(text: string): readonly SecretPlace[] {
  const seen = new Set<string>();
  const places = [...ISSUED, ...ASSIGNED].flatMap(({ kind, pattern, accepts = isNoPlaceholder }) =>
    [...text.matchAll(pattern)].flatMap((match) => {
      const secret = match.at(-1) ?? '';
      if (!accepts(secret)) return [];
      const at = match.index + match[0].lastIndexOf(secret);
      // Whichever rule comes first has the better name for it.
      const line = lineOf(text, at);
      if (seen.has(`${line}`)) return [];
      seen.add(`${line}`);
      return [{ line, kind }];
    }),
  );
  return places.sort((a, b) => a.line - b.line);
}

function lineOf(text: string, at: number): number {
  let line = 1;
  for (let next = text.indexOf('\n'); next !== -1 && next < at; next = text.indexOf('\n', next + 1)) line++;
  return line;
}

const PLACEHOLDERS =
  /^(?:x+|\*+|\.+|changeme|change[-_ ]?(?:me|it)|secret|password|passwd|pass|pwd|postgres|example|placeholder|redacted|todo|none|null|\[.*\]|<.*>|%\w?|%?[sIL])$|your[-_ ]|[$]\{|\{\{|<[a-z _-]+>|^:|^\$\d|^%\d?\$?[sIL]|x{6}|\*{3}|example|placeholder|dummy|insert[-_ ]|replace[-_ ]/i;

/** False for what a reader is told to replace, psql's variables and the places of format(). */
function isNoPlaceholder(secret: string): boolean {
  return !PLACEHOLDERS.test(secret);
}

/** Supabase's key for anon is in every browser, and those of its local stack in its documentation. */
function isNotPublished(token: string): boolean {
  const claims = Buffer.from(token.split('.')[1] ?? '', 'base64url').toString();
  return !/"role" *: *"anon"|"iss" *: *"supabase-demo"/.test(claims);
}

const UUID = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i;

/** Letters and digits without words: at least 3.5 bits to a character. Identifiers of rows are none. */
function looksRandom(secret: string): boolean {
  return !UUID.test(secret) && /\d/.test(secret) && /[a-z]/i.test(secret) && entropy(secret) >= 3.5;
}

/** Bits to a character (Shannon). */
function entropy(text: string): number {
  const counts = new Map<string, number>();
  for (const character of text) counts.set(character, (counts.get(character) ?? 0) + 1);
  let bits = 0;
  for (const count of counts.values()) bits -= (count / text.length) * Math.log2(count / text.length);
  return bits;
}
