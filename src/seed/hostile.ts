/**
 * Names that break what is put together from text: SQL, shell, HTML, CSV, COPY, templates, columns of a terminal. No
 * two of them are equal without regard to case.
 */
export const HOSTILE_NAMES: readonly string[] = [
  `O'Brien & "Sons"`,
  '</script><script>alert(1)</script>',
  'شركة النور للتجارة',
  `Robert'); drop table contacts;--`,
  '👩‍👩‍👧‍👦 Emoji & Söhne 🚀',
  'back\\slash \\N \\t',
  '日本語株式会社 Łódź',
  `100 % %s {{name}} \${x} $1 :y`,
  'tab\there and\nline',
  '=HYPERLINK("http://evil.example")',
  'NULL',
  '\u202egnirts desrever',
  ' spaces around ',
  'Cafe\u0301 (decomposed)',
  '<img src=x onerror=alert(1)>',
  'İstanbul ẞ ﬁ',
  'long '.repeat(47).trim(),
  'zero\u200bwidth',
];

/** The second row of every tenant, and every 23rd from there on. */
const FIRST = 1;
const EVERY = 23;

/** How many rows until the same hostile name comes again. */
export const HOSTILE_ROUND = EVERY * HOSTILE_NAMES.length;

/** The hostile name for row `n`, or `undefined` when it is to have a usual one; tenants begin at different names. */
export function hostileName(tenant: number, n: number): string | undefined {
  if (n % EVERY !== FIRST) return undefined;
  const turn = Math.floor(n / EVERY) + tenant * 5;
  return HOSTILE_NAMES[turn % HOSTILE_NAMES.length];
}
