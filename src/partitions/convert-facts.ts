import type { Step, WallClock } from './plan.ts';

/** A table that is to be partitioned, and all that hangs on it. SQL in it names everything with its schema. */
export interface ConvertFacts {
  /** Who would own what the file makes, and whether RLS binds him when he reads the table. */
  readonly role: string;
  readonly table: TableFacts;
  /** In the table's order. */
  readonly columns: readonly ColumnFacts[];
  readonly primaryKey: { readonly name: string; readonly columns: readonly string[] } | undefined;
  /** Not those of the primary key. */
  readonly indexes: readonly IndexFacts[];
  readonly checks: readonly { readonly name: string; readonly definition: string; readonly isValid: boolean }[];
  readonly foreignKeys: readonly ForeignKeyFacts[];
  /** Of other tables, or of itself, on this one. */
  readonly inbound: readonly (ForeignKeyFacts & { readonly table: string; readonly targets: readonly string[] })[];
  readonly triggers: readonly TriggerFacts[];
  readonly policies: readonly PolicyFacts[];
  readonly grants: readonly GrantFacts[];
  readonly views: readonly ViewFacts[];
  /** Policies of other tables that read this one, and functions whose body is bound to it. */
  readonly bound: readonly { readonly what: string; readonly statement: string }[];
  readonly publications: readonly PublicationFacts[];
  /** What else depends on the table and cannot be given another: `materialized view public.totals`. */
  readonly others: readonly string[];
  /** `comment on ...`, without that of columns and checks. */
  readonly comments: readonly string[];
  /** Relations and functions of the schema. */
  readonly taken: readonly string[];
  /** Rows without a time. */
  readonly nullRows: number;
  /** How many rows begin in each step, from the earliest. */
  readonly steps: readonly { readonly from: WallClock; readonly rows: number }[];
}

interface TableFacts {
  readonly schema: string;
  readonly name: string;
  readonly kind: string;
  readonly persistence: string;
  readonly isPartition: boolean;
  readonly inherits: boolean;
  readonly owner: string;
  readonly mayAlter: boolean;
  readonly rlsEnabled: boolean;
  readonly rlsForced: boolean;
  /** Policies decide which rows this role sees: none are counted. */
  readonly isHidden: boolean;
  readonly replicaIdentity: string;
  /** `fillfactor=70, autovacuum_enabled=false`. */
  readonly options: string | null;
  readonly rows: number;
  readonly bytes: number;
}

interface ColumnFacts {
  readonly name: string;
  readonly type: string;
  readonly isGenerated: boolean;
  readonly isIdentity: boolean;
  /** Of an identity or a serial column, with its schema, quoted. */
  readonly sequence: { readonly schema: string; readonly name: string } | null;
  readonly statistics: number | null;
}

interface IndexFacts {
  readonly name: string;
  readonly isUnique: boolean;
  readonly isExclusion: boolean;
  /** As a constraint, it has this clause: `UNIQUE (a, b) DEFERRABLE`. */
  readonly constraint: string | null;
  /** Columns of its key; expressions are none. */
  readonly columns: readonly string[];
  readonly hasExpressions: boolean;
  /** What follows the table: `USING btree (a) WHERE b`. */
  readonly tail: string;
}

interface ForeignKeyFacts {
  readonly name: string;
  /** `FOREIGN KEY (a) REFERENCES public.b(id) ON DELETE CASCADE`. */
  readonly definition: string;
  readonly isValid: boolean;
  readonly isSelf: boolean;
}

interface TriggerFacts {
  readonly name: string;
  readonly definition: string;
  /** O, D, A or R (docs, pg_trigger). */
  readonly enabled: string;
  /** A row trigger with transition tables, which PostgreSQL does not have on partitions. */
  readonly isImpossible: boolean;
}

interface PolicyFacts {
  readonly name: string;
  /** `as permissive for all to public using (...) with check (...)`. */
  readonly clauses: string;
}

interface ViewFacts {
  /** With its schema, quoted. */
  readonly name: string;
  readonly definition: string;
  /** `security_invoker=true`. */
  readonly options: string | null;
  readonly mayReplace: boolean;
}

interface GrantFacts {
  /** Quoted; `public` for everybody. */
  readonly grantee: string;
  readonly privilege: string;
  /** Quoted; null: of the whole table. */
  readonly column: string | null;
  readonly grantable: boolean;
}

interface PublicationFacts {
  readonly name: string;
  readonly mayChange: boolean;
  /** Changes of partitions go out under the name of their table. */
  readonly isViaRoot: boolean;
  /** Another partitioned table is in it, whose subscribers know its partitions. */
  readonly hasPartitioned: boolean;
}

/** What is asked for. */
export interface ConvertRequest {
  readonly column: string;
  readonly step: Step;
  /** Partitions ahead of that of now. */
  readonly ahead: number;
  readonly now: WallClock;
  /** When the first partition begins; the first row says so otherwise. */
  readonly since: WallClock | undefined;
}
