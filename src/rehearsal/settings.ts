/** How the values of a column are made unrecognisable. */
export const MASK_KINDS = ['email', 'phone', 'name', 'text', 'empty'] as const;
export type MaskKind = (typeof MASK_KINDS)[number];

/** Columns by name, and what becomes of their values in a copy. */
export interface MaskRule {
  /** `public.contacts.email`, or `email` for every column of that name; `*` is any text. */
  readonly column: string;
  readonly as: MaskKind;
}

/** How migrations are rehearsed. */
export interface RehearsalSettings {
  /** `migrate` refuses what was not rehearsed. */
  readonly require: boolean;
  /** Folder of the reports; `undefined`: inside the state folder. */
  readonly dir: string | undefined;
  /** The user's own test command. */
  readonly run: string | undefined;
  readonly masks: readonly MaskRule[];
  /** Environment variable that holds the key of the masks; `undefined`: another key each time. */
  readonly maskKeyFrom: string | undefined;
}

export const DEFAULT_REHEARSAL: RehearsalSettings = {
  require: false,
  dir: undefined,
  run: undefined,
  masks: [],
  maskKeyFrom: undefined,
};
