import type { Session } from '../postgres/session.ts';
import { bypasses } from './access.ts';
import type { AskLimits } from './ask.ts';
import { assembleFacts, type CatalogFacts } from './assemble.ts';
import { readClaimsOfFunctions, readSettingsOfFunctions } from './catalog/functions.ts';
import { readPossibleHolders, withIndexes } from './catalog/holders.ts';
import { readLineages, readOwners, withTenantColumnsNamedOtherwise } from './catalog/lineages.ts';
import { findMembers, readMemberships } from './catalog/members.ts';
import { readPolicyTexts } from './catalog/policies.ts';
import { type Helper, MANY_RELATIONS, readSnapshot, type Snapshot } from './catalog/snapshot.ts';
import { hasTold, type Remembered, readSomeTables, type ToldTables, toSomeTables } from './catalog/some-tables.ts';
import { findTenants, type Registry } from './catalog/tenants.ts';
import { isForgeable } from './claim-paths.ts';
import type { Lineage, RlsFacts, TableFacts } from './facts.ts';
import { chooseHolders, namesOf } from './holders.ts';
import { isUserSetting, type MembershipCandidate } from './membership.ts';
import { loadParse } from './parse.ts';
import { type EvaluationSetup, readClasses, type Untouched } from './read-classes.ts';
import type { Tenants } from './samples.ts';
import type { TenancySettings } from './settings.ts';
import { isSound } from './soundness.ts';

/** No question of the program's own waits or runs longer than this: production goes first. */
const LIMITS: AskLimits = { lockTimeoutMs: 250, statementTimeoutMs: 2_000 };

/** How it is read. */
export interface Reading {
  readonly limits?: AskLimits | undefined;
  /** Opens a second such session, once; asked for only where there is enough for two to do. */
  readonly helper?: Helper | undefined;
  /** Opens a session in which settings are left as no other one should find them; else that is done in the first, last. */
  readonly apart?: Helper | undefined;
  /** What no made-up row may satisfy is also taken for granted, as a proof needs it. */
  readonly assumes?: boolean | undefined;
}

/**
 * Everything that `rls-check` judges: the catalog, and what its policies answer. Reads only; waits for no lock; a
 * session of its own, since policies are also asked what they say where nothing was ever set.
 */
export async function readFacts(
  session: Session,
  settings: TenancySettings,
  { limits = LIMITS, helper, apart, assumes = false }: Reading = {},
): Promise<RlsFacts> {
  // What it takes to read policies is loaded while the server reads its catalog.
  loadParse().catch(() => undefined);
  const { catalog, schemas, functionSettings, lookedUp } = toCatalog(
    await readSnapshot(session, settings, helper),
    settings,
  );
  const calls = [...catalog.tables.values()].some(({ policies }) => policies.some(({ isPlain }) => !isPlain));
  const claims = calls ? await readClaimsOfFunctions(session, schemas) : [];
  const facts = await evaluateFacts(session, settings, catalog, {
    isLookedAt: ({ inScope }) => inScope,
    limits,
    candidates: () => Promise.resolve(functionSettings),
    claims: () => Promise.resolve(claims),
    forged: claims.filter(({ path }) => isForgeable(path)),
    findsRepeatedCalls: true,
    findsHolders: true,
    functionSettings,
    assumes,
    lookedUp,
    userSettings: functionSettings.filter(isUserSetting),
    helper,
    apart,
  });
  return { ...facts, tables: await withTexts(session, facts) };
}

export interface OfSome {
  readonly tables: ReadonlySet<number>;
  readonly remembered: Remembered;
  readonly untouched: Untouched;
  /** What was told of them, and maybe others, already. */
  readonly told?: ToldTables | undefined;
}

/** What the policies of some tables let through; of the rest of the catalog only what that takes. */
export async function readFactsOf(
  session: Session,
  settings: TenancySettings,
  { tables, remembered, untouched, told }: OfSome,
): Promise<RlsFacts> {
  const known = told && hasTold(told, tables) ? toSomeTables(told, settings, remembered) : undefined;
  const { snapshot, texts, columns } = known ?? (await readSomeTables(session, settings, [...tables], remembered));
  const schemas = snapshot.schemas.map(({ oid }) => oid);
  const seen = await withLookups(session, settings, snapshot);
  return evaluateFacts(session, settings, assembleFacts(seen, settings), {
    isLookedAt: ({ oid }) => tables.has(oid),
    limits: LIMITS,
    candidates: (one) => readSettingsOfFunctions(one, schemas),
    claims: (one) => readClaimsOfFunctions(one, schemas),
    forged: [],
    findsRepeatedCalls: false,
    assumes: false,
    lookedUp: seen === snapshot ? undefined : seen.lookups.relations,
    userSettings: [],
    untouched,
    known: { texts, columns },
  });
}

