import type { Stored, StoredFile } from '../archive/list-stored.ts';

/** A row without its file, a file without a row, two that do not fit, or a place about which nothing is known. */
export type Difference<Row> =
  | Readonly<{ row: Row; stored: StoredFile | undefined }>
  | Readonly<{ row: undefined; stored: Stored }>;

/**
 * Compares rows with what lies on the disk, in one pass over both: each sorted by path. Answers only what is not in order.
 * Rows below a directory that cannot be looked into are neither there nor missing: they are told to `onUnknown`.
 */
export async function* compareByPath<Row extends Readonly<{ path: string }>>(
  rows: Iterable<Row>,
  listing: AsyncIterable<readonly Stored[]>,
  options: { isInOrder(row: Row, file: StoredFile): boolean; onUnknown(row: Row): void },
): AsyncGenerator<Difference<Row>> {
  const remaining = rows[Symbol.iterator]();
  let next = remaining.next();
  try {
    for await (const batch of listing) {
      for (const stored of batch) {
        const path = placeOf(stored);
        for (; !next.done && next.value.path < path; next = remaining.next())
          yield { row: next.value, stored: undefined };
        if (stored.state === 'unreadable') {
          for (; !next.done && next.value.path.startsWith(path); next = remaining.next())
            options.onUnknown(next.value);
          yield { row: undefined, stored };
        } else if (!next.done && next.value.path === path) {
          const row = next.value;
          next = remaining.next();
          if (stored.state !== 'file' || !options.isInOrder(row, stored.file))
            yield { row, stored: stored.file };
        } else yield { row: undefined, stored };
      }
    }
    for (; !next.done; next = remaining.next()) yield { row: next.value, stored: undefined };
  } finally {
    remaining.return?.();
  }
}

/** Where it is in the order of paths: a directory comes where the first path in it would. */
function placeOf(stored: Stored): string {
  if (stored.state !== 'unreadable') return stored.file.path;
  return stored.isDirectory ? `${stored.path}/` : stored.path;
}
