/** A relation that the project declares. Tables are written as reports write them: `public.accounts`. */
export interface AddedRelation {
  readonly table: string;
  readonly columns: readonly string[];
  readonly parent: string;
  /** The primary key when absent. */
  readonly parentColumns?: readonly string[] | undefined;
  readonly match?: 'simple' | 'full' | undefined;
  /** Only rows with this value refer to this parent. */
  readonly when?: { readonly column: string; readonly value: string } | undefined;
  readonly reason?: string | undefined;
}

/** Relations that are not looked at. */
export interface ExcludedRelation {
  /** Name as the report writes it; `*` is any text. */
  readonly relation: string;
  readonly reason: string;
}

/** The block `orphans` of the configuration, resolved. */
export interface OrphansSettings {
  /** For counting one relation; 0 is no limit. */
  readonly timeoutMs: number;
  readonly add: readonly AddedRelation[];
  readonly exclude: readonly ExcludedRelation[];
}
