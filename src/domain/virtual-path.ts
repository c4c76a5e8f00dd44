// The names that cameras see. A virtual path has no leading slash; '' is the root. It is a key into the account's own
// list and never becomes a path on disk, so these rules protect listings, exports and terminals, not the file system.

/** Components are measured in UTF-8 bytes, as disks do when a clip is exported; directories and the file name count together. */
export const maxComponentBytes = 255;
export const maxDepth = 16;
/** Of what is sent, with every `.` and `/`; a result of 16 components is shorter by itself. */
export const maxSentPathLength = 4096;
/**
 * Bytes of a path as JSON writes it, quotes escaped: a receipt holds what was sent and what it means, and is not read
 * beyond 16 KiB (archive/receipt.ts). Only hundreds of quotes in one name come to that.
 */
const maxJsonBytes = 7 * 1024;

export type ResolvedPath = { readonly path: string } | { readonly refused: string };

/**
 * Resolves what a client sent against its working directory (a virtual path, or one with a leading slash). `//` is
 * collapsed, `.` dropped, `..` clamped at the root, a trailing slash ignored; everything else is kept as it was sent,
 * in whatever Unicode normalisation. The caller has decoded strict UTF-8 already.
 *
 * `refused` is a short reason that never repeats the name; the reply is 553. A backslash is refused wherever it
 * stands: no camera sends one, and what it means depends on who unpacks an export later.
 */
export function resolveVirtualPath(workingDirectory: string, argument: string): ResolvedPath {
  if (argument.length > maxSentPathLength || !fitsReceipt(argument)) return { refused: 'path too long' };
  const components = argument.startsWith('/') ? [] : split(workingDirectory);
  for (const component of split(argument)) {
    if (component === '..') {
      components.pop();
      continue;
    }
    const refused = refusalOf(component);
    if (refused !== undefined) return { refused };
    components.push(component);
  }
  if (components.length > maxDepth) return { refused: 'too many directories' };
  const path = components.join('/');
  return fitsReceipt(path) ? { path } : { refused: 'path too long' };
}

/** The directory that holds a virtual path; the root holds itself. */
export function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}

/** The last component; '' for the root. */
export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** How many components a virtual path has; 0 for the root. */
export function depthOf(path: string): number {
  return split(path).length;
}

function split(path: string): string[] {
  return path.split('/').filter(component => component !== '' && component !== '.');
}

function fitsReceipt(path: string): boolean {
  return Buffer.byteLength(JSON.stringify(path)) <= maxJsonBytes;
}

function refusalOf(component: string): string | undefined {
  if (component.startsWith('.')) return 'names must not start with a dot';
  if (component.includes('\\')) return 'names must not contain a backslash';
  if (/[\u0000-\u001f\u007f-\u009f]/.test(component)) return 'names must not contain control characters';
  if (!component.isWellFormed()) return 'names must be UTF-8';
  if (Buffer.byteLength(component) > maxComponentBytes) return 'name too long';
  return undefined;
}
