import { createHash } from 'node:crypto';
import type { ImportHost, ImportReceipt } from '../archive/import-receipt.ts';
import type { OpenedSource, SourceFile } from '../archive/source-tree.ts';
import type { Clock } from '../base/clock.ts';
import { errnoOf, FailedError } from '../base/errors.ts';
import { idFromBytes } from '../base/random-id.ts';
import type { Completeness, CompletenessBasis } from '../domain/clip.ts';
import { judgeCompleteness, startContainerScan } from '../domain/completeness.ts';
import { fileMedia, lookAndPlace } from './file-media.ts';
import { isKnown } from './file-upload.ts';
import type { ClipParts } from './parts.ts';
import type { TimeAndKind } from './place-in-time.ts';

export type ImportParts = ClipParts &
  Readonly<{
    requireMarker(): Promise<void>;
    clock: Clock;
    /** Of the disk of the archive. */
    freeBytes(): Promise<number>;
    /** Below this, nothing is imported any more. */
    minFreeBytes: number;
    /** A larger file, which may well be nothing but a hole, is not imported. */
    maxFileBytes: number;
    host: ImportHost;
  }>;

export type ImportTarget = Readonly<{
  camera: string;
  /** The directory of the tree, for the receipt. */
  directory: string;
}>;

/** What a file was, or in a dry run would be. */
export type ImportedFile = Readonly<{
  /** `known`: an earlier import brought it, whether it is still there or not. `repeat`: its bytes are there under its name, so it becomes one more receipt. */
  outcome: 'filed' | 'repeat' | 'known';
  /** Null for one that was known. */
  completeness: Completeness | null;
  /** Of a new clip. */
  time: TimeAndKind | null;
}>;

/** Why one file was not imported; the others are. `unreadable` says which error it met. */
export type NotImported = Readonly<{
  outcome: 'changed' | 'too-large' | 'unreadable' | 'failed';
  why: string;
}>;

/** The disk of the archive is too full: nothing more is imported. */
export class NoRoomError extends FailedError {}

/**
 * Takes over one file. Its id follows from its path, size and time of change, and so does the path of its clip: doing it
 * again after any interruption finds what is there. Throws NoRoomError, and what filing throws.
 */
export async function importFile(
  parts: ImportParts,
  target: ImportTarget,
  file: SourceFile,
  signal: AbortSignal,
): Promise<ImportedFile | NotImported> {
  const id = importId(target.camera, file);
  if (isKnown(parts.catalogue, id)) return known;
  await parts.requireMarker();
  await requireRoom(parts, file.bytes);
  return await withSource(parts, file, signal, async source => {
    const { camera, directory } = target;
    const receivedAt = receivedAtOf(file, source.ctimeMs, parts.clock);
    const { completeness, completenessBasis, sha256, bytes } = source;
    const receipt: ImportReceipt = {
      ...{ version: 1, type: 'import', id, camera, path: file.path, bytes, sha256 },
      source: {
        directory,
        exactPath: file.exactPath === file.path ? null : file.exactPath,
        modifiedAt: isoOf(Number(file.mtimeNs / 1_000_000n)),
        modifiedNs: String(file.mtimeNs),
      },
      receivedAt: new Date(receivedAt).toISOString(),
      importedAt: new Date(parts.clock.now()).toISOString(),
      host: parts.host,
      ...{ completeness, completenessBasis },
    };
    const filed = await fileMedia(
      parts,
      {
        ...{
          id,
          camera,
          originalPath: file.path,
          bytes,
          sha256,
          completeness,
          completenessBasis,
          receivedAt,
        },
        keptFrom: parts.clock.now(),
        withdrawnAt: null,
        receiptText: JSON.stringify(receipt),
        media: { file: source.file, path: source.path, digest: async () => sha256 },
      },
      signal,
    );
    if (filed.state === 'differs') return changed;
    const time = filed.state === 'filed' ? filed.time : null;
    return { outcome: filed.state, completeness, time };
  });
}

/** What importFile would do, without writing anything. */
export async function examineFile(
  parts: Pick<ImportParts, 'media' | 'cameraTime' | 'clock' | 'maxFileBytes'> & {
    catalogue: Pick<
      ImportParts['catalogue'],
      'clipOfUpload' | 'hasTombstone' | 'sameClip' | 'claimsUnderName' | 'clockPeriods'
    >;
  },
  { camera }: ImportTarget,
  file: SourceFile,
  signal: AbortSignal,
): Promise<ImportedFile | NotImported> {
  if (isKnown(parts.catalogue, importId(camera, file))) return known;
  return await withSource(parts, file, signal, async source => {
    const { completeness, sha256, bytes } = source;
    if (parts.catalogue.sameClip(camera, file.path, sha256) !== undefined)
      return { outcome: 'repeat', completeness, time: null };
    const receivedAt = receivedAtOf(file, source.ctimeMs, parts.clock);
    const media = { file: source.file, path: source.path, digest: async () => sha256 };
    const { time } = await lookAndPlace(
      parts,
      { camera, originalPath: file.path, bytes, sha256, receivedAt, media },
      signal,
    );
    return { outcome: 'filed', completeness, time };
  });
}

