import { AishaError } from '../errors.ts';
import type { Target } from './target.ts';

export interface ConfirmationGiven {
  /** `--yes`. */
  readonly yes?: boolean | undefined;
  /** `--confirm NAME`. */
  readonly confirm?: string | undefined;
}

/** A question that has to be answered before anything destructive. */
export interface Confirmation {
  readonly question: string;
  /** The answer that lets the run go on. */
  readonly expects: string;
  /** To throw when the answer is another one, or when nobody can be asked. */
  readonly refusal: AishaError;
}

/**
 * What is still to be asked before something destructive; `undefined` when nothing is. A protected environment wants
 * its name, from `--confirm` or typed: `--yes` lies in scripts that were written for another database.
 * @throws AishaError (connection: the target is refused) when `--confirm` names something else
 */
export function confirmationNeeded(target: Target, given: ConfirmationGiven): Confirmation | undefined {
  const { environment } = target;
  const name = environment?.name ?? target.database;
  if (given.confirm !== undefined && given.confirm !== name) throw wrongName(target, name, given.confirm);
  if (given.confirm !== undefined || (given.yes === true && environment?.protected !== true)) return undefined;
  return environment?.protected === true ? askName(target, environment.name) : askYes(target);
}

function askName(target: Target, name: string): Confirmation {
  return {
    question: `Environment "${name}" (${target.describe()}) is protected. Type its name to go on: `,
    expects: name,
    refusal: new AishaError('connection', `environment "${name}" is protected and was not confirmed`, {
      hint: `If ${target.describe()} is meant, add --confirm ${name}; --yes alone is not enough.`,
    }),
  };
}

function askYes(target: Target): Confirmation {
  return {
    question: `This changes ${target.describe()}. Type yes to go on: `,
    expects: 'yes',
    refusal: new AishaError('connection', `the change of ${target.describe()} was not confirmed`, {
      hint: 'If it is meant, add --yes.',
    }),
  };
}

function wrongName(target: Target, name: string, confirm: string): AishaError {
  return new AishaError('connection', `--confirm names "${confirm}" and this is "${name}" (${target.describe()})`, {
    hint: 'Check which database is meant; nothing was changed.',
  });
}
