import { quoteIdentifier } from '../postgres/quote.ts';
import type { ConvertFacts } from './convert-facts.ts';

/** What hangs on a table by its name, given to whichever table has the name now: the new one, or the old one again. */

export function grantStatements(label: string, { grants }: Pick<ConvertFacts, 'grants'>): readonly string[] {
  return grants.map(
    ({ grantee, privilege, column, grantable }) =>
      `grant ${privilege}${column === null ? '' : ` (${column})`} on ${label} to ${grantee}${grantable ? ' with grant option' : ''};`,
  );
}

const TRIGGER_STATES: Readonly<Record<string, string>> = { D: 'disable', A: 'enable always', R: 'enable replica' };

/** Triggers are enabled when they are made; those that were not, or otherwise, are set so. */
export function triggerStateStatements(label: string, triggers: ConvertFacts['triggers']): readonly string[] {
  return triggers
    .filter(({ enabled }) => enabled !== 'O')
    .map(({ name, enabled }) => `alter table ${label} ${TRIGGER_STATES[enabled]} trigger ${quoteIdentifier(name)};`);
}

/** Views, policies of other tables and functions that read it. */
export function readerStatements({ views, bound }: Pick<ConvertFacts, 'views' | 'bound'>): readonly string[] {
  return [
    ...views
      .filter(({ mayReplace }) => mayReplace)
      .map(
        ({ name, definition, options }) =>
          `create or replace view ${name}${options === null ? '' : ` with (${options})`} as\n${definition};`,
      ),
    ...bound.map(({ statement }) => `${statement};`),
  ];
}

export function publicationStatements(
  from: string,
  to: string,
  { publications }: Pick<ConvertFacts, 'publications'>,
): readonly string[] {
  return publications
    .filter(({ mayChange }) => mayChange)
    .flatMap(({ name }) => [
      `alter publication ${quoteIdentifier(name)} drop table ${from};`,
      `alter publication ${quoteIdentifier(name)} add table ${to};`,
    ]);
}

/** Subscribers know the table, not its partitions; where they know those of another one, nothing is changed for them. */
export function isToPublishViaRoot({ mayChange, isViaRoot, hasPartitioned }: ConvertFacts['publications'][number]) {
  return mayChange && !isViaRoot && !hasPartitioned;
}
