import type { CatalogEntry } from './compare.ts';
import type { Omissions } from './contents-list.ts';
import type { ExtensionUsed, Manifest, RoleNeeded } from './manifest.ts';
import type { Problem } from './plan.ts';
import type { RestoreFacts } from './restore-facts.ts';
import { readMark } from './restore-mark.ts';

export interface RestoreRequest {
  /** Name of the database to restore into. */
  readonly database: string;
  /** Connections of pg_restore; `undefined` leaves it to the plan. */
  readonly jobs: number | undefined;
  /** Leave out extensions that the server does not have, in place of refusing. */
  readonly skipMissingExtensions: boolean;
  /** What is in the database goes: it need not be empty. */
  readonly replaces?: boolean;
}

/** What is done with the database before anything is restored into it. */
export type Preparation =
  | 'create'
  /** Left by a restore that was killed or never came to its swap: dropped and made again. */
  | 'replace'
  /** It is there and empty. */
  | 'use';

export interface RestorePlan {
  readonly database: string;
  readonly preparation: Preparation;
  /** Who a database that is made will belong to: what lies in `public` can only belong to who may create there. */
  readonly owner: string;
  /** Roles that things belong to. */
  readonly owners: readonly string[];
  readonly jobs: number;
  /** Roles that will be made, as far as this role may make them. */
  readonly roles: readonly RoleNeeded[];
  readonly omissions: Omissions;
  readonly problems: readonly Problem[];
  readonly warnings: readonly string[];
}

/** Roles that the backup itself lets create in the schema public. */
export function creatorsInPublic(catalog: readonly CatalogEntry[], names: readonly string[]): string[] {
  const schema = catalog.find((entry) => isSchema('public', entry));
  return names.filter((name) => schema?.definition.includes(`CREATE to ${name}`));
}

function isSchema(schema: string, { kind, name }: CatalogEntry): boolean {
  return kind === 'schema' && name === schema;
}

function ownerOf(schema: string, catalog: readonly CatalogEntry[]): string | undefined {
  const definition = catalog.find((entry) => isSchema(schema, entry))?.definition ?? '';
  return /^owner (.*?);/.exec(definition)?.[1];
}

/** Decides how a backup is restored, and finds everything that stands against it. */
export function planRestore(
  request: RestoreRequest,
  manifest: Manifest,
  catalog: readonly CatalogEntry[],
  facts: RestoreFacts,
  machine: { readonly cpus: number },
): RestorePlan {
  const mark = readMark(facts.database?.comment ?? null);
  const preparation = facts.database === undefined ? 'create' : mark !== undefined ? 'replace' : 'use';
  const missing = missingExtensions(manifest.extensions, facts);
  const created = missingRoles(manifest, catalog, facts);
  const isPublicGiven = !facts.role.superuser && ownerOf('public', catalog) === facts.publicOwner;
  const owned = isPublicGiven ? catalog.filter((entry) => !isSchema('public', entry)) : catalog;
  return {
    database: request.database,
    preparation,
    owner: canOwn(manifest.database.owner, created, facts) ? manifest.database.owner : facts.role.name,
    owners: manifest.roles.filter(({ name }) => isOwner(name, owned)).map(({ name }) => name),
    jobs: request.jobs ?? Math.min(4, machine.cpus),
    roles: created.map((role) => asFarAsAllowed(role, facts)),
    omissions: {
      extensions: request.skipMissingExtensions ? missing : [],
      foreignKeys: manifest.danglingForeignKeys,
      schemas: isPublicGiven ? [{ name: 'public', owner: facts.publicOwner }] : [],
    },
    problems: [
      ...versionProblems(manifest, facts),
      ...databaseProblems(preparation, request, manifest, facts),
      ...roleProblems(created, manifest, owned, facts),
      ...policyProblems(catalog, facts),
      ...(request.skipMissingExtensions ? [] : extensionProblems(missing)),
      ...extensionRights(manifest.extensions, missing, facts),
    ],
    warnings: [
      ...created.flatMap((role) => lostAttributes(role, facts)),
      ...otherVersions(manifest.extensions, facts),
      ...(preparation === 'replace' ? [`${request.database} is what an earlier restore left: it is made again`] : []),
    ],
  };
}

function versionProblems(manifest: Manifest, { serverMajor, serverVersion }: RestoreFacts): Problem[] {
  if (serverMajor >= manifest.server.major) return [];
  return [
    {
      message: `the backup is of PostgreSQL ${manifest.server.version} and this server is ${serverVersion}`,
      hint: 'Restore to a server of the same major version or a newer one.',
    },
  ];
}

function databaseProblems(
  preparation: Preparation,
  { database: name, replaces = false }: RestoreRequest,
  manifest: Manifest,
  { role, database }: RestoreFacts,
): Problem[] {
  const problems: Problem[] = [];
  const needsCreation = preparation !== 'use' && !replaces;
  if (needsCreation && !role.superuser && !role.createDatabase) {
    problems.push({
      message: `${role.name} may not create the database ${name}`,
      hint: `Have it made empty, or as a superuser: alter role ${role.name} createdb.`,
    });
  }
  if (database === undefined) return problems;
  for (const session of replaces ? [] : database.restoring) {
    problems.push({
      message: `another restore into ${name} still runs: ${session}`,
      hint: 'Wait until it is done, or end its session with pg_terminate_backend.',
    });
  }
  if (!database.isOwned) {
    problems.push({
      message: `${name} belongs to another role`,
      hint: 'Restore as its owner, or into a new database.',
    });
  }
  if (preparation === 'replace') return problems;
  if (database.content.length > 0 && !replaces) {
    problems.push({
      message: `${name} is not empty: it has ${database.content.join(', ')}`,
      hint: 'Name a new database with --into: nothing is ever restored over what is there.',
    });
  }
  if (database.encoding !== manifest.database.encoding) {
    problems.push({
      message: `${name} has the encoding ${database.encoding} and the backup ${manifest.database.encoding}`,
      hint: 'Name a new database with --into: it will be made with the encoding of the backup.',
    });
  }
  return problems;
}

