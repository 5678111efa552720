import type { Context } from '../commands/command.ts';
import type { Gate } from '../migrations/gate.ts';
import { counted } from '../report/quantity.ts';
import type { CommandResult } from '../report/report.ts';
import type { GateOptions } from '../tenancy/gate/gate.ts';

/** What judges isolation; loaded only where it has something to say. */
export async function openGate({ config }: Context, changes: Partial<GateOptions> = {}): Promise<Gate | undefined> {
  if (config.gate.mode === 'off') return undefined;
  const { IsolationGate } = await import('../tenancy/gate/gate.ts');
  return new IsolationGate({ ...config.gate, isStrict: false, insist: undefined, ...changes }, config.tenancy);
}

/** How the gate is set, in words, as a rehearsal keeps it. */
export function gateInWords({ config }: Context, isStrict: boolean): Readonly<Record<string, string>> {
  const { mode, exceptions } = config.gate;
  const named = exceptions.map(({ object, mode: own }) => `${object}: ${own}`);
  return {
    gate: mode !== 'off' && isStrict ? `${mode}, strict` : mode,
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
