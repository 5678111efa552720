import type { Context } from '../commands/command.ts';
import { AishaError } from '../errors.ts';
import type { Gate } from '../migrations/gate.ts';
import { counted } from '../report/quantity.ts';
import type { CommandResult } from '../report/report.ts';
import type { GateOptions } from '../tenancy/gate/gate.ts';
import { isOff } from '../tenancy/gate/settings.ts';

/** @throws AishaError (usage) where the gate is to be strict and configuration switches it off */
export function checkStrictGate({ config }: Context, isStrict: boolean): void {
  if (!isStrict || !isOff(config.gate)) return;
  throw new AishaError('usage', '--strict-gate asks for a gate that the configuration switches off', {
    hint: 'Set "gate" to "enforce" or "warn" in the configuration, or leave --strict-gate out.',
  });
}

/**
 * What judges isolation; loaded only where it has something to say. Who insists on what is worse also does so on objects
 * that configuration enforces.
 */
export async function openGate({ config }: Context, changes: Partial<GateOptions> = {}): Promise<Gate | undefined> {
  if (isOff(config.gate)) return undefined;
  const exceptions = config.gate.exceptions.filter(({ mode }) => changes.mode === undefined || mode !== 'enforce');
  const { IsolationGate } = await import('../tenancy/gate/gate.ts');
  return new IsolationGate(
    { mode: config.gate.mode, isStrict: false, insist: undefined, ...changes, exceptions },
    config.tenancy,
  );
}

/** How the gate is set, in words, as a rehearsal keeps it. */
export function gateInWords({ config }: Context, isStrict: boolean): Readonly<Record<string, string>> {
  const { mode, exceptions } = config.gate;
  const named = exceptions.map(({ object, mode: own }) => `${object}: ${own}`);
  return {
    gate: !isOff(config.gate) && isStrict ? `${mode}, strict` : mode,
    ...(named.length === 0 ? {} : { 'gate exceptions': named.join(', ') }),
  };
}

/** The report of a run with what the gate looked at and noticed; `gate` is `undefined` where it is off. */
export function withGate(result: CommandResult, gate: Gate | undefined): CommandResult {
  const judged = gate?.judgements ?? [];
  return {
    ...result,
    text: [result.text, ...(gate === undefined ? [] : inWords(gate))].join('; '),
    data: { ...result.data, gate: { judged } },
    findings: [...(result.findings ?? []), ...(gate?.findings ?? [])],
  };
}

/** Files that are none of its business are not worth a word. */
function inWords({ findings, judgements, calm }: Gate): string[] {
  if (calm === undefined) return ['the gate could judge nothing'];
  const count = (wanted: string) => findings.filter(({ severity }) => severity === wanted).length;
  const parts = [
    ...(count('critical') > 0 ? [`refused ${counted(count('critical'), 'change')}`] : []),
    ...(count('warning') > 0 ? [`warned of ${counted(count('warning'), 'change')}`] : []),
  ];
  if (parts.length > 0) return [`the gate ${parts.join(' and ')}`];
  return judgements.length === 0
    ? []
    : [`the gate looked at ${counted(judgements.length, 'file')} and found nothing that isolates less`];
}
