import type { Json } from './copy-text.ts';
import type { Place } from './place.ts';

/** What identifies archived session `n` of a tenant (075, 076): its events name it in the same way. */
export function archivedSession(
  at: Place,
  n: number,
): { tenant_id: string | null; user_id: string; session_id: string } {
  return {
    tenant_id: at.tenant.id,
    user_id: at.idOf('employee', n % at.tenant.rows['employee']!),
    session_id: `session-${n + 1}`,
  };
}

/** The note of the manual's chapter 7.4 ("Archival Provenance") about how the tenant was resolved. */
export function provenance(at: Place): { _tenant: Json } {
  return { _tenant: { input: at.slug, slug: at.slug, uuid: at.tenant.id, source: 'db-slug' } };
}

/** When it was made and when it was archived. */
export function archiveStamps(at: Place): { created_at: Date; archived_at: Date } {
  const { created_at, updated_at } = at.stamps();
  return { created_at, archived_at: updated_at };
}
