/** What a statement is to a runner, decided from its syntax tree. */
export type Nature =
  | { readonly kind: 'plain' }
  | { readonly kind: 'begin' }
  | { readonly kind: 'commit'; readonly chain: boolean }
  | { readonly kind: 'rollback'; readonly chain: boolean }
  | { readonly kind: 'savepoint' }
  | { readonly kind: 'prepare-transaction' }
  /** Commits inside its own body: DO with COMMIT or ROLLBACK. What ran of it after a kill cannot be known. */
  | { readonly kind: 'self-committing' }
  /** The server refuses it inside a transaction block (SQLSTATE 25001). */
  | { readonly kind: 'alone'; readonly alone: Alone };

/** A relation as written; without a schema the search path decides. */
export interface RelationName {
  readonly schema: string | undefined;
  readonly name: string;
}

/** How to find out, after a kill, whether a statement that runs alone has taken effect. */
export type Alone =
  | {
      readonly type: 'create-index';
      readonly table: RelationName;
      readonly index: string | undefined;
      readonly ifNotExists: boolean;
    }
  | { readonly type: 'drop-index'; readonly indexes: readonly RelationName[] }
  | { readonly type: 'reindex-concurrently' }
  | { readonly type: 'detach-partition'; readonly table: RelationName; readonly partition: RelationName }
  | { readonly type: 'create-object'; readonly catalog: GlobalCatalog; readonly name: string }
  | { readonly type: 'drop-object'; readonly catalog: GlobalCatalog; readonly name: string }
  /** Running it twice has the effect of running it once: VACUUM, CLUSTER, REINDEX, ALTER SYSTEM, DISCARD ALL. */
  | { readonly type: 'repeatable' };

type GlobalCatalog = 'database' | 'tablespace' | 'subscription';

/** A node of libpg-query's tree: `{ IndexStmt: {...} }`. */
type Node = Readonly<Record<string, unknown>>;
type Fields = Readonly<Record<string, unknown>>;

const PLAIN: Nature = { kind: 'plain' };
const REPEATABLE: Nature = { kind: 'alone', alone: { type: 'repeatable' } };

/**
 * Sorts a statement by its syntax tree (libpg-query, the server's own grammar). The list is what PostgreSQL refuses
 * inside a transaction block: PreventInTransactionBlock in src/backend/{commands,tcop}, measured on PostgreSQL 15.
 */
export function natureOf(node: Node): Nature {
  const [type, fields] = Object.entries(node)[0] as [string, Fields];
  return BY_TYPE[type]?.(fields) ?? PLAIN;
}

const BY_TYPE: Readonly<Record<string, (fields: Fields) => Nature>> = {
  TransactionStmt: transactionControl,
  VacuumStmt: (f) => (f['is_vacuumcmd'] === true ? REPEATABLE : PLAIN),
  ClusterStmt: (f) => (f['relation'] === undefined ? REPEATABLE : PLAIN),
  AlterSystemStmt: () => REPEATABLE,
  DiscardStmt: (f) => (f['target'] === 'DISCARD_ALL' ? REPEATABLE : PLAIN),
  ReindexStmt: reindex,
  IndexStmt: createIndex,
  DropStmt: dropIndex,
  AlterTableStmt: detachPartition,
  AlterDatabaseStmt: (f) => (hasOption(f['options'], 'tablespace') ? REPEATABLE : PLAIN),
  CreatedbStmt: (f) => createObject('database', f['dbname']),
  DropdbStmt: (f) => dropObject('database', f['dbname']),
  CreateTableSpaceStmt: (f) => createObject('tablespace', f['tablespacename']),
  DropTableSpaceStmt: (f) => dropObject('tablespace', f['tablespacename']),
  CreateSubscriptionStmt: (f) =>
    isOff(f['options'], 'connect') || isOff(f['options'], 'create_slot')
      ? PLAIN
      : createObject('subscription', f['subname']),
  DropSubscriptionStmt: (f) => dropObject('subscription', f['subname']),
  AlterSubscriptionStmt: (f) => (leavesTheServer(f) ? REPEATABLE : PLAIN),
};

function transactionControl(f: Fields): Nature {
  const chain = f['chain'] === true;
  switch (f['kind']) {
    case 'TRANS_STMT_BEGIN':
    case 'TRANS_STMT_START':
      return { kind: 'begin' };
    case 'TRANS_STMT_COMMIT':
      return { kind: 'commit', chain };
    case 'TRANS_STMT_ROLLBACK':
      return { kind: 'rollback', chain };
    case 'TRANS_STMT_PREPARE':
      return { kind: 'prepare-transaction' };
    case 'TRANS_STMT_COMMIT_PREPARED':
    case 'TRANS_STMT_ROLLBACK_PREPARED':
      return REPEATABLE;
    default:
      return { kind: 'savepoint' };
  }
}

