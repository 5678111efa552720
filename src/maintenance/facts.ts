/** A table, a materialized view or the root of partitions, as far as maintenance needs to know it. */
export interface TableFacts {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  /** Quoted where needed, as reports and statements write it. */
  readonly label: string;
  readonly isRoot: boolean;
  readonly owner: string;
  /** The role may vacuum and analyse it. */
  readonly mayVacuum: boolean;
  /** The role may rebuild its indexes. */
  readonly mayReindex: boolean;
  /** Of the rows and their TOAST, without indexes. */
  readonly bytes: number;
  readonly indexBytes: number;
  readonly liveRows: number;
  /** TOAST's included. */
  readonly deadRows: number;
  readonly insertedRows: number;
  /** Since it was analysed. */
  readonly changedRows: number;
  /** Transactions; 0 where there is nothing to freeze. */
  readonly age: number;
  readonly isAnalysed: boolean;
  /** A root whose partitions were analysed since, longer ago than a week. */
  readonly isRootStale: boolean;
}

export interface IndexFacts {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  readonly label: string;
  readonly tableOid: number;
  readonly tableLabel: string;
  readonly bytes: number;
  readonly isValid: boolean;
  /** PostgreSQL does not rebuild it concurrently, and why. */
  readonly obstacle: string | undefined;
  /** Invalid, named as REINDEX CONCURRENTLY names what it makes, and a valid index of the same table is the same. */
  readonly isLeftover: boolean;
}

/** Free space of an index, by estimate or measured: what the checks index-bloat and index-bloat-exact say. */
export interface Bloat {
  readonly bytes: number;
  readonly wasted: number;
  readonly percent: number;
}

export interface Facts {
  readonly role: string;
  readonly freezeMaxAge: number;
  readonly tables: readonly TableFacts[];
  readonly indexes: readonly IndexFacts[];
  /** By the label of the index. */
  readonly bloat: ReadonlyMap<string, Bloat>;
  /** Who works on a table, by its oid. */
  readonly holders: ReadonlyMap<number, string>;
}
