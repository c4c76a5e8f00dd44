// The completion for zsh: a table of the commands, and one function that reads it.

import type { CommandFacts, Kind } from './command-tree.ts';

export function zshCompletion(tree: readonly CommandFacts[]): string {
  return `#compdef clipward
# Completion of clipward for zsh, made by: clipward completion zsh

_clipward_facts() {
  subcommands=() flags=() valued=() places=()
  case $1 in
${tree.map(caseOf).join('\n')}
  esac
}
${functions}`;
}

function caseOf({ path, options, arguments: places, children }: CommandFacts): string {
  const described = (name: string, description: string) => quoted(`${name}:${description}`);
  const facts = {
    subcommands: children.map(({ name, description }) => described(name, description)),
    flags: options.flatMap(({ names, description }) => names.map(name => described(name, description))),
    valued: options.flatMap(({ names, kind }) =>
      kind === undefined ? [] : names.flatMap(name => [name, quoted(wordOf(kind))]),
    ),
    places: places.map(({ kind, isVariadic }) => quoted(`${wordOf(kind)}${isVariadic ? '...' : ''}`)),
  };
  const lines = Object.entries(facts)
    .filter(([, words]) => words.length > 0)
    .map(([name, words]) => `      ${name}=(${words.join(' ')})`);
  return [`    ${quoted(path.join(' '))})`, ...lines, '      ;;'].join('\n');
}

function wordOf(kind: Kind): string {
  return typeof kind === 'string' ? kind : kind.join(',');
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

const functions = `
# Silent, and not for long: no answer is as good as none.
_clipward_cameras() {
  local -a asked
  asked=(completion cameras)
  [[ -n $config ]] && asked+=(--config "$config")
  timeout 5 "\${(Q)words[1]}" $asked </dev/null 2>/dev/null
}

_clipward_offer_kind() {
  local -a found
  case $1 in
    camera)
      found=("\${(@f)$(_clipward_cameras)}")
      # compadd quotes what stands in a name.
      compadd -a found
      ;;
    file) _files ;;
    directory) _files -/ ;;
    text) ;;
    *)
      found=("\${(@s:,:)1}")
      compadd -a found
      ;;
  esac
}

_clipward() {
  local config='' awaited='' option='' where='' word each
  local -a subcommands flags places
  local -A valued
  integer index given=0
  _clipward_facts ''
  for ((index = 2; index < CURRENT; index++)); do
    word=\${(Q)words[index]}
    if [[ -n $awaited ]]; then
      [[ $option == --config ]] && config=\${word/#\\~\\//$HOME/}
      awaited=''
    elif [[ $word == --*=* ]]; then
      [[ $word == --config=* ]] && config=\${word#*=}
    elif [[ $word == -* ]]; then
      option=$word
      awaited=\${valued[$word]-}
    else
      for each in $subcommands; do
        [[ \${each%%:*} == "$word" ]] && where="\${where:+$where }$word"
      done
      if (( $#subcommands )); then _clipward_facts "$where"; else ((given++)); fi
    fi
  done
  if [[ -n $awaited ]]; then
    _clipward_offer_kind "$awaited"
  elif [[ $PREFIX == --*=* ]]; then
    option=\${PREFIX%%=*}
    compset -P '*='
    _clipward_offer_kind "\${valued[$option]-text}"
  elif [[ $PREFIX == -* ]]; then
    _describe -o option flags
  elif (( $#subcommands )); then
    _describe command subcommands
  else
    index=0
    for each in $places; do
      if [[ $index -eq $given || $each == *... ]]; then
        _clipward_offer_kind "\${each%...}"
        return
      fi
      ((index++))
    done
    _describe -o option flags
  fi
}

# Loaded by compinit it is called as a function; sourced, it says whom it is for.
if [[ $funcstack[1] == _clipward ]]; then _clipward "$@"; else compdef _clipward clipward; fi
`;
