import type { RelationName } from './nature.ts';

/** What a file locks so that nobody can even read it meanwhile, as far as its text tells. */
export interface ExclusiveLocks {
  /** Tables, views, indexes. */
  readonly relations: readonly RelationName[];
  /** Schemas that are dropped with all that is in them. */
  readonly schemas: readonly string[];
  /** Code whose statements are not known: a relation that it names may be locked. */
  readonly texts: readonly string[];
}

/** A table that somebody else has locked. */
export interface LockedTable extends RelationName {
  readonly schema: string;
  /** Names of its indexes, which cannot be dropped without locking it. */
  readonly indexes: readonly string[];
}

type Fields = Readonly<Record<string, unknown>>;
type Found = Partial<ExclusiveLocks>;

/** The locks of several statements together. */
export function joinLocks(found: readonly Found[]): ExclusiveLocks {
  return {
    relations: found.flatMap(({ relations = [] }) => relations),
    schemas: found.flatMap(({ schemas = [] }) => schemas),
    texts: found.flatMap(({ texts = [] }) => texts),
  };
}

/**
 * What a statement takes ACCESS EXCLUSIVE locks on: the only mode that a reader, and so a dump, stands in the way of
 * (PostgreSQL docs 13.3.1 and the pages of the commands).
 * @param node of libpg-query: `{ AlterTableStmt: { ... } }`
 */
export function exclusiveLocksOf(node: Fields): Found {
  const [type, fields] = Object.entries(node)[0] as [string, Fields];
  return BY_TYPE[type]?.(fields) ?? {};
}

/** Whether one of the locks is on the table, whatever schema a bare name would be found in. */
export function isLocked(table: LockedTable, { relations, schemas, texts }: ExclusiveLocks): boolean {
  const isMeant = ({ schema, name }: RelationName) =>
    (schema === undefined || schema === table.schema) && (name === table.name || table.indexes.includes(name));
  return relations.some(isMeant) || schemas.includes(table.schema) || texts.some((text) => isNamed(table.name, text));
}

function isNamed(name: string, text: string): boolean {
  const words = text.toLowerCase().split(/[^\p{L}\p{N}_$]+/u);
  return words.includes(name.toLowerCase()) || text.includes(`"${name.replaceAll('"', '""')}"`);
}

const BY_TYPE: Readonly<Record<string, (fields: Fields) => Found>> = {
  AlterTableStmt: (f) => (listOf(f['cmds']).every(isGentle) ? {} : one(f['relation'])),
  RenameStmt: (f) => one(f['relation']),
  AlterObjectSchemaStmt: (f) => one(f['relation']),
  DropStmt: dropped,
  TruncateStmt: (f) => many(f['relations']),
  // 8 is AccessExclusiveLock (src/include/storage/lockdefs.h), the default of LOCK TABLE.
  LockStmt: (f) => (f['mode'] === 8 ? many(f['relations']) : {}),
  CreatePolicyStmt: (f) => one(f['table']),
  AlterPolicyStmt: (f) => one(f['table']),
  RuleStmt: (f) => one(f['relation']),
  ClusterStmt: (f) => one(f['relation']),
  VacuumStmt: (f) =>
    listOf(f['options']).some((option) => inner(option)['defname'] === 'full')
      ? { relations: listOf(f['rels']).flatMap((rel) => one(inner(rel)['relation']).relations ?? []) }
      : {},
  RefreshMatViewStmt: (f) => (f['concurrent'] === true ? {} : one(f['relation'])),
  CreateStmt: (f) => (f['partbound'] === undefined ? {} : many(f['inhRelations'])),
  DoStmt: (f) => ({ texts: listOf(f['args']).map((arg) => String(inner(inner(arg)['arg'] as Fields)['sval'])) }),
};

/** Forms of ALTER TABLE that readers do not mind (AlterTableGetLockLevel in src/backend/commands/tablecmds.c). */
const GENTLE: ReadonlySet<unknown> = new Set([
  'AT_AttachPartition',
  'AT_ClusterOn',
  'AT_DisableTrig',
  'AT_DisableTrigAll',
  'AT_DisableTrigUser',
  'AT_DropCluster',
  'AT_EnableAlwaysTrig',
  'AT_EnableReplicaTrig',
  'AT_EnableTrig',
  'AT_EnableTrigAll',
  'AT_EnableTrigUser',
  'AT_ResetOptions',
  'AT_ResetRelOptions',
  'AT_SetOptions',
  'AT_SetRelOptions',
  'AT_SetStatistics',
  'AT_ValidateConstraint',
]);

function isGentle(cmd: Fields): boolean {
  const { subtype, def } = inner(cmd);
  if (subtype === 'AT_AddConstraint') return inner(def as Fields)['contype'] === 'CONSTR_FOREIGN';
  if (subtype === 'AT_DetachPartition') return inner(def as Fields)['concurrent'] === true;
  return GENTLE.has(subtype);
}

/** Objects that are dropped with a lock on a relation: it is their name, or the front of it. */
const ON_TABLE: ReadonlySet<unknown> = new Set(['OBJECT_TRIGGER', 'OBJECT_POLICY', 'OBJECT_RULE']);
const RELATIONS: ReadonlySet<unknown> = new Set(['OBJECT_TABLE', 'OBJECT_VIEW', 'OBJECT_MATVIEW', 'OBJECT_INDEX']);

function dropped(f: Fields): Found {
  const type = f['removeType'];
  const names = listOf(f['objects']).map(nameParts);
  if (type === 'OBJECT_SCHEMA') return { schemas: names.flatMap((parts) => parts.slice(-1)) };
  if (f['concurrent'] === true) return {};
  if (RELATIONS.has(type)) return { relations: names.map(relation) };
  return ON_TABLE.has(type) ? { relations: names.map((parts) => relation(parts.slice(0, -1))) } : {};
}

function relation(parts: readonly string[]): RelationName {
  return { schema: parts.at(-2), name: parts.at(-1) ?? '' };
}

function nameParts(node: Fields): string[] {
  const list = (node['List'] as Fields | undefined)?.['items'];
  return list === undefined ? [String(inner(node)['sval'])] : listOf(list).map((item) => String(inner(item)['sval']));
}

function one(node: unknown): Found {
  if (typeof node !== 'object' || node === null) return {};
  const { schemaname, relname } = node as Fields;
  return { relations: [{ schema: schemaname === undefined ? undefined : String(schemaname), name: String(relname) }] };
}

function many(nodes: unknown): Found {
  return { relations: listOf(nodes).flatMap((node) => one(inner(node)).relations ?? []) };
}

function listOf(nodes: unknown): readonly Fields[] {
  return (nodes as readonly Fields[] | undefined) ?? [];
}

/** The fields of `{ Type: fields }`. */
function inner(node: Fields | undefined): Fields {
  return (Object.values(node ?? {})[0] ?? {}) as Fields;
}
