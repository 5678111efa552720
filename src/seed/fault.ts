/** One thing that is wrong with a database. The file name is the fault's name. */
export interface Fault {
  /** What is wrong afterwards: lower case, no full stop. */
  readonly summary: string;
  /** Where the manual speaks of it: chapter or appendix. */
  readonly manual: string;
  /** The command that finds it and, after a space, its check; absent where no command is meant to. */
  readonly foundBy?: string;
  /** What it needs of the data to be planted. */
  readonly needs?: string;
  /**
   * SQL that makes it so, in one transaction, run by the owner of the tables, who need not be a superuser and whom no
   * policy binds meanwhile. It can be run again.
   */
  readonly plant?: string;
  /** Statements that cannot be in a transaction, after that. */
  readonly outside?: readonly OutsideStatement[];
  /**
   * A query for what is wrong, by the state of rows and catalog, not by what was planted: a column `object`, and no row
   * at all in a database that is in good order.
   */
  readonly evidence: string;
  /** True when the evidence is in rows that policies would hide. */
  readonly inRows?: boolean;
}

/** A statement outside of any transaction. */
export interface OutsideStatement {
  readonly sql: string;
  /** SQLSTATE with which it has to fail. */
  readonly failsWith?: string;
}
