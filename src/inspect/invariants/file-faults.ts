// What can be wrong with a stored file that has its row: the same for clips and for segments of footage.

import { lookAtStored, type StoredFile } from '../../archive/list-stored.ts';
import { type Finding, remark, violation } from './finding.ts';
import { notRegular } from './strays.ts';

/** Once a file is stored, nobody may write to it any more (archive/clip-files.ts, archive/footage-files.ts). */
const writeBits = 0o222;
/** The set-group-ID bit, and the right of the group to write: what tmpfiles.d gives to directories that roles share. */
const sharedBits = 0o2020;
const groupReadBit = 0o040;

export type FaultGround = Readonly<{
  /** Whom the archive belongs to; undefined where that cannot be seen. */
  owner: number | undefined;
  /** The group whose members may own what is stored as well: who records may be another user. */
  lenders?: number | undefined;
  repairs: Readonly<{ sealFile(path: string): Promise<string> }>;
}>;

type StoredRow = Readonly<{ id: string; camera: string; path: string; bytes: number }>;

export async function ownerOf(dataDir: string): Promise<number | undefined> {
  const marker = (await lookAtStored(dataDir, 'MARKER')) as { file?: StoredFile } | undefined;
  return marker?.file?.uid;
}

/** The group of the recordings, where the archive and who records are different users of one group (docs/systemd.md). */
export async function recordersOf(dataDir: string): Promise<number | undefined> {
  const directory = ((await lookAtStored(dataDir, 'footage')) as { file?: StoredFile } | undefined)?.file;
  return directory !== undefined && (directory.mode & sharedBits) === sharedBits ? directory.gid : undefined;
}

export function* faultsOf(ground: FaultGround, row: StoredRow, file: StoredFile): Generator<Finding> {
  const facts = { camera: row.camera, id: row.id, path: row.path };
  if (file.type !== 'file') {
    yield notRegular(file, facts);
    return;
  }
  if (file.bytes !== row.bytes)
    yield violation(
      'wrong-size',
      `The file has ${file.bytes} bytes, and ${row.bytes} were stored.`,
      'Somebody has written to it, or the disk has lost part of it: put the copy of your backup in its place, or move it away and keep it.',
      facts,
    );
  if ((file.mode & writeBits) !== 0)
    yield violation(
      'writable-file',
      `The file may be written to (mode ${file.mode.toString(8).padStart(4, '0')}).`,
      'clipward check --repair takes the right to write away; clipward verify tells whether anybody has used it.',
      { ...facts, mend: () => ground.repairs.sealFile(row.path) },
    );
  const isLent = file.gid === ground.lenders && (file.mode & groupReadBit) !== 0;
  if (ground.owner !== undefined && file.uid !== ground.owner && !isLent)
    yield violation(
      'wrong-owner',
      `The file belongs to user ${file.uid}, and the archive to user ${ground.owner}.`,
      'Give it to the owner of the data directory (chown): otherwise it can neither be read nor deleted in time.',
      facts,
    );
  if (file.links !== 1)
    yield remark(
      'linked-file',
      `The same bytes have ${file.links} names: what is written through another one changes this file.`,
      'Make backups by copy or reflink, not by hard links; clipward verify tells whether the bytes are still the same.',
      facts,
    );
}
