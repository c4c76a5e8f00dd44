// What filing needs of the stores, wired by service.ts.

import type { ClipFiles } from '../archive/clip-files.ts';
import type { Inbox } from '../archive/inbox.ts';
import type { Log } from '../base/log.ts';
import type { Catalogue } from '../catalogue/catalogue.ts';
import type { Media } from '../media/media.ts';

export type CameraTime = Readonly<{ timeZone: string; acceptanceDays: number }>;

export type FilingParts = Readonly<{
  /** Absolute; paths of the archive are relative to it. */
  dataDir: string;
  /** Throws TransientError when the data directory is not the one it was. */
  requireMarker(): Promise<void>;
  inbox: Pick<Inbox, 'openEntry' | 'removeEntry'>;
  media: Pick<Media, 'look' | 'thumbnail'>;
  clipFiles: Pick<ClipFiles, 'copyIntoClips' | 'writeThumbnail'>;
  catalogue: Pick<
    Catalogue,
    | 'clipOfUpload'
    | 'sameClip'
    | 'claimsUnderName'
    | 'fileClip'
    | 'fileRepeat'
    | 'notesOf'
    | 'knowsNote'
    | 'fileNote'
  >;
  /** Settings of a camera, also of one that was removed meanwhile: its last uploads are filed with the defaults. */
  cameraTime(camera: string): CameraTime;
  log: Log;
}>;
