import { didYouMean } from '../did-you-mean.ts';
import { AishaError } from '../errors.ts';
import { CATEGORIES, type Definition } from './definition.ts';

export interface Selection {
  /** Ids and categories; none is everything. */
  readonly names: readonly string[];
  /** Options that switch on checks that run only on request: `exact`. */
  readonly requested: readonly string[];
}

/**
 * The checks that were asked for, in the order of the definitions.
 * @throws AishaError (usage) with every name at once that is neither a check nor a category
 */
export function selectChecks(definitions: readonly Definition[], { names, requested }: Selection): Definition[] {
  const known = new Set([...definitions.flatMap(({ id, category }) => [id, category]), ...Object.keys(CATEGORIES)]);
  const unknown = names.filter((name) => !known.has(name));
  if (unknown.length > 0) {
    const suggestions = unknown.flatMap((name) => didYouMean(name, [...known]) ?? []);
    throw new AishaError('usage', `no check or category ${unknown.map((name) => `"${name}"`).join(', ')}`, {
      hint: `${suggestions.length === 0 ? '' : `Did you mean ${suggestions.join(', ')}? `}aisha-db diagnose --list names them all.`,
    });
  }
  const wanted = new Set(names);
  return definitions.filter(({ id, category, onRequest }) => {
    if (wanted.has(id)) return true;
    if (onRequest !== undefined && !requested.includes(onRequest)) return false;
    return wanted.size === 0 || wanted.has(category);
  });
}
