import { availableParallelism } from 'node:os';
import { readStoredCatalog } from '../backup/compare-restored.ts';
import { withCreationRights } from '../backup/owner-rights.ts';
import { readRestoreFacts } from '../backup/read-restore-facts.ts';
import { createRoles } from '../backup/restore.ts';
import type { RestoreFacts } from '../backup/restore-facts.ts';
import { creatorsInPublic, planRestore, type RestorePlan } from '../backup/restore-plan.ts';
import type { StoredBackup } from '../backup/store.ts';
import type { VerifyWorld } from '../backup/verify-restore.ts';
import { AishaError } from '../errors.ts';
import { quoteIdentifier, quoteLiteral } from '../postgres/quote.ts';
import { serverUrl } from '../postgres/server-url.ts';
import type { Session } from '../postgres/session.ts';
import type { Target } from '../postgres/target.ts';
import { setClause } from './access-sql.ts';
import { fillCopy } from './fill-copy.ts';
import type { Origin } from './origin.ts';
import { hasOwnersStub, REACHING, REFUSAL } from './stub-sql.ts';

/** How a role that is no superuser makes a copy. */
export interface OwnerPlan {
  readonly restore: RestorePlan;
  readonly facts: RestoreFacts;
}

/**
 * Decides it before anything is dropped. Extensions that reach out are left out or stubs; those that the role may not
 * make are left out.
 * @throws AishaError (connection) with everything that stands against it
 */
export async function planOwnerCopy(
  backup: StoredBackup,
  target: Target,
  maintenance: Session,
  world: VerifyWorld,
): Promise<OwnerPlan> {
  const { manifest } = backup;
  const facts = await readRestoreFacts(maintenance, target, 'aisha-db rehearse', world.signal);
  const makeable = facts.extensions.filter(({ name, mayCreate }) => mayCreate && !REACHING.includes(name));
  const restore = planRestore(
    { database: target.database, jobs: undefined, skipMissingExtensions: true },
    manifest,
    readStoredCatalog(backup),
    // The database is made anew, and what is not compared cannot be hidden by policies.
    { ...facts, database: undefined, extensions: makeable, role: { ...facts.role, bypassRls: true } },
    { cpus: availableParallelism() },
  );
  const foreign = manifest.extensions.filter(({ name }) => REACHING.includes(name) && name.endsWith('fdw'));
  const problems = [
    ...restore.problems,
    ...[...foreign, ...manifest.extensions.filter(({ name }) => name === 'wrappers')].map(({ name }) => ({
      message: `the foreign tables of ${name} would reach out of the copy, and only a superuser can hold them back`,
    })),
  ];
  const roles = restore.roles.map((role) => ({ ...role, bypassRls: role.bypassRls && facts.role.bypassRls }));
  if (problems.length === 0) return { restore: { ...restore, roles }, facts };
  throw new AishaError(
    'connection',
    `${target.user} is no superuser and cannot make the copy in ${target.describe()}`,
    {
      details: problems.map(({ message }) => message),
      hint: 'Name a connection of a superuser, or rehearse in a scratch server: without --into.',
    },
  );
}

/** What there is to make a copy with. */
interface OwnerWork {
  readonly backup: StoredBackup;
  readonly origin: Origin;
  /** The new database, which is there and empty. */
  readonly target: Target;
  readonly admin: Session;
  readonly world: VerifyWorld;
}

/** The empty database and the roles that it needs. */
export async function makeOwnersDatabase(
  { restore, facts }: OwnerPlan,
  { manifest }: StoredBackup,
  maintenance: Session,
) {
  await createRoles(restore, maintenance, facts);
  const { encoding, collation, ctype } = manifest.database;
  const create = (lcCollate: string, lcCtype: string) =>
    maintenance.query(
      `create database ${quoteIdentifier(restore.database)} template template0 encoding ${quoteLiteral(encoding)} lc_collate ${quoteLiteral(lcCollate)} lc_ctype ${quoteLiteral(lcCtype)}`,
    );
  await create(collation, ctype).catch(() => create('C', 'C'));
}

/**
 * Fills it, and lets the role act as the one that migrates, where it is a member of that.
 * @throws AishaError (backup) when it cannot be restored; (connection) when something in it reaches out all the same
 */