function reindex(f: Fields): Nature {
  if (hasOption(f['params'], 'concurrently')) return { kind: 'alone', alone: { type: 'reindex-concurrently' } };
  const kind = String(f['kind']);
  // REINDEX TABLE and INDEX run in a transaction unless the relation is partitioned, which only the server knows.
  return kind === 'REINDEX_OBJECT_TABLE' || kind === 'REINDEX_OBJECT_INDEX' ? PLAIN : REPEATABLE;
}

function createIndex(f: Fields): Nature {
  if (f['concurrent'] !== true) return PLAIN;
  return {
    kind: 'alone',
    alone: {
      type: 'create-index',
      table: relationName(f['relation']),
      index: f['idxname'] === undefined ? undefined : String(f['idxname']),
      ifNotExists: f['if_not_exists'] === true,
    },
  };
}

function dropIndex(f: Fields): Nature {
  if (f['concurrent'] !== true) return PLAIN;
  const indexes = (f['objects'] as Node[]).map((object) => {
    const parts = ((object['List'] as Fields)['items'] as Node[]).map((item) =>
      String((item['String'] as Fields)['sval']),
    );
    return { schema: parts.at(-2), name: parts.at(-1)! };
  });
  return { kind: 'alone', alone: { type: 'drop-index', indexes } };
}

function detachPartition(f: Fields): Nature {
  for (const cmd of (f['cmds'] as Node[] | undefined) ?? []) {
    const { subtype, def } = cmd['AlterTableCmd'] as Fields;
    if (subtype !== 'AT_DetachPartition') continue;
    const partition = (def as Node)['PartitionCmd'] as Fields;
    if (partition['concurrent'] !== true) continue;
    return {
      kind: 'alone',
      alone: {
        type: 'detach-partition',
        table: relationName(f['relation']),
        partition: relationName(partition['name']),
      },
    };
  }
  return PLAIN;
}

function createObject(catalog: GlobalCatalog, name: unknown): Nature {
  return { kind: 'alone', alone: { type: 'create-object', catalog, name: String(name) } };
}

function dropObject(catalog: GlobalCatalog, name: unknown): Nature {
  return { kind: 'alone', alone: { type: 'drop-object', catalog, name: String(name) } };
}

function leavesTheServer(f: Fields): boolean {
  const kind = String(f['kind']);
  if (kind === 'ALTER_SUBSCRIPTION_REFRESH') return true;
  // Since PostgreSQL 17 and 18 these two change the slot on the publisher.
  if (kind === 'ALTER_SUBSCRIPTION_OPTIONS')
    return option(f['options'], 'failover') !== undefined || option(f['options'], 'two_phase') !== undefined;
  return /_(SET|ADD|DROP)_PUBLICATION$/.test(kind) && !isOff(f['options'], 'refresh');
}

function relationName(node: unknown): RelationName {
  const fields = node as Fields;
  return {
    schema: fields['schemaname'] === undefined ? undefined : String(fields['schemaname']),
    name: String(fields['relname']),
  };
}

function option(options: unknown, name: string): Fields | undefined {
  for (const node of (options as Node[] | undefined) ?? []) {
    const element = node['DefElem'] as Fields | undefined;
    if (element?.['defname'] === name) return element;
  }
  return undefined;
}

/** True for an option that is given and not switched off. */
function hasOption(options: unknown, name: string): boolean {
  return option(options, name) !== undefined && !isOff(options, name);
}

function isOff(options: unknown, name: string): boolean {
  const arg = option(options, name)?.['arg'] as Node | undefined;
  if (arg === undefined) return false;
  const [type, value] = Object.entries(arg)[0] as [string, Fields];
  // A zero and a false are left out of the tree; a bare word such as off is taken for the name of a type.
  if (type === 'Integer') return value['ival'] === undefined;
  if (type === 'Boolean') return value['boolval'] !== true;
  const word = (value['names'] as Node[] | undefined)?.at(-1)?.['String'] as Fields | undefined;
  const text = String(value['sval'] ?? word?.['sval'] ?? '').toLowerCase();
  return text === 'false' || text === 'off' || text === '0';
}