const known: ImportedFile = { outcome: 'known', completeness: null, time: null };
const changed: NotImported = {
  outcome: 'changed',
  why: 'it changed while it was read: run the import again when nothing writes to it any more',
};

/** Not of the bytes: then a run over what is there already would read it all. Whoever sets a time back by hand hides a change. */
function importId(camera: string, { exactPath, bytes, mtimeNs }: SourceFile): string {
  const facts = JSON.stringify(['import', camera, exactPath, bytes, String(mtimeNs)]);
  return idFromBytes(createHash('sha256').update(facts).digest());
}

async function requireRoom(parts: ImportParts, bytes: number): Promise<void> {
  const freeBytes = await parts.freeBytes();
  if (freeBytes - bytes >= parts.minFreeBytes) return;
  throw new NoRoomError(
    `The disk of ${parts.dataDir} has ${freeBytes} bytes free, and ${parts.minFreeBytes} are to stay free (retention.minFreeBytes): make room, and run the import again, it goes on where it stopped.`,
  );
}

type ReadSource = Pick<OpenedSource, 'file' | 'path' | 'ctimeMs'> &
  Readonly<{
    bytes: number;
    sha256: string;
    completeness: Completeness;
    completenessBasis: CompletenessBasis;
  }>;

/** Opens and reads the source once; `work` reads it again, and finds a change in between by the hash. */
async function withSource(
  { maxFileBytes }: Pick<ImportParts, 'maxFileBytes'>,
  file: SourceFile,
  signal: AbortSignal,
  work: (source: ReadSource) => Promise<ImportedFile | NotImported>,
): Promise<ImportedFile | NotImported> {
  if (file.bytes > maxFileBytes)
    return {
      outcome: 'too-large',
      why: `it has ${file.bytes} bytes, more than an upload may have: raise ftps.limits.maxUploadBytes to import it`,
    };
  const opened = await file.open().catch(unreadable);
  if (opened === 'changed') return changed;
  if ('outcome' in opened) return opened;
  await using source = opened;
  const read = await readSource(source, file, signal).catch(unreadable);
  if (read === 'changed') return changed;
  return 'outcome' in read ? read : await work(read);
}

async function readSource(
  source: OpenedSource,
  file: SourceFile,
  signal: AbortSignal,
): Promise<ReadSource | 'changed'> {
  const scan = startContainerScan();
  const { bytes, sha256 } = await source.read(scan.push, signal);
  if (bytes !== file.bytes || !(await source.isUnchanged())) return 'changed';
  const { completeness, basis } = judgeCompleteness({
    closeNotify: false,
    container: scan.verdict(),
    truncation: 'container',
    // Taken as unproven where its format has no end of its own: nobody can be asked to send it again.
    repeat: true,
    bytes,
  });
  const { file: handle, path, ctimeMs } = source;
  const completenessBasis = basis === 'repeat' ? 'none' : basis;
  return { file: handle, path, ctimeMs, bytes, sha256, completeness, completenessBasis };
}

function unreadable(error: unknown): NotImported {
  const errno = errnoOf(error);
  if (errno === undefined || !sourceErrors.has(errno)) throw error;
  return { outcome: 'unreadable', why: errno };
}

/** What the source is to blame for; no descriptors and no memory are not. */
const sourceErrors = new Set([
  'EACCES',
  'EPERM',
  'EIO',
  'ESTALE',
  'ENXIO',
  'ENOTCONN',
  'ETIMEDOUT',
  'EHOSTDOWN',
]);

/**
 * When it counts as received: the file's own time of change, which was the last byte's unless somebody set it. Not later
 * than the kernel saw that change, and not later than now; not before 1970, where no camera was.
 */
function receivedAtOf({ mtimeNs }: SourceFile, ctimeMs: number, clock: Clock): number {
  return Math.max(0, Math.min(Number(mtimeNs / 1_000_000n), ctimeMs, clock.now()));
}

/** A file may say that it is of a year that no calendar has. */
function isoOf(at: number): string | null {
  const date = new Date(at);
  return Number.isNaN(date.getTime()) ? null : date.toISOString();
}
