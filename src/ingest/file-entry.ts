// One entry, from published to filed: the order of the steps, and why a crash between any two of them is harmless. Every
// step may be done again: the copy finds itself in place, the thumbnail is replaced, the transaction knows the upload,
// and the entry is removed only after the commit. So whatever was interrupted is repaired by filing the entry once more,
// which the reconcile at the next start asks for.

import { UnfileableError } from './failures.ts';
import { fileNote } from './file-note.ts';
import { fileUpload, isKnown } from './file-upload.ts';
import type { FilingParts } from './parts.ts';
import type { Entry } from './turns.ts';

/** Files an entry. One that is gone was filed by an earlier run. Throws what `sortFailure` sorts. */
export async function fileEntry(parts: FilingParts, entry: Entry, signal: AbortSignal): Promise<void> {
  await parts.requireMarker();
  if ((await fileContents(parts, entry, signal)) === 'gone') return;
  signal.throwIfAborted();
  if ((await parts.inbox.removeEntry(entry.camera, entry.id)) === 'rest')
    throw new UnfileableError('The entry was filed, and holds something else beside.');
}

async function fileContents(
  parts: FilingParts,
  { camera, id }: Entry,
  signal: AbortSignal,
): Promise<'filed' | 'gone'> {
  await using opened = await parts.inbox.openEntry(camera, id);
  switch (opened.state) {
    case 'gone':
      return 'gone';
    case 'refused':
      throw new UnfileableError(opened.sentence);
    case 'remains':
      if (opened.hasReceipt && !isKnown(parts.catalogue, id))
        throw new UnfileableError('The media is missing, and the upload was not filed before.');
      return 'filed';
    case 'note':
      fileNote(parts, opened.receipt, opened.receiptText);
      return 'filed';
    case 'upload':
      await fileUpload(parts, opened, signal);
      return 'filed';
  }
}
