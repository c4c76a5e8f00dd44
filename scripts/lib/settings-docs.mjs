// The settings in words, for docs/settings.md and config/clipward.example.yaml. Both are functions of the schema's keys, so
// a test can say that the files are stale.

const maxWidth = 100;

const searchOrder = [
  'the file that `--config FILE` names',
  'the file that the environment variable `CLIPWARD_CONFIG` names',
  '`config/clipward.yaml` in the project directory',
  '`/etc/clipward/clipward.yaml`',
];
const pathRule =
  'Relative paths are taken from the directory of the settings file; without a file, from the project directory. Where a command happens to be run never matters.';
const unknownRule =
  'A key that is not listed here is an error (exit code 78), so that a slip of the pen is not a silent default.';

/** docs/settings.md: a table per section. */
export function settingsPage(keys, sections) {
  const parts = [{ key: '', explanation: '' }, ...sections].flatMap(section => {
    const own = keys.filter(({ key }) => sectionOf(key) === section.key);
    if (own.length === 0) return [];
    return [
      `## ${section.key === '' ? 'Directories' : `\`${section.key}\``}`,
      ...(section.explanation === '' ? [] : [section.explanation]),
      ['| key | type | default | what it means |', '|---|---|---|---|', ...own.map(row)].join('\n'),
    ];
  });
  return `${[
    '# Settings',
    '<!-- Written by `npm run docs` from src/settings/schema.ts: change it there. -->',
    'Everything has a default; a settings file says only what differs. It is YAML, and the first of these that exists is used:',
    searchOrder.map((place, index) => `${index + 1}. ${place}`).join('\n'),
    'Without any, the defaults hold. A file that is named must exist.',
    pathRule,
    unknownRule,
    '`clipward config check` says whether a file is right, `clipward config explain` which values are in force. What belongs to one camera is not here: see `clipward camera --help`.',
    ...parts,
  ].join('\n\n')}\n`;
}

function row({ key, type, default: standard, explanation }) {
  const cells = [`\`${key}\``, type, standard === undefined ? '' : `\`${yamlOf(standard)}\``, explanation];
  return `| ${cells.map(cell => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

/**
 * config/clipward.example.yaml: every key with its default. Settings are commented out with `#` alone, explanations with
 * `# `: with the lone `#` taken away it is a settings file that says what the defaults say.
 */
export function exampleFile(keys, sections) {
  const lines = [
    ...prose(
      '',
      'Settings of Clipward, with the defaults. Written by npm run docs from src/settings/schema.ts.',
    ),
    '#',
    ...prose(
      '',
      `Copy this file to config/clipward.yaml and take away the # of what you change, and of the sections that it is in. The first of these is used: ${searchOrder.join('; ')}; without any, the defaults.`,
    ),
    '#',
    ...prose('', pathRule),
  ];
  let open = [];
  for (const setting of keys) {
    const names = setting.key.split('.');
    const path = names.slice(0, -1);
    const shared = commonLength(open, path);
    for (let depth = shared; depth < path.length; depth += 1) {
      const key = path.slice(0, depth + 1).join('.');
      const indent = '  '.repeat(depth);
      lines.push('', ...prose(indent, sections.find(section => section.key === key)?.explanation ?? ''));
      lines.push(`#${indent}${path[depth]}:`);
    }
    open = path;
    const indent = '  '.repeat(path.length);
    lines.push('', ...prose(indent, setting.explanation), ...entry(indent, names.at(-1), setting));
  }
  return `${lines.join('\n')}\n`;
}

function entry(indent, name, { key, default: standard }) {
  // The one key whose default follows from another.
  if (key === 'stateDir') return [`#${indent}${name}: ./state`];
  if (!Array.isArray(standard)) return [`#${indent}${name}: ${yamlOf(standard)}`];
  return [`#${indent}${name}:`, ...standard.map(item => `#${indent}  - ${yamlOf(item)}`)];
}

/** JSON is YAML; plain words need no quotes. */
function yamlOf(value) {
  return typeof value === 'string' && /^[./]?[A-Za-z][\w./-]*$/.test(value) ? value : JSON.stringify(value);
}

function prose(indent, text) {
  const start = `# ${indent}`;
  const lines = [];
  for (const word of text.split(' ').filter(Boolean)) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= maxWidth)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(`${start}${word}`);
  }
  return lines;
}

function sectionOf(key) {
  return key.slice(0, Math.max(0, key.lastIndexOf('.')));
}

function commonLength(a, b) {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length += 1;
  return length;
}
