import { bypasses, hasPrivilege, isBound, reachesSchema } from '../access.ts';
import type { RlsFacts, RoleFacts, TableFacts } from '../facts.ts';

/** As whom rows are made and looked up, and what that role has to say about its tenant to be let. */
export interface Maker {
  readonly role: string | undefined;
  settings(tenant: string): Readonly<Record<string, string>>;
}

/** What a session of a tenant says. */
export type Settings = (tenant: string) => Readonly<Record<string, string>>;

/** Whoever sees every row of a table and may write it, the reader first; then the reader in a session of the tenant. */
export function makersFor(facts: RlsFacts, table: TableFacts, settings: Settings): Maker[] {
  const writes = (role: RoleFacts) =>
    reachesSchema(facts, role, table.schema) &&
    (['SELECT', 'INSERT', 'UPDATE'] as const).every((privilege) => hasPrivilege(role, table, privilege));
  const sees = (role: RoleFacts) => !isBound(role, table) && writes(role);
  const others = [...facts.roles.values()].filter(
    (role) => role !== facts.reader && bypasses(role) && facts.reader.canBecome.has(role.oid) && sees(role),
  );
  const free = [...(sees(facts.reader) ? [undefined] : []), ...others.map(({ name }) => name)];
  const bound = !sees(facts.reader) && writes(facts.reader) ? [{ role: undefined, settings }] : [];
  return [...free.map((role) => ({ role, settings: () => ({}) })), ...bound];
}
