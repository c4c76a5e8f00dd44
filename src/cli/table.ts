// Plain text for terminals. What a camera called a file is shown, so nothing in it may move the cursor, colour or reorder
// what stands beside it.

/**
 * Shows control characters, line and paragraph separators, invisible and direction-changing characters (all of Unicode's
 * Cc, Cf, Zl, Zp) and lone surrogates as `\u{202e}`; everything else stays as it is.
 */
export function escapeForTerminal(text: string): string {
  return text.replace(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu,
    character => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
  );
}

/** Columns are padded to their widest cell; a `right` column is flush right, as numbers are. Cells are escaped here. */
export function formatTable(
  columns: ReadonlyArray<string | Readonly<{ title: string; right: true }>>,
  rows: ReadonlyArray<readonly string[]>,
): string {
  const titles = columns.map(column => (typeof column === 'string' ? column : column.title));
  const cells = [titles, ...rows.map(row => row.map(escapeForTerminal))];
  const widths = columns.map((_, index) => Math.max(...cells.map(row => displayWidth(row[index] ?? ''))));
  return cells
    .map(row =>
      columns
        .map((column, index) => {
          const cell = row[index] ?? '';
          const padding = ' '.repeat((widths[index] ?? 0) - displayWidth(cell));
          return typeof column === 'string' ? cell + padding : padding + cell;
        })
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** `name  value` lines, one fact each; the values are escaped. */
export function formatFacts(facts: ReadonlyArray<readonly [name: string, value: string]>): string {
  const width = Math.max(...facts.map(([name]) => name.length));
  return facts
    .map(([name, value]) => `${name.padEnd(width)}  ${escapeForTerminal(value)}`.trimEnd())
    .join('\n');
}

/** `7.1 MB`: three digits are enough to compare sizes by eye. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 || value >= 99.95 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/** Columns on a terminal: East Asian wide characters and emoji take two, combining marks none. */
function displayWidth(text: string): number {
  let width = 0;
  for (const character of text) {
    if (/\p{M}/u.test(character)) continue;
    width += isWide(character.codePointAt(0) ?? 0) ? 2 : 1;
  }
  return width;
}

/** Blocks of Unicode whose characters are wide (UAX 11, W and F), as ranges of code points. */
const wideRanges = [
  [0x1100, 0x115f],
  [0x2e80, 0xa4cf],
  [0xac00, 0xd7a3],
  [0xf900, 0xfaff],
  [0xfe30, 0xfe6f],
  [0xff00, 0xff60],
  [0xffe0, 0xffe6],
  [0x1f300, 0x1faff],
  [0x20000, 0x3fffd],
] as const;

function isWide(codePoint: number): boolean {
  return wideRanges.some(([first, last]) => codePoint >= first && codePoint <= last);
}
