/** What happens to a file that makes isolation worse. */
export type GateMode = 'enforce' | 'warn' | 'off';

/** Something that is judged by a mode of its own, for a reason. */
interface GateException {
  /** As the report prints it: `public.countries`, `public.lookup(text)`. */
  readonly object: string;
  readonly mode: GateMode;
  readonly reason: string;
}

export interface GateSettings {
  readonly mode: GateMode;
  readonly exceptions: readonly GateException[];
}

/** Nothing is judged at all. */
export function isOff({ mode, exceptions }: GateSettings): boolean {
  return mode === 'off' && exceptions.every((exception) => exception.mode === 'off');
}

export const DEFAULT_GATE: GateSettings = { mode: 'enforce', exceptions: [] };
