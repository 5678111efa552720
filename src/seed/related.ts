import type { Place } from './place.ts';

/** Tables that notes, documents and activities refer to, by the word that stands in `related_type`. */
const TABLES = { contact: 'contacts', account: 'accounts', lead: 'leads', opportunity: 'opportunities' } as const;

/** What a note, a document or an activity is about: a row of the same tenant. No foreign key watches over it. */
export function related(at: Place): { related_type: string; related_id: string } {
  const type = at.pick(Object.keys(TABLES) as (keyof typeof TABLES)[]);
  if (type !== 'lead') return { related_type: type, related_id: at.anyOf(TABLES[type]) };
  // The first leads have the ids of the contacts they became.
  const n = at.int(0, at.tenant.rows['leads']! - 1);
  const isConverted = n < at.tenant.rows['entity_transitions']!;
  return { related_type: type, related_id: at.idOf(isConverted ? 'contacts' : 'leads', n) };
}
