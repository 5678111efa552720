import { type CommandWords, type OptionWord, plainQuote, type ShellScript } from './words.ts';

export const fish: ShellScript = (
  commands,
) => `# aisha-db completion for fish: aisha-db completion fish > ~/.config/fish/completions/aisha-db.fish
complete -c aisha-db -e
${commands.flatMap(linesOf).join('\n')}
`;

function linesOf({ name, summary, options, first }: CommandWords): string[] {
  const within = `complete -c aisha-db -n '__fish_seen_subcommand_from ${name}'`;
  return [
    `complete -c aisha-db -f -n __fish_use_subcommand -a ${name} -d ${plainQuote(summary)}`,
    ...(first.length === 0 ? [] : [`${within} -f -a '${first.join(' ')}'`]),
    ...options.map((option) => `${within} ${describe(option)}`),
  ];
}

function describe({ flag, description, takesValue, values }: OptionWord): string {
  const value = !takesValue ? '' : values.length === 0 ? ' -r' : ` -x -a '${values.join(' ')}'`;
  return `-l ${flag.slice(2)}${value} -d ${plainQuote(description)}`;
}
