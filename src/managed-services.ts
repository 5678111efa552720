/**
 * Services that run PostgreSQL for others and keep its superusers to themselves, by a role that each of them makes in
 * every server.
 */
export const MANAGED_SERVICES: ReadonlyMap<string, string> = new Map([
  ['supabase_admin', 'Supabase'],
  ['rds_superuser', 'Amazon RDS'],
  ['cloudsqlsuperuser', 'Google Cloud SQL'],
  ['azure_pg_admin', 'Azure'],
  ['neon_superuser', 'Neon'],
]);
