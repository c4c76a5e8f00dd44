// The completion for fish: one line for each thing that may be typed, and when.

import type { CommandFacts, Kind } from './command-tree.ts';

export function fishCompletion(tree: readonly CommandFacts[]): string {
  const paths = tree.filter(({ path }) => path.length > 0).map(({ path }) => quoted(path.join(' ')));
  return `# Completion of clipward for fish, made by: clipward completion fish

# Whether these subcommands have been typed, and no further one.
function __clipward_at
    set -l where
    for word in (commandline -opc)[2..]
        set -l next (string join ' ' -- $where $word)
        contains -- "$next" ${paths.join(' ')}; or break
        set where $where $word
    end
    set -l joined (string join ' ' -- $where)
    test "$joined" = "$argv[1]"
end

# Silent, and not for long: no answer is as good as none.
function __clipward_cameras
    set -l words (commandline -opc)
    set -l asked completion cameras
    set -l at (contains -i -- --config $words); and set asked $asked --config $words[(math $at + 1)]
    timeout 5 $words[1] $asked </dev/null 2>/dev/null
end

complete -c clipward -f
${tree.flatMap(linesOf).join('\n')}
`;
}

function linesOf({ path, options, arguments: places, children }: CommandFacts): string[] {
  const at = `complete -c clipward -n ${quoted(`__clipward_at ${quoted(path.join(' '))}`)}`;
  return [
    ...children.map(({ name, description }) => `${at} -a ${quoted(name)} -d ${quoted(description)}`),
    ...options.flatMap(({ names, description, kind }) =>
      names.map(
        name =>
          `${at} -l ${quoted(name.slice(2))}${kind === undefined ? '' : awaited(kind)} -d ${quoted(description)}`,
      ),
    ),
    ...new Set(places.filter(({ kind }) => kind !== 'text').map(({ kind }) => `${at}${placeOf(kind)}`)),
  ];
}

function awaited(kind: Kind): string {
  if (kind === 'file') return ' -r -F';
  return kind === 'text' ? ' -x' : ` -x${placeOf(kind)}`;
}

function placeOf(kind: Kind): string {
  if (kind === 'camera') return " -a '(__clipward_cameras)'";
  if (kind === 'directory') return " -a '(__fish_complete_directories)'";
  if (typeof kind === 'string') return kind === 'file' ? ' -F' : '';
  return ` -a ${quoted(kind.join(' '))}`;
}

function quoted(text: string): string {
  return `'${text.replace(/[\\']/g, '\\$&')}'`;
}
