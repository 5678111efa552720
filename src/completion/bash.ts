import type { CommandWords, OptionWord, ShellScript } from './words.ts';

/** Works with bash 3.2, that of macOS, without the package bash-completion. */
export const bash: ShellScript = (commands) => `# aisha-db completion for bash: eval "$(aisha-db completion bash)"
_aisha_db() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}" words="" first=""
  # Bash cuts --option=value into three words.
  if [ "$current" = "=" ]; then current=""; elif [ "$previous" = "=" ]; then previous="\${COMP_WORDS[COMP_CWORD-2]}"; fi
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=( $(compgen -W "${commands.map(({ name }) => name).join(' ')} --help --version" -- "$current") )
    return
  fi
  case "\${COMP_WORDS[1]} $previous" in
${commands.flatMap(valueCases).join('\n')}
  esac
  case "\${COMP_WORDS[1]}" in
${commands.map(commandCase).join('\n')}
  esac
  case "$current" in
    -*) COMPREPLY=( $(compgen -W "$words" -- "$current") ) ;;
    *) if [ "$COMP_CWORD" -eq 2 ] && [ -n "$first" ]; then COMPREPLY=( $(compgen -W "$first" -- "$current") ); else COMPREPLY=( $(compgen -f -- "$current") ); fi ;;
  esac
}
complete -o filenames -F _aisha_db aisha-db
`;

function valueCases({ name, options }: CommandWords): string[] {
  return options
    .filter(({ takesValue }) => takesValue)
    .map((option) => `    "${name} ${option.flag}") ${offer(option)}; return ;;`);
}

function offer({ values }: OptionWord): string {
  return values.length === 0
    ? 'COMPREPLY=( $(compgen -f -- "$current") )'
    : `COMPREPLY=( $(compgen -W "${values.join(' ')}" -- "$current") )`;
}

function commandCase({ name, options, first }: CommandWords): string {
  return `    ${name}) words="${options.map(({ flag }) => flag).join(' ')}"; first="${first.join(' ')}" ;;`;
}