function canOwn(
  name: string | undefined,
  created: readonly RoleNeeded[],
  { role, roles }: RestoreFacts,
): name is string {
  if (name === undefined) return false;
  const exists = roles.find((other) => other.name === name);
  return exists === undefined ? created.some((other) => other.name === name) : role.superuser || exists.isMember;
}

// ── roles ───────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Whatever belongs to a role or is granted to it would stop the restore without it. */
function missingRoles(manifest: Manifest, catalog: readonly CatalogEntry[], { roles }: RestoreFacts): RoleNeeded[] {
  const existing = new Set(roles.map(({ name }) => name));
  const isNamed = (name: string) =>
    catalog.some((entry) => entry.definition.includes(name) || entry.name.includes(` for ${name} in `));
  const hasLargeObjects = (manifest.largeObjects?.count ?? 0) > 0;
  // The first role of the server is in every list, also when nothing is its own.
  return manifest.roles.filter(
    ({ name, superuser }) => !existing.has(name) && (!superuser || hasLargeObjects || isNamed(name)),
  );
}

function roleProblems(
  missing: readonly RoleNeeded[],
  { roles: needed }: Manifest,
  catalog: readonly CatalogEntry[],
  { role, roles }: RestoreFacts,
): Problem[] {
  if (role.superuser) return [];
  const owners = needed.filter(({ name }) => isOwner(name, catalog));
  const foreign = owners.filter(({ name }) => roles.some((other) => other.name === name && !other.isMember));
  return [
    ...(role.createRole
      ? []
      : missing.map(({ name }) => ({
          message: `the role ${name} is missing, and ${role.name} may not create roles`,
          hint: 'Have the roles made first (create role NAME nologin), or restore as a role that may: their passwords are in no backup.',
        }))),
    ...foreign.map(({ name }) => ({
      message: `things belong to ${name}, and ${role.name} is no member of it`,
      hint: `Grant it first: grant ROLE to ${role.name}.`,
    })),
  ];
}

function isOwner(name: string, catalog: readonly CatalogEntry[]): boolean {
  return catalog.some(
    (entry) => entry.definition.includes(`owner ${name};`) || entry.name.includes(` for ${name} in `),
  );
}

/** PostgreSQL lets nobody give what he does not have himself; before 16 only superusers could give BYPASSRLS. */
function asFarAsAllowed(needed: RoleNeeded, { role, serverMajor }: RestoreFacts): RoleNeeded {
  if (role.superuser) return needed;
  return { ...needed, superuser: false, bypassRls: needed.bypassRls && role.bypassRls && serverMajor >= 16 };
}

function lostAttributes(needed: RoleNeeded, facts: RestoreFacts): string[] {
  const made = asFarAsAllowed(needed, facts);
  const lost = [
    ...(needed.superuser && !made.superuser ? ['SUPERUSER'] : []),
    ...(needed.bypassRls && !made.bypassRls ? ['BYPASSRLS'] : []),
  ];
  return lost.map((attribute) => `the role ${needed.name} is made without ${attribute}, which only others may give`);
}

/** Rows that a policy hides from whoever restores could not be compared. */
function policyProblems(catalog: readonly CatalogEntry[], { role }: RestoreFacts): Problem[] {
  if (role.superuser || role.bypassRls) return [];
  const forced = catalog.filter(
    ({ kind, definition }) => kind === 'table' && /; row-level security forced;/.test(definition),
  );
  return forced.map(({ name }) => ({
    message: `row-level security of ${name} is forced, so that ${role.name} could not compare its rows`,
    hint: 'Restore as a role with BYPASSRLS.',
  }));
}

// ── extensions ──────────────────────────────────────────────────────────────────────────────────────────────────────

function missingExtensions(used: readonly ExtensionUsed[], { extensions }: RestoreFacts): ExtensionUsed[] {
  const names = new Set(extensions.map(({ name }) => name));
  return used.filter(({ name }) => !names.has(name));
}

function extensionProblems(missing: readonly ExtensionUsed[]): Problem[] {
  return missing.map(({ name, version }) => ({
    message: `the server does not have the extension ${name} (${version})`,
    hint: 'Install it on the server, or leave it out with --skip-missing-extensions: what needs it will then stop the restore.',
  }));
}

function extensionRights(
  used: readonly ExtensionUsed[],
  missing: readonly ExtensionUsed[],
  { role, extensions }: RestoreFacts,
): Problem[] {
  const forbidden = used.filter(
    (extension) =>
      !missing.includes(extension) && extensions.some(({ name, mayCreate }) => name === extension.name && !mayCreate),
  );
  return forbidden.map(({ name }) => ({
    message: `${role.name} may not create the extension ${name}`,
    hint: 'Restore as a superuser, or have the extension marked as trusted.',
  }));
}

function otherVersions(used: readonly ExtensionUsed[], { extensions }: RestoreFacts): string[] {
  return used.flatMap(({ name, version }) => {
    const found = extensions.find((extension) => extension.name === name);
    if (found === undefined || found.versions.includes(version)) return [];
    return [`the extension ${name} was ${version} and will be made in the server's own version`];
  });
}
