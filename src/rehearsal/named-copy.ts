import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { openAdmin, targetOf } from '../backup/restore.ts';
import { rolesSql } from '../backup/scratch-roles.ts';
import { databaseKey, type StoredBackup } from '../backup/store.ts';
import type { VerifyWorld } from '../backup/verify-restore.ts';
import { AishaError } from '../errors.ts';
import { isIdentityRunning, processIdentity } from '../postgres/process-identity.ts';
import { quoteIdentifier, quoteLiteral } from '../postgres/quote.ts';
import { serverUrl } from '../postgres/server-url.ts';
import { Session } from '../postgres/session.ts';
import { resolveTarget, type Target } from '../postgres/target.ts';
import { guestRoleSql } from './access-sql.ts';
import { type Copy, superuserNote } from './copy.ts';
import { fillCopy, runAsAdmin } from './fill-copy.ts';
import type { Origin } from './origin.ts';
import { endActing, fillOwnersCopy, makeOwnersDatabase, type OwnerPlan, planOwnerCopy } from './owner-copy.ts';

/** A database that a copy is to be made in, as its server knows it. */
export interface NamedPlace {
  readonly serverVersion: string;
  readonly isSuperuser: boolean;
  /** Databases. */
  readonly mayCreate: boolean;
  /** `databaseKey` of it. */
  readonly key: string;
  /** What would go; `undefined` when there is no such database. */
  readonly existing: { readonly bytes: number; readonly sessions: number } | undefined;
}

const GUEST = 'aisha_rehearsal_';
/** Extensions that work by themselves as soon as their tables have rows: they are never made on a server that lives. */
const NEVER_REAL = ['pg_cron', 'pg_net'];
/** "AISH" in ASCII: one rehearsal in a database at a time. */
const LOCK = 0x41495348;

/** Looks at the place; reads only. @throws AishaError (connection) */
export async function lookAtPlace(target: Target, signal: AbortSignal): Promise<NamedPlace> {
  const session = await openAdmin(target, [], 'aisha-db rehearse', signal);
  try {
    return await readPlace(session, target);
  } finally {
    await session.close();
  }
}

/**
 * Restores a backup into a database of its own name on a server that is there, which is made anew; it stays when the
 * rehearsal comes to its end, and nobody else can look into it before. On a server that others use no role is changed:
 * the rehearsal has a role of its own that acts as the one that migrates.
 * @throws AishaError (connection) for the database that was backed up, and for a role that is no superuser when the copy
 *   needs one; (lock) while another rehearsal uses it; (backup) when it cannot be restored
 */
