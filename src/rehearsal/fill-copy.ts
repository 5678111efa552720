import { availableParallelism } from 'node:os';
import { readMajor, readStoredCatalog } from '../backup/compare-restored.ts';
import { type Omissions, omitFromList } from '../backup/contents-list.ts';
import { toolsFor } from '../backup/create.ts';
import { STUBS } from '../backup/extension-stubs.ts';
import { runRestore } from '../backup/pg-restore.ts';
import { type StoredBackup, whileInUse } from '../backup/store.ts';
import { stubExtensions } from '../backup/stub-extensions.ts';
import type { VerifyWorld } from '../backup/verify-restore.ts';
import { AishaError, messageOf } from '../errors.ts';
import { quoteQualified } from '../postgres/quote.ts';
import { serverError } from '../postgres/server-error.ts';
import type { Session } from '../postgres/session.ts';
import type { Target } from '../postgres/target.ts';
import { CUT_OFF_AGAIN_SQL, CUT_OFF_SQL, hasOwnersStub, noteSql, ownersStubsSql, RECORDER_SQL } from './stub-sql.ts';

/** What came of restoring into an empty database. */
interface Filled {
  readonly restoreMs: number;
  /** What is not as it was. */
  readonly notes: readonly string[];
}

/** What a restore by a role that is no superuser needs around it. */
interface OwnersRestore {
  readonly asOwnersNeed: <T>(use: () => Promise<T>) => Promise<T>;
}

/**
 * Restores a backup into an empty database from which nothing gets out: what could is a stub before the first object is
 * restored, and materialized views are computed behind that.
 * @param target the database, as a superuser, or as its owner
 * @param omissions `extensions` are those that become stubs or are left out
 * @param owner set when the role is no superuser: nothing is there then that would have to be cut off
 * @throws AishaError (backup) when it cannot be restored
 */
export async function fillCopy(
  backup: StoredBackup,
  target: Target,
  admin: Session,
  omissions: Omissions,
  world: VerifyWorld,
  owner?: OwnersRestore,
): Promise<Filled> {
  const { manifest } = backup;
  const tools = toolsFor(Number.parseInt(manifest.pgDumpVersion, 10), world);
  await runAsAdmin(admin, RECORDER_SQL);
  const passed = await (owner === undefined
    ? stubExtensions(admin, manifest, readStoredCatalog(backup), omissions, noteSql)
    : passStubs(omissions));
  const left = omissions.extensions.map(({ name }) => name);
  await runAsAdmin(admin, owner === undefined ? CUT_OFF_SQL : ownersStubsSql(left));
  const startedAt = performance.now();
  const serverMajor = await readMajor(admin);
  let isComputedLater = false;
  const select = (list: string): string => {
    const kept = omitFromList(list, passed);
    isComputedLater = /^\d+; \d+ \d+ (SERVER|FOREIGN TABLE) /m.test(kept);
    return isComputedLater ? kept.replaceAll(/^\d+; \d+ \d+ MATERIALIZED VIEW DATA .*\n/gm, '') : kept;
  };
  const asOwnersNeed = owner?.asOwnersNeed ?? ((use) => use());
  const restore = () =>
    runRestore(
      backup,
      {
        target,
        tools,
        serverMajor,
        applicationName: 'aisha-db rehearse',
        args: [`--jobs=${availableParallelism()}`],
        select,
        label: `restoring ${manifest.id}`,
      },
      world,
    );
  const failure = await whileInUse(world.store, backup, () => asOwnersNeed(restore));
  if (failure.length > 0) throw notRestored(manifest.id, failure);
  if (owner === undefined) await runAsAdmin(admin, CUT_OFF_AGAIN_SQL);
  const empty = isComputedLater ? await computeViews(admin) : [];
  return {
    restoreMs: Math.round(performance.now() - startedAt),
    notes: [
      ...omissions.extensions.map(({ name }) => {
        if (owner !== undefined && !hasOwnersStub(name)) return `the extension ${name} is left out`;
        return STUBS[name] === undefined
          ? `the server of the copy has no extension ${name}`
          : `${name} is a stub that only lists its calls`;
      }),
      ...(passed.indexes ?? []).map(({ catalogName }) => `the server of the copy cannot make the index ${catalogName}`),
      ...empty.map((name) => `the materialized view ${name} is empty: it reads what is not in the database`),
    ],
  };
}

/** Who is no superuser makes stubs that are no extensions: grants in their schemas are none of the copy's. */
function passStubs(omissions: Omissions): Omissions {
  const stubbed = omissions.extensions.filter(({ name }) => hasOwnersStub(name));
  return { ...omissions, grantsIn: stubbed.map(({ name }) => ({ schema: STUBS[name]!.schema!, known: [] })) };
}

/** @throws AishaError (backup) */
export async function runAsAdmin(admin: Session, sql: string): Promise<void> {
  const { error } = await admin.script([sql]);
  if (error === undefined) return;
  throw new AishaError('backup', `the copy cannot be prepared: ${messageOf(error)}`, {
    hint: 'Report it with the version of the server of the copy.',
    cause: error,
  });
}

/** In the order of their making, since one may read another. @returns those that cannot be computed here */
async function computeViews(admin: Session): Promise<string[]> {
  const views = await admin.query<{ schema: string; name: string }>(
    `select n.nspname::text as schema, c.relname::text as name
     from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
     where c.relkind = 'm' and not c.relispopulated order by c.oid`,
  );
  const empty: string[] = [];
  for (const { schema, name } of views) {
    try {
      await admin.query(`refresh materialized view ${quoteQualified(schema, name)}`);
    } catch (error) {
      if (serverError(error) === undefined) throw error;
      empty.push(`${schema}.${name}`);
    }
  }
  return empty;
}

function notRestored(id: string, failure: readonly { readonly message: string }[]): AishaError {
  return new AishaError('backup', `${id} cannot be restored for a rehearsal`, {
    details: failure.map(({ message }) => message),
    hint: 'Choose another backup with --backup, or a PostgreSQL server with the extensions it needs.',
  });
}
