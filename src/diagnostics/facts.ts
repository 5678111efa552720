/** One row of a check's query. Sizes are bytes, times seconds, shares per cent; `object` names what the row is about. */
export type Row = Readonly<Record<string, unknown>>;

/** What became of a check before it was judged. */
export type Outcome =
  | { readonly kind: 'facts'; readonly columns: readonly string[]; readonly rows: readonly Row[] }
  | Obstacle;

/** Why a check cannot be decided, or has nothing to look at. */
export interface Obstacle {
  readonly kind: 'unknown' | 'not-applicable';
  readonly reason: string;
  /** SQL or a sentence that would let it be decided. */
  readonly remediation?: string | undefined;
}
