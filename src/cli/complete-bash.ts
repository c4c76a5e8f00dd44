// The completion for bash: a table of the commands, and the same few functions below it whatever the commands are.

import type { CommandFacts, Kind } from './command-tree.ts';

export function bashCompletion(tree: readonly CommandFacts[]): string {
  return `# Completion of clipward for bash, made by: clipward completion bash
# shellcheck shell=bash

_clipward_facts() {
  commands='' flags='' valued='' arguments=''
  case $1 in
${tree.map(caseOf).join('\n')}
  esac
}
${functions}`;
}

function caseOf({ path, options, arguments: places, children }: CommandFacts): string {
  const flags = options.filter(({ kind }) => kind === undefined).flatMap(({ names }) => names);
  const valued = options.flatMap(({ names, kind }) =>
    kind === undefined ? [] : names.map(name => `${name}=${wordOf(kind)}`),
  );
  const facts = {
    commands: children.map(({ name }) => name),
    flags,
    valued,
    arguments: places.map(({ kind, isVariadic }) => `${wordOf(kind)}${isVariadic ? '...' : ''}`),
  };
  const given = Object.entries(facts).filter(([, words]) => words.length > 0);
  return `    '${path.join(' ')}') ${given.map(([name, words]) => `${name}='${words.join(' ')}'`).join(' ')} ;;`;
}

function wordOf(kind: Kind): string {
  return typeof kind === 'string' ? kind : kind.join(',');
}

/** Names of cameras are compared and quoted by hand: `compgen -W` would run what stands in them. */
const functions = `
_clipward_offer() {
  local word quoted
  while IFS= read -r word; do
    [[ $word == "$current"* ]] || continue
    printf -v quoted %q "$word"
    COMPREPLY+=("$quoted")
  done
}

# Silent, and not for long: no answer is as good as none.
_clipward_cameras() {
  timeout 5 "$program" completion cameras \${config:+--config "$config"} </dev/null 2>/dev/null
}

_clipward_offer_kind() {
  case $1 in
    camera) _clipward_offer < <(_clipward_cameras) ;;
    file) compopt -o default 2>/dev/null ;;
    directory) compopt -o dirnames 2>/dev/null ;;
    text) ;;
    *) _clipward_offer <<<"\${1//,/$'\\n'}" ;;
  esac
}

_clipward() {
  local IFS=$' \\t\\n' program=\${COMP_WORDS[0]} current=\${COMP_WORDS[COMP_CWORD]}
  local commands flags valued arguments where='' option='' awaited='' config='' word each index given=0
  COMPREPLY=()
  _clipward_facts ''
  for ((index = 1; index < COMP_CWORD; index++)); do
    word=\${COMP_WORDS[index]}
    # bash takes --camera=x, 10:30 and viewer@host apart.
    [[ $word == = ]] && continue
    if [[ $word == [:@]* ]]; then
      ((index++))
      continue
    fi
    if [[ -n $awaited ]]; then
      [[ $option == --config ]] && config=\${word/#\\~\\//$HOME/}
      awaited=''
    elif [[ $word == -* ]]; then
      for each in $valued; do
        [[ \${each%%=*} == "$word" ]] && option=$word awaited=\${each#*=}
      done
    elif [[ " $commands " == *" $word "* ]]; then
      where=\${where:+$where }$word
      _clipward_facts "$where"
    else
      ((given++))
    fi
  done
  [[ $current == = ]] && current=''
  if [[ -n $awaited ]]; then
    _clipward_offer_kind "$awaited"
  elif [[ $current == -* ]]; then
    for each in $flags $valued; do _clipward_offer <<<"\${each%%=*}"; done
  elif [[ -n $commands ]]; then
    for each in $commands; do _clipward_offer <<<"$each"; done
  else
    index=0
    for each in $arguments; do
      if [[ $index -eq $given || $each == *... ]]; then
        _clipward_offer_kind "\${each%...}"
        return
      fi
      ((index++))
    done
    for each in $flags $valued; do _clipward_offer <<<"\${each%%=*}"; done
  fi
}

complete -F _clipward clipward
`;
