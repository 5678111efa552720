import { join } from 'node:path';
import { refusePoolerAddress } from '../postgres/pooler.ts';
import { quoteQualified } from '../postgres/quote.ts';
import type { Session } from '../postgres/session.ts';
import type { Target } from '../postgres/target.ts';
import { catalogNameOf } from './catalog-name.ts';
import type { CatalogEntry } from './compare.ts';
import { readStoredCatalog } from './compare-restored.ts';
import { dumpPath, toolsFor } from './create.ts';
import type { TableContent } from './manifest.ts';
import { type Merge, type MergePlan, planMerge } from './merge-plan.ts';
import type { Problem } from './plan.ts';
import { readLiveTable } from './read-live-table.ts';
import type { RestoreWorld } from './restore.ts';
import { type ComparedRows, compareRows, findTable } from './restore-table.ts';
import { withContent } from './sealed-files.ts';
import { existingColumns } from './side-schema.ts';
import { sideSchema } from './side-table.ts';
import { openReader } from './snapshot-session.ts';
import type { StoredBackup } from './store.ts';

/** What a restore of one table would do, as far as it can be known before. */
export interface TablePreview {
  readonly table: TableContent;
  readonly serverVersion: string;
  /** What reads the dump; its SQL and its rows are sent by us, in one transaction. */
  readonly command: readonly string[];
  /** Milliseconds that a verification of the whole backup took; `undefined` when there was none. */
  readonly measuredMs: number | undefined;
  readonly problems: readonly Problem[];
  readonly way: WholeTable | SideBySide;
}

/** It is gone: it comes back with everything that belongs to it. */
interface WholeTable {
  readonly kind: 'whole';
  /** `policy tenant_isolation`: what is made with it. */
  readonly parts: readonly string[];
}

/** It is there: the rows of the backup are loaded beside it. */
interface SideBySide {
  readonly kind: 'beside';
  /** Of the rows of the backup. */
  readonly schema: string;
  readonly plan: MergePlan;
  /** Columns that rows are matched by. */
  readonly key: readonly string[];
  /** Of the table that is there: heap, TOAST and indexes, and rows by the last ANALYZE. */
  readonly bytes: number;
  readonly estimatedRows: number;
  /** Foreign keys and unique constraints that are checked before a merge. */
  readonly checked: readonly string[];
  /** How the rows differ, when an earlier run has loaded those of the backup. */
  readonly compared: ComparedRows | undefined;
}

/**
 * Finds out what `restoreTable` would do, and what stands against it; writes nothing, loads nothing.
 * @throws AishaError (usage) when the backup has no such table; (connection); (tool) without a pg_restore for it
 */
export async function previewTable(
  backup: StoredBackup,
  wanted: string,
  target: Target,
  world: RestoreWorld,
): Promise<TablePreview> {
  const table = findTable(backup, wanted);
  refusePoolerAddress(target);
  const session = await openReader(target, 'aisha-db restore', world.signal);
  try {
    const [server] = await session.query<{ version: string }>(`select current_setting('server_version') as version`);
    world.connected(server!.version);
    const catalog = await withContent(backup, world, async (opened) => readStoredCatalog(opened), 'catalog');
    const own = entriesOf(catalog, table);
    const found = (await lookBeside(session, backup, table, own)) ?? (await lookWhole(session, backup, table, own));
    const tools = toolsFor(Number.parseInt(backup.manifest.pgDumpVersion, 10), world);
    const part = found.way.kind === 'beside' ? ['--data-only'] : [];
    return {
      table,
      serverVersion: server!.version,
      command: [
        join(tools.binDir, 'pg_restore'),
        ...part,
        '--use-list=LIST',
        '--file=-',
        join(backup.path, dumpPath(backup.manifest)),
      ],
      measuredMs: backup.verification?.restoreMs ?? undefined,
      ...found,
    };
  } finally {
    await session.close();
  }
}

type Found = Pick<TablePreview, 'way' | 'problems'>;

function entriesOf(catalog: readonly CatalogEntry[], { schema, name }: TableContent): CatalogEntry[] {
  const isOwn = ({ kind, name: text, definition }: CatalogEntry, quoted: string) => {
    const found = catalogNameOf(text);
    if (kind === 'index') return definition.includes(` ON ${quoted} `);
    return found?.schema === schema && found.name === name && !found.isRoutine;
  };
  const quoted = catalog.find((entry) => entry.kind === 'table' && isOwn(entry, ''))?.name ?? '';
  return catalog.filter((entry) => isOwn(entry, quoted));
}

