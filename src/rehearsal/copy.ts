import { randomBytes } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { omitFromList } from '../backup/contents-list.ts';
import { toolsFor } from '../backup/create.ts';
import { runRestore } from '../backup/pg-restore.ts';
import { type StoredBackup, whileInUse } from '../backup/store.ts';
import { DATABASE, prepareServer, startServer, type VerifyWorld } from '../backup/verify-restore.ts';
import { AishaError, messageOf } from '../errors.ts';
import { quoteIdentifier, quoteLiteral } from '../postgres/quote.ts';
import type { ScratchServer } from '../postgres/scratch-server.ts';
import { serverUrl } from '../postgres/server-url.ts';
import { Session } from '../postgres/session.ts';
import { resolveTarget, type Target } from '../postgres/target.ts';
import type { Origin } from './origin.ts';
import { CUT_OFF_SQL, hasStub, stubSchemas, stubsSql } from './stub-sql.ts';

/** A database that is a backup restored, on a server of its own that only this program reaches. */
export interface Copy {
  /** As the role that migrates the database. */
  readonly target: Target;
  /** The same as a connection string, password included. */
  readonly url: string;
  /** A session of the server's superuser, who is nobody's role in the copy. */
  readonly admin: Session;
  readonly serverVersion: string;
  readonly restoreMs: number;
  /** What is not as it was: extensions that this machine lacks. */
  readonly notes: readonly string[];
  close(): Promise<void>;
}

/**
 * Restores a backup into a scratch server that listens on no network, with the role that migrates it; whatever could
 * reach out of the copy is replaced by stubs that write down who called them.
 * @throws AishaError (backup) when it cannot be restored; (tool) without server programs or pg_restore
 */
export async function makeCopy(backup: StoredBackup, origin: Origin, world: VerifyWorld): Promise<Copy> {
  const { manifest } = backup;
  const tools = toolsFor(Number.parseInt(manifest.pgDumpVersion, 10), world);
  world.info(`restoring ${manifest.id} into a scratch server`);
  const server = await startServer(manifest, world);
  try {
    const omissions = await prepareServer(server, manifest, world.signal);
    const admin = await openAdmin(server);
    const missing = omissions.extensions.map(({ name }) => name);
    await run(admin, stubsSql(missing));
    const startedAt = performance.now();
    const target = resolveTarget({ databaseUrl: server.url(DATABASE), env: {} });
    const failure = await whileInUse(world.store, backup, () =>
      runRestore(
        backup,
        {
          target,
          tools,
          applicationName: 'aisha-db rehearse',
          args: [`--jobs=${availableParallelism()}`],
          select: (list) => omitFromList(list, { ...omissions, grantsIn: stubSchemas(missing) }),
          label: `restoring ${manifest.id}`,
        },
        world,
      ),
    );
    if (failure.length > 0) throw notRestored(manifest.id, failure);
    const restoreMs = Math.round(performance.now() - startedAt);
    const password = randomBytes(18).toString('base64url');
    await run(admin, `${accessSql(origin, password)};${CUT_OFF_SQL}`);
    const url = serverUrl(server.host, server.port, origin.role, password, DATABASE);
    return {
      target: resolveTarget({ databaseUrl: url, env: {} }),
      url,
      admin,
      serverVersion: server.version,
      restoreMs,
      notes: notesOn(origin, missing),
      close: async () => {
        await admin.close();
        await server.stop();
      },
    };
  } catch (error) {
    await server.stop();
    throw error;
  }
}

function notesOn(origin: Origin, missing: readonly string[]): string[] {
  const lacking = missing.map((name) =>
    hasStub(name) ? `${name} is a stub that only lists its calls` : `the scratch server has no extension ${name}`,
  );
  if (!origin.superuser) return lacking;
  return [...lacking, `${origin.role} is a superuser: what it starts with COPY ... PROGRAM is not kept in the copy`];
}

function openAdmin(server: ScratchServer): Promise<Session> {
  const target = resolveTarget({ databaseUrl: server.url(DATABASE), env: {} });
  return Session.open(target, { applicationName: 'aisha-db rehearse', settings: { search_path: '' } });
}

async function run(admin: Session, sql: string): Promise<void> {
  const { error } = await admin.script([sql]);
  if (error === undefined) return;
  throw new AishaError('backup', `the copy cannot be prepared: ${messageOf(error)}`, {
    hint: 'Report it with the version of the scratch server.',
    cause: error,
  });
}

function notRestored(id: string, failure: readonly { readonly message: string }[]): AishaError {
  return new AishaError('backup', `${id} cannot be restored into a scratch server`, {
    details: failure.map(({ message }) => message),
    hint: 'Choose another backup with --backup, or install a PostgreSQL server with the extensions it needs.',
  });
}

/** The role as it is in the database that was copied, with a password that nobody else knows. */
function accessSql(origin: Origin, password: string): string {
  const role = quoteIdentifier(origin.role);
  const flags = [
    ['superuser', origin.superuser],
    ['bypassrls', origin.bypassRls],
    ['createrole', origin.createRole],
    ['createdb', origin.createDatabase],
  ] as const;
  const attributes = flags.map(([name, isOn]) => (isOn ? name : `no${name}`)).join(' ');
  const groups = origin.memberOf.filter((name) => !name.startsWith('pg_'));
  const predefined = origin.memberOf.filter((name) => name.startsWith('pg_'));
  return [
    createRole(origin.role),
    createRole(origin.owner),
    ...groups.map(createRole),
    `alter role ${role} login ${attributes} password ${quoteLiteral(password)}`,
    // Predefined roles differ from version to version.
    ...predefined.map((name) =>
      ifThere(
        `select from pg_catalog.pg_roles where rolname = ${quoteLiteral(name)}`,
        `grant ${quoteIdentifier(name)} to ${role}`,
      ),
    ),
    ...groups.map((name) => `grant ${quoteIdentifier(name)} to ${role}`),
    `alter database ${quoteIdentifier(DATABASE)} owner to ${quoteIdentifier(origin.owner)}`,
    ...(origin.mayCreate ? [`grant create on database ${quoteIdentifier(DATABASE)} to ${role}`] : []),
    ...origin.databaseSettings.map((setting) => `alter database ${quoteIdentifier(DATABASE)} ${setClause(setting)}`),
    ...origin.roleSettings.map((setting) => `alter role ${role} ${setClause(setting)}`),
  ].join(';\n');
}

function createRole(name: string): string {
  const absent = `select from pg_catalog.pg_roles where rolname = ${quoteLiteral(name)}`;
  return ifThere(`select where not exists (${absent})`, `create role ${quoteIdentifier(name)} nologin`);
}

function ifThere(question: string, statement: string): string {
  const body = `begin if exists (${question}) then execute ${quoteLiteral(statement)}; end if; end`;
  return `do ${quoteLiteral(body)}`;
}

/** Lists are stored as they are to be written; all else is one value (pg_dumpall's makeAlterConfigCommand). */
function setClause(setting: string): string {
  const [name = '', ...rest] = setting.split('=');
  const value = rest.join('=');
  const isList = ['search_path', 'local_preload_libraries', 'session_preload_libraries', 'temp_tablespaces'].includes(
    name,
  );
  return `set ${name.split('.').map(quoteIdentifier).join('.')} to ${isList && value !== '' ? value : quoteLiteral(value)}`;
}
