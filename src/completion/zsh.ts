import { type CommandWords, type OptionWord, plainQuote, type ShellScript } from './words.ts';

export const zsh: ShellScript = (commands) => `#compdef aisha-db
# aisha-db completion for zsh: aisha-db completion zsh > "\${fpath[1]}/_aisha-db"
_aisha_db() {
  local -a commands
  commands=(
${commands.map(({ name, summary }) => `    ${plainQuote(`${name}:${summary.replaceAll(':', '\\:')}`)}`).join('\n')}
  )
  if (( CURRENT == 2 )); then
    _describe 'command' commands
    return
  fi
  local command=$words[2]
  shift words
  (( CURRENT-- ))
  case $command in
${commands.map(commandCase).join('\n')}
  esac
}
if [[ $funcstack[1] == _aisha-db ]]; then _aisha_db "$@"; else compdef _aisha_db aisha-db; fi
`;

function commandCase({ name, options, first }: CommandWords): string {
  const argument = first.length === 0 ? "'*:file:_files'" : `'1:action:(${first.join(' ')})' '*:file:_files'`;
  return `    ${name}) _arguments ${[...options.map(describe), argument].join(' ')} ;;`;
}

function describe({ flag, description, takesValue, values }: OptionWord): string {
  const explained = description.replaceAll(/[[\]:]/g, ' ');
  const value = !takesValue ? '' : values.length === 0 ? ':value:_files' : `:value:(${values.join(' ')})`;
  return plainQuote(`${flag}${takesValue ? '=' : ''}[${explained}]${value}`);
}
