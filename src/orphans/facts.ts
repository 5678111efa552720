/** A column as far as relations are concerned. */
export interface ColumnFact {
  readonly name: string;
  /** As the server writes it: `character varying(50)`. */
  readonly type: string;
  /** Below a domain: what values are made of. */
  readonly base: {
    readonly oid: number;
    readonly schema: string;
    /** pg_type.typcategory: N numeric, S text, U the rest. */
    readonly category: string;
  };
  /** Quoted and qualified; `undefined` for a type without one. */
  readonly collation: string | undefined;
  readonly notNull: boolean;
  readonly generated: boolean;
  /** The role may read it. */
  readonly readable: boolean;
  /** The role may change it. */
  readonly updatable: boolean;
}

/** A table that a relation may begin or end at. */
export interface TableFact {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  /** `schema.name`, quoted where SQL needs it: how reports name it. */
  readonly title: string;
  readonly partitioned: boolean;
  readonly partition: boolean;
  /** Tables that it is a partition of: keys to them lead to its rows. */
  readonly ancestors: readonly number[];
  /** Not looked at for orphans of its own: a schema that is ignored, or a table of an extension. */
  readonly ignored: boolean;
  /** About, by the planner's statistics, or by the counters of writes where it was never analysed. */
  readonly rows: number;
  readonly primaryKey: readonly string[];
  /** The role may use its schema. */
  readonly usage: boolean;
  /** By name; only those that a key or a name makes interesting. */
  readonly columns: ReadonlyMap<string, ColumnFact>;
}

/** A foreign key of the catalog (pg_constraint). */
export interface ForeignKeyFact {
  readonly oid: number;
  readonly name: string;
  readonly table: number;
  readonly parent: number;
  readonly columns: readonly string[];
  readonly parentColumns: readonly string[];
  /** For each pair, parent's side on the left: `operator(pg_catalog.=)`. */
  readonly operators: readonly string[];
  readonly match: 'simple' | 'full';
  readonly onDelete: 'no action' | 'restrict' | 'cascade' | 'set null' | 'set default';
  /** Columns that ON DELETE SET NULL names (PostgreSQL 15); empty: all. */
  readonly onDeleteColumns: readonly string[];
  readonly validated: boolean;
  /** False for NOT ENFORCED (PostgreSQL 18). */
  readonly enforced: boolean;
  /** With PERIOD (PostgreSQL 18): ranges instead of equal values. */
  readonly temporal: boolean;
  /** Some of the triggers that enforce it are disabled. */
  readonly triggersDisabled: boolean;
}

/** What the catalog says, in one look. */
export interface CatalogFacts {
  readonly role: string;
  readonly tables: ReadonlyMap<number, TableFact>;
  readonly foreignKeys: readonly ForeignKeyFact[];
}

/** Why something could not be decided, and what would let it. */
export interface Obstacle {
  readonly reason: string;
  readonly remediation?: string | undefined;
}