export async function makeNamedCopy(
  backup: StoredBackup,
  origin: Origin,
  target: Target,
  world: VerifyWorld,
): Promise<Copy> {
  const maintenance = await openAdmin(target, [], 'aisha-db rehearse', world.signal);
  const undo: (() => Promise<unknown>)[] = [() => maintenance.close()];
  const close = async (): Promise<void> => {
    for (const step of undo.splice(0).reverse()) await step();
  };
  try {
    const place = await readPlace(maintenance, target);
    refusePlace(place, backup, target);
    const plan = place.isSuperuser ? undefined : await planOwnerCopy(backup, target, maintenance, world);
    await claim(maintenance, target);
    world.info(`restoring ${backup.manifest.id} into ${target.describe()}`);
    await dropDatabase(maintenance, target.database);
    await sweepGuests(maintenance);
    let isFinished = false;
    undo.push(async () => {
      if (!isFinished) await dropDatabase(maintenance, target.database);
    });
    const work = { backup, origin, target: asAdmin(target), maintenance, world, undo };
    const made = await (plan === undefined ? makeAsSuperuser(work) : makeAsOwner(plan, work));
    return {
      ...made,
      serverVersion: place.serverVersion,
      notes: [`the copy is ${target.describe()} and stays there`, ...made.notes, ...superuserNote(origin)],
      finish: async () => {
        const name = quoteIdentifier(target.database);
        const note = `aisha-db rehearse: ${backup.manifest.id} and what was pending, ${new Date().toISOString()}`;
        await maintenance.query(`comment on database ${name} is ${quoteLiteral(note)}`);
        await maintenance.query(`grant connect, temporary on database ${name} to public`);
        if (plan !== undefined) await endActing(target, maintenance);
        isFinished = true;
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

interface Work {
  readonly backup: StoredBackup;
  readonly origin: Origin;
  /** The database that is to be made. */
  readonly target: Target;
  readonly maintenance: Session;
  readonly world: VerifyWorld;
  /** Steps back, the last one first. */
  readonly undo: (() => Promise<unknown>)[];
}

type Made = Pick<Copy, 'target' | 'url' | 'admin' | 'restoreMs' | 'notes'>;

async function makeAsSuperuser({ backup, origin, target, maintenance, world, undo }: Work): Promise<Made> {
  const available = await makeDatabase(maintenance, backup, target);
  const admin = await openCopy(target, world, undo);
  const { extensions, danglingForeignKeys: foreignKeys } = backup.manifest;
  const isLeftOut = ({ name }: { readonly name: string }) => NEVER_REAL.includes(name) || !available.includes(name);
  const omissions = { extensions: extensions.filter(isLeftOut), foreignKeys };
  const { restoreMs, notes } = await fillCopy(backup, target, admin, omissions, world);
  const [guest, password] = [`${GUEST}${randomBytes(6).toString('hex')}`, randomBytes(18).toString('base64url')];
  undo.push(() => dropGuest(maintenance, admin, guest, origin.role));
  await runAsAdmin(admin, guestRoleSql(origin, target.database, guest, password));
  const owner = JSON.stringify({ machine: hostname(), owner: processIdentity(process.pid) });
  await maintenance.query(`comment on role ${quoteIdentifier(guest)} is ${quoteLiteral(owner)}`);
  const url = serverUrl(target.host, target.port, guest, password, target.database);
  const asGuest = { ...resolveTarget({ databaseUrl: url, env: {} }), ssl: target.ssl };
  return { target: asGuest, url, admin, restoreMs, notes };
}

/** There is no other role than the one that is named: files are applied as it. */
async function makeAsOwner(plan: OwnerPlan, { backup, origin, target, maintenance, world, undo }: Work): Promise<Made> {
  await makeOwnersDatabase(plan, backup, maintenance);
  await closeDatabase(maintenance, backup, target);
  const admin = await openCopy(target, world, undo);
  const filled = await fillOwnersCopy(plan, { backup, origin, target, admin, world });
  return { ...filled, target, admin };
}

async function openCopy(target: Target, { signal }: VerifyWorld, undo: Work['undo']): Promise<Session> {
  const settings = { search_path: '' };
  const admin = await Session.open(target, { applicationName: 'aisha-db rehearse', settings, signal });
  undo.push(() => admin.close());
  return admin;
}

async function readPlace(session: Session, { database }: Target): Promise<NamedPlace> {
  const [server] = await session.query<Pick<NamedPlace, 'isSuperuser' | 'mayCreate'> & { version: string }>(
    `select pg_catalog.current_setting('server_version') as version, r.rolsuper as "isSuperuser",
       r.rolsuper or r.rolcreatedb as "mayCreate"
     from pg_catalog.pg_roles r where r.rolname = current_user`,
  );
  const [identity] = await session
    .query<{ id: string }>('select system_identifier::text as id from pg_catalog.pg_control_system()')
    .catch(() => []);
  const [existing] = await session.query<{ bytes: number; sessions: number }>(
    `select case when pg_catalog.has_database_privilege(d.oid, 'CONNECT') then pg_catalog.pg_database_size(d.oid) else 0 end::float8 as bytes,
       (select count(*)::int from pg_catalog.pg_stat_activity a where a.datid = d.oid) as sessions
     from pg_catalog.pg_database d where d.datname = $1`,
    [database],
  );
  const { host, port } = session.target;
  const server_ = { host, port, systemIdentifier: identity?.id ?? null, version: server!.version, major: 0 };
  return {
    serverVersion: server!.version,
    isSuperuser: server!.isSuperuser,
    mayCreate: server!.mayCreate,
    key: databaseKey({ server: server_, database: { name: database, encoding: '', collation: '', ctype: '' } }),
    existing,
  };
}

function refusePlace(place: NamedPlace, { manifest }: StoredBackup, target: Target): void {
  if (place.key === databaseKey(manifest)) throw isOrigin(target);
  if (!place.isSuperuser && !place.mayCreate) throw mayNotCreate(target);
  if (Number.parseInt(place.serverVersion, 10) >= manifest.server.major) return;
  throw new AishaError(
    'backup',
    `${target.describe()} is PostgreSQL ${place.serverVersion}, and the backup is of ${manifest.server.version}`,
    {
      hint: 'Rehearse on a server of the same major version or a newer one.',
    },
  );
}

/** The database that is rehearsed for is never the one that is rehearsed in. */
export function isOrigin(target: Target): AishaError {
  return new AishaError('connection', `${target.describe()} is the database that the backup is of`, {
    hint: 'Name another database with --into: it is dropped and made anew.',
  });
}

/** The database is made anew. */
export function mayNotCreate(target: Target): AishaError {
  return new AishaError('connection', `${target.describe()}: ${target.user} may create no databases there`, {
    hint: `As a superuser: alter role NAME createdb; or name a superuser, or rehearse in a scratch server, without --into.`,
  });
}

async function claim(session: Session, target: Target): Promise<void> {
  const [row] = await session.query<{ got: boolean }>(
    'select pg_catalog.pg_try_advisory_lock($1, pg_catalog.hashtext($2)) as got',
    [LOCK, target.database],
  );
  if (row!.got) return;
  throw new AishaError('lock', `another rehearsal uses ${target.describe()}`, {
    hint: 'Wait until it is done, or name another database with --into.',
  });
}

function asAdmin(target: Target): Target {
  return targetOf(target, target.database);
}

async function dropDatabase(session: Session, name: string): Promise<void> {
  await session.query(`drop database if exists ${quoteIdentifier(name)} with (force)`);
}

/** The empty database, open to nobody, and the roles that things in it belong to. @returns extensions of the server */
async function makeDatabase(
  session: Session,
  { manifest }: StoredBackup,
  { database }: Pick<Target, 'database'>,
): Promise<string[]> {
  const existing = await session.query<{ name: string }>('select rolname::text as name from pg_catalog.pg_roles');
  const names = existing.map(({ name }) => name);
  const missing = manifest.roles.filter(({ name }) => !names.includes(name));
  // Those that are there stay what they are, their memberships as well.
  const roles = rolesSql(missing, names);
  if (roles !== '') await session.client.query(roles);
  const { encoding, collation, ctype } = manifest.database;
  const create = (lcCollate: string, lcCtype: string) =>
    session.query(
      `create database ${quoteIdentifier(database)} template template0 encoding ${quoteLiteral(encoding)} lc_collate ${quoteLiteral(lcCollate)} lc_ctype ${quoteLiteral(lcCtype)}`,
    );
  // A locale of another operating system is none of this one's.
  await create(collation, ctype).catch(() => create('C', 'C'));
  await closeDatabase(session, { manifest }, { database });
  const available = await session.query<{ name: string }>('select name::text from pg_catalog.pg_available_extensions');
  return available.map(({ name }) => name);
}

/** Nobody but who made it can look into it until it is finished. */
async function closeDatabase(
  session: Session,
  { manifest }: Pick<StoredBackup, 'manifest'>,
  { database }: Pick<Target, 'database'>,
): Promise<void> {
  await session.query(`revoke all on database ${quoteIdentifier(database)} from public`);
  const note = `aisha-db rehearse: ${manifest.id}, not finished`;
  await session.query(`comment on database ${quoteIdentifier(database)} is ${quoteLiteral(note)}`);
}

async function dropGuest(maintenance: Session, admin: Session, guest: string, role: string): Promise<void> {
  const name = quoteIdentifier(guest);
  await endSessions(maintenance, guest);
  await admin.query(`reassign owned by ${name} to ${quoteIdentifier(role)}`).catch(() => {});
  await admin.query(`drop owned by ${name}`).catch(() => {});
  await maintenance.query(`drop role if exists ${name}`).catch(() => {});
}

/** Roles of rehearsals of this machine that were killed. Their database is gone already, or they stay. */
async function sweepGuests(session: Session): Promise<void> {
  const guests = await session.query<{ name: string; comment: string | null }>(
    `select rolname::text as name, pg_catalog.shobj_description(oid, 'pg_authid') as comment from pg_catalog.pg_roles
     where rolname like 'aisha\\_rehearsal\\_%'`,
  );
  for (const { name, comment } of guests) {
    if (!isAbandoned(comment)) continue;
    await endSessions(session, name);
    await session.query(`drop role if exists ${quoteIdentifier(name)}`).catch(() => {});
  }
}

function isAbandoned(comment: string | null): boolean {
  try {
    const { machine, owner } = JSON.parse(comment ?? '') as { readonly machine: string; readonly owner: string };
    return machine === hostname() && !isIdentityRunning(owner);
  } catch {
    return false;
  }
}

async function endSessions(session: Session, role: string): Promise<void> {
  await session.query(
    'select pg_catalog.pg_terminate_backend(pid) from pg_catalog.pg_stat_activity where usename = $1',
    [role],
  );
}
