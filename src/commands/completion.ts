import { AishaError } from '../errors.ts';
import type { Command } from './command.ts';

const NAMES = ['bash', 'zsh', 'fish'];

export const command: Command = {
  summary: 'print the script that completes commands and options in a shell',
  description:
    'The script knows every command, its options and their values as of this version: print it again after an update.',
  examples: [
    'aisha-db completion bash >> ~/.bash_completion',
    'aisha-db completion zsh > ~/.zfunc/_aisha-db',
    'aisha-db completion fish > ~/.config/fish/completions/aisha-db.fish',
  ],
  database: false,
  words: () => NAMES,
  configure(command) {
    command.argument('<shell>', NAMES.join(', '));
  },
  async run(_context, args) {
    const { completionWords, SHELLS } = await import('../cli/completion.ts');
    const shell = args[0] ?? '';
    const script = Object.hasOwn(SHELLS, shell) ? SHELLS[shell] : undefined;
    if (script === undefined) {
      throw new AishaError('usage', `there is no completion for the shell "${shell}"`, {
        hint: `There is one for ${NAMES.join(', ')}.`,
      });
    }
    return { text: script(await completionWords()).trimEnd() };
  },
};
