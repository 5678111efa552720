/**
 * True for advice in words, which is read and may be wrapped; SQL and commands are copied and stay as they are. The
 * program's own rule tells them apart: a hint is a sentence and ends with a full stop, which neither SQL nor a command does.
 */
export function isSentence(remediation: string): boolean {
  return remediation.trimEnd().endsWith('.');
}