/** Most policies look at nothing but the tenant's column of the row: then nothing more has to be read. */
async function withLookups(session: Session, settings: TenancySettings, snapshot: Snapshot): Promise<Snapshot> {
  const { tenantColumns, referredColumns, policies, policiesOfOwnMaking } = snapshot;
  const named = new Set([
    ...tenantColumns.flatMap(({ relations }) => relations),
    ...referredColumns.map(({ relation }) => relation),
  ]);
  const looking = policies.filter(({ oid, relations }) => relations.length > 0 || policiesOfOwnMaking.has(oid));
  if (looking.length === 0 && policies.every(({ table }) => named.has(table))) return snapshot;
  const { withWhatIsBehind } = await import('./catalog/behind-policies.ts');
  return withWhatIsBehind(
    session,
    snapshot,
    settings.columns,
    looking.map(({ oid }) => oid),
  );
}

/** What is kept of a snapshot: of a large database its rows are not. */
function toCatalog(
  snapshot: Snapshot,
  settings: TenancySettings,
): {
  readonly catalog: CatalogFacts;
  readonly schemas: readonly number[];
  readonly functionSettings: readonly string[];
  readonly lookedUp: ReadonlySet<number>;
} {
  const { functionSettings, lookups } = snapshot;
  const schemas = snapshot.schemas.map(({ oid }) => oid);
  return { catalog: assembleFacts(snapshot, settings), schemas, functionSettings, lookedUp: lookups.relations };
}

interface How
  extends Pick<
    EvaluationSetup,
    | 'limits'
    | 'candidates'
    | 'claims'
    | 'forged'
    | 'findsRepeatedCalls'
    | 'assumes'
    | 'untouched'
    | 'known'
    | 'userSettings'
    | 'apart'
  > {
  readonly isLookedAt: (table: TableFacts) => boolean;
  /** Relations that functions of policies read; `undefined`: policies look nowhere but at their rows. */
  readonly lookedUp?: ReadonlySet<number> | undefined;
  /** Where nothing else says whose the rows of a table are, its policies may. */
  readonly findsHolders?: boolean | undefined;
  /** Settings that functions read. */
  readonly functionSettings?: readonly string[] | undefined;
  readonly helper?: Helper | undefined;
}

async function evaluateFacts(
  session: Session,
  settings: TenancySettings,
  catalog: CatalogFacts,
  { isLookedAt, lookedUp, findsHolders = false, functionSettings = [], helper, ...how }: How,
): Promise<RlsFacts> {
  const tables = lookedUp === undefined ? catalog.tables : await withLineages(session, catalog, isLookedAt);
  const looked = [...tables.values()].filter(isLookedAt);
  const candidates = lookedUp === undefined ? [] : membershipCandidates(catalog, lookedUp);
  const memberships = await readMemberships(session, candidates);
  const members = await findMembers(session, memberships, settings.tenants, seers(catalog));
  const tenantsFor = await findTenants(session, registryOf(catalog), settings.tenants, seers(catalog), members);
  const second = looked.length < MANY_RELATIONS ? undefined : await helper?.();
  const sessions = second === undefined ? [session] : [session, second];
  const possible = findsHolders ? await readPossibleHolders(session, looked) : [];
  const { classes, carriersOf } = await readClasses(sessions, [...looked, ...possible], {
    subjects: catalog.subjects,
    unreachable: catalog.unreachable,
    source: { columns: settings.columns, claims: settings.claims },
    settings: settings.settings,
    tenantsFor,
    owners: await findOwners(session, { ...catalog, tables }, tenantsFor),
    ...how,
  });
  const facts = {
    ...catalog,
    tables,
    classes,
    tenantSettings: named([], settings),
    tenantClaims: [],
    foundColumns: [],
    isSettingRead: false,
    userSettings: [],
    memberships,
  };
  const chosen = chooseHolders(facts, possible, (key) => carriersOf(new Set([key])).tenantSettings);
  const holders = await withIndexes(session, chosen);
  const told = new Map([...tables, ...holders.map(byOid)]);
  const asked = new Set(looked.flatMap(({ oid }) => told.get(oid)!.policyClass ?? []));
  const { tenantSettings, ...carriers } = carriersOf(asked);
  const allSettings = named(tenantSettings, settings);
  return {
    ...facts,
    tables: told,
    classes: possible.length === 0 ? classes : new Map([...classes].filter(([key]) => asked.has(key))),
    ...carriers,
    foundColumns: namesOf(holders),
    isSettingRead: isRead(allSettings[0], classes, functionSettings),
    tenantSettings: allSettings,
  };
}

