// Control characters and marks that reorder text which JSON.stringify leaves as they are.
const UNSAFE = /[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

/** JSON that is the same to a program and harmless on a terminal. */
export function jsonText(value: unknown): string {
  return `${stringify(value).replace(UNSAFE, escapeUnit)}\n`;
}

/** Asking about every value takes longer than all the rest, and hardly a report has a bigint. */
function stringify(value: unknown): string {
  try {
    return JSON.stringify(value, undefined, 2);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return JSON.stringify(value, exactNumber, 2);
  }
}

/** JSON has no bigint: a number where it stays exact, else its digits. */
function exactNumber(_key: string, value: unknown): unknown {
  if (typeof value !== 'bigint') return value;
  return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
}

function escapeUnit(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