// ── a table that is there ───────────────────────────────────────────────────────────────────────────────────────────

async function lookBeside(
  session: Session,
  { manifest }: StoredBackup,
  table: TableContent,
  own: readonly CatalogEntry[],
): Promise<Found | undefined> {
  const live = await readLiveTable(session, table);
  if (live === undefined) return undefined;
  const mark = { backup: manifest.id, table: { schema: table.schema, name: table.name } };
  const schema = sideSchema(mark);
  const loaded = await existingColumns(session, schema, mark);
  const saved = own.flatMap(({ kind, name }) => {
    const column = kind === 'column' ? catalogNameOf(name)?.part : undefined;
    return column === undefined ? [] : [{ name: column, type: '' }];
  });
  const plan = planMerge(live, loaded ?? saved);
  const merge: Merge = { live, side: { schema, name: table.name }, plan, createdAt: manifest.createdAt };
  const isComparable = loaded !== undefined && plan.problems.length === 0;
  const [size] = await session.query<Pick<SideBySide, 'bytes' | 'estimatedRows'> & { readonly mayCreate: boolean }>(
    `select pg_catalog.pg_total_relation_size(c.oid)::float8 as bytes, greatest(c.reltuples, 0)::float8 as "estimatedRows",
       pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE') as "mayCreate"
     from pg_catalog.pg_class c where c.oid = $1::regclass`,
    [quoteQualified(table.schema, table.name)],
  );
  const { mayCreate, ...sizes } = size!;
  return {
    problems: [...plan.problems, ...(mayCreate || loaded !== undefined ? [] : [maySchema(session)])],
    way: {
      kind: 'beside',
      schema,
      plan,
      key: live.key,
      ...sizes,
      checked: [...live.foreignKeys, ...live.uniques].map(({ name }) => name),
      compared: isComparable ? await compareRows(session, merge) : undefined,
    },
  };
}

function maySchema({ target }: Session): Problem {
  return {
    message: `${target.user} may not create a schema in ${target.database}`,
    hint: `Have it granted: grant create on database ${target.database} to ${target.user}.`,
  };
}

// ── a table that is gone ────────────────────────────────────────────────────────────────────────────────────────────

async function lookWhole(
  session: Session,
  { manifest }: StoredBackup,
  { schema, name }: TableContent,
  own: readonly CatalogEntry[],
): Promise<Found> {
  const [place] = await session.query<{ mayCreate: boolean }>(
    `select pg_catalog.has_schema_privilege(oid, 'CREATE') as "mayCreate" from pg_catalog.pg_namespace where nspname = $1`,
    [schema],
  );
  const roles = manifest.roles.filter((role) => own.some(({ definition }) => definition.includes(role.name)));
  const missing = await session.query<{ role: string }>(
    'select role from unnest($1::text[]) role where role not in (select rolname::text from pg_catalog.pg_roles)',
    [roles.map((role) => role.name)],
  );
  const referred = own.flatMap(({ kind, definition }) => {
    const to = kind === 'constraint' ? / REFERENCES (.+?)\(/.exec(definition)?.[1] : undefined;
    return to === undefined || own.some((entry) => entry.kind === 'table' && entry.name === to) ? [] : [to];
  });
  const absent = await session.query<{ table: string }>(
    'select distinct t as table from unnest($1::text[]) t where pg_catalog.to_regclass(t) is null order by 1',
    [referred],
  );
  return {
    problems: [
      ...(place === undefined
        ? [{ message: `there is no schema ${schema}`, hint: 'Make it first, as its owner.' }]
        : place.mayCreate
          ? []
          : [{ message: `${session.target.user} may not create tables in ${schema}`, hint: 'Restore as its owner.' }]),
      ...missing.map(({ role }) => ({
        message: `the role ${role} is missing`,
        hint: 'Have it made first: create role NAME nologin.',
      })),
      ...absent.map(({ table }) => ({
        message: `${schema}.${name} refers to ${table}, which is not there`,
        hint: 'Restore that table first.',
      })),
    ],
    way: { kind: 'whole', parts: own.flatMap(describePart) },
  };
}

function describePart({ kind, name }: CatalogEntry): string[] {
  if (kind === 'table' || kind === 'column') return [];
  const found = catalogNameOf(name);
  return [`${kind} ${found?.part ?? found?.name ?? name}`];
}