/** By a policy itself, or by a function. */
function isRead(setting: string, classes: RlsFacts['classes'], readByFunctions: readonly string[]): boolean {
  const expressions = [...classes.values()].flatMap((one) =>
    one.expressions.known ? [...one.expressions.value.values()] : [],
  );
  return readByFunctions.includes(setting) || expressions.some(({ settings }) => settings.includes(setting));
}

function byOid(table: TableFacts): [number, TableFacts] {
  return [table.oid, table];
}

/** What policies were found to read, and what is configured. */
function named(found: readonly string[], { settings }: TenancySettings): RlsFacts['tenantSettings'] {
  const [first = 'app.current_tenant_id', ...rest] = new Set([...found, ...settings]);
  return [first, ...rest];
}

async function withLineages(
  session: Session,
  { tables }: CatalogFacts,
  isLookedAt: (table: TableFacts) => boolean,
): Promise<CatalogFacts['tables']> {
  const named = await withTenantColumnsNamedOtherwise(session, tables, isLookedAt);
  const lineages = await readLineages(session, named, [...named.values()].filter(isLookedAt));
  if (lineages.size === 0) return named;
  const traced = (table: TableFacts, lineage: Lineage | undefined) => (lineage ? { ...table, lineage } : table);
  return new Map([...named].map(([oid, table]) => [oid, traced(table, lineages.get(oid))]));
}

/** Rows of two tenants that the rows of tables without a tenant's column may refer to, by table. */
async function findOwners(
  session: Session,
  catalog: CatalogFacts,
  tenantsFor: (column: TableFacts['tenantColumn']) => Tenants,
): Promise<ReadonlyMap<number, Tenants>> {
  const found = new Map<number, Tenants>();
  for (const { oid, lineage } of catalog.tables.values()) {
    if (lineage === undefined) continue;
    const tenants = tenantsFor(lineage.tenantColumn);
    const owners = await readOwners(session, catalog.tables, lineage, tenants, seers(catalog));
    if (owners !== undefined) found.set(oid, { ...owners, unknown: tenants.unknown });
  }
  return found;
}

/** Tables of tenants that policies look at, themselves or through functions. */
function membershipCandidates({ tables }: CatalogFacts, lookedUp: ReadonlySet<number>): MembershipCandidate[] {
  const read = new Set([...lookedUp, ...[...tables.values()].flatMap(({ policies }) => relationsOf(policies))]);
  return [...tables.values()].flatMap(({ oid, schema, name, tenantColumn, kind }) =>
    tenantColumn !== undefined && kind !== 'foreign' && read.has(oid) ? [{ oid, schema, name, tenantColumn }] : [],
  );
}

function relationsOf(policies: TableFacts['policies']): number[] {
  return policies.flatMap(({ relations }) => relations);
}

function registryOf({ tables }: CatalogFacts): Registry | undefined {
  const table = [...tables.values()].find(({ isRegistry }) => isRegistry);
  return table?.tenantColumn === undefined ? undefined : { table, column: table.tenantColumn };
}

/** Roles that see every tenant and that the reader may become. */
export function seers({
  roles,
  reader,
  meantToBypass,
}: Pick<RlsFacts, 'roles' | 'reader' | 'meantToBypass'>): string[] {
  return [...roles.values()]
    .filter((role) => meantToBypass.has(role.oid) && bypasses(role) && reader.canBecome.has(role.oid))
    .map(({ name }) => name);
}

/** Policies that may have to be mended, with their SQL; to print it for all of ten thousand takes a second. */
async function withTexts(session: Session, facts: RlsFacts): Promise<RlsFacts['tables']> {
  const suspects = [...facts.tables.values()].filter((table) => table.inScope && !isSound(facts, table));
  const texts = await readPolicyTexts(
    session,
    suspects.flatMap(({ policies }) => policies.map(({ oid }) => oid)),
  );
  const mended = suspects.map((table): [number, TableFacts] => [
    table.oid,
    { ...table, policies: table.policies.map((policy) => ({ ...policy, texts: texts.get(policy.oid) })) },
  ]);
  return new Map([...facts.tables, ...mended]);
}