export async function fillOwnersCopy(plan: OwnerPlan, work: OwnerWork) {
  const { backup, origin, target, admin, world } = work;
  const { owners, omissions } = plan.restore;
  const kept = creatorsInPublic(readStoredCatalog(backup), owners);
  const { restoreMs, notes } = await fillCopy(backup, target, admin, omissions, world, {
    asOwnersNeed: (use) => withCreationRights(admin, owners, kept, use),
  });
  await refuseReaching(admin, target);
  const acting = await actAs(origin, target, admin);
  const url = serverUrl(target.host, target.port, target.user, target.password?.reveal() ?? '', target.database);
  return { url, restoreMs, notes: [...notes, ...stubNotes(omissions), ...(await openNotes(plan, admin)), ...acting] };
}

function stubNotes({ extensions }: RestorePlan['omissions']): string[] {
  return extensions
    .filter(({ name }) => hasOwnersStub(name))
    .map(({ name }) => `the stub of ${name} is no extension here: CREATE EXTENSION ${name} would fail`);
}

/** What this server brings into every database, such as by its template. */
async function refuseReaching(admin: Session, target: Target): Promise<void> {
  const found = await admin.query<{ name: string }>(
    `select extname::text as name from pg_catalog.pg_extension where extname = any ($1)
     union select fdwname::text from pg_catalog.pg_foreign_data_wrapper where fdwhandler <> 0`,
    [REACHING],
  );
  if (found.length === 0) return;
  throw new AishaError('connection', `${found.map(({ name }) => name).join(', ')} would reach out of the copy`, {
    hint: `Only a superuser can hold that back in ${target.describe()}: name one, or rehearse without --into.`,
  });
}

/** What nothing holds back is named. */
async function openNotes({ facts }: OwnerPlan, admin: Session): Promise<string[]> {
  const [row] = await admin.query<{ refused: boolean }>(
    'select exists (select from pg_catalog.pg_event_trigger where evtname = $1) as refused',
    [REFUSAL],
  );
  const open = facts.extensions.filter(({ name, mayCreate }) => mayCreate && REACHING.includes(name));
  if (row!.refused || open.length === 0) return [];
  const names = open.map(({ name }) => name).join(', ');
  return [`${facts.role.name} may create ${names}: a file that does would reach out of the copy`];
}

/** The role's sessions in the copy become the one that migrates, until the rehearsal has come to its end. */
async function actAs(origin: Origin, { user, database }: Target, admin: Session): Promise<string[]> {
  const [name, place] = [quoteIdentifier(user), quoteIdentifier(database)];
  const notes: string[] = [];
  const set = async (statement: string, otherwise: string): Promise<void> => {
    await admin.query(statement).catch(() => notes.push(otherwise));
  };
  for (const setting of origin.databaseSettings)
    await set(`alter database ${place} ${setClause(setting)}`, `the setting ${setting} of the database is left out`);
  for (const setting of origin.roleSettings)
    await set(`alter role ${name} in database ${place} ${setClause(setting)}`, `the setting ${setting} is left out`);
  const may = await memberships(admin, [origin.role, origin.owner]);
  // What the public schema allows follows who owns the database.
  if (may.has(origin.owner)) await admin.query(`alter database ${place} owner to ${quoteIdentifier(origin.owner)}`);
  if (origin.role === user) return notes;
  if (!may.has(origin.role)) return [...notes, `files are applied as ${user}, not as ${origin.role}, who migrates`];
  if (origin.mayCreate) await admin.query(`grant create on database ${place} to ${quoteIdentifier(origin.role)}`);
  await admin.query(`alter role ${name} in database ${place} set role to ${quoteLiteral(origin.role)}`);
  return notes;
}

/** Those of the roles that the session's own is a member of. */
async function memberships(admin: Session, roles: readonly string[]): Promise<ReadonlySet<string>> {
  const rows = await admin.query<{ name: string }>(
    `select rolname::text as name from pg_catalog.pg_roles
      where rolname = any ($1) and pg_catalog.pg_has_role(session_user, oid, 'MEMBER')`,
    [roles],
  );
  return new Set(rows.map(({ name }) => name));
}

/** The copy stays: whoever looks into it is himself again. */
export async function endActing({ user, database }: Target, maintenance: Session): Promise<void> {
  await maintenance.query(`alter role ${quoteIdentifier(user)} in database ${quoteIdentifier(database)} reset all`);
}
