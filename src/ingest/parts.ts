// What filing needs of the stores, wired by service.ts.

import type { ClipFiles } from '../archive/clip-files.ts';
import type { Inbox } from '../archive/inbox.ts';
import type { Log } from '../base/log.ts';
import type { Catalogue } from '../catalogue/catalogue.ts';
import type { Media } from '../media/media.ts';

export type CameraTime = Readonly<{ timeZone: string; acceptanceDays: number }>;

/** What it takes to make a clip of media, whoever brought it (file-media.ts). */
export type ClipParts = Readonly<{
  /** Absolute; paths of the archive are relative to it. */
  dataDir: string;
  media: Pick<Media, 'look' | 'thumbnail'>;
  clipFiles: Pick<ClipFiles, 'copyIntoClips' | 'removeCopy' | 'writeThumbnail' | 'prefixHashes'>;
  catalogue: Pick<
    Catalogue,
    | 'clip'
    | 'clipOfUpload'
    | 'hasTombstone'
    | 'sameClip'
    | 'claimsUnderName'
    | 'clockPeriods'
    | 'openPartials'
    | 'longerWholes'
    | 'fileClip'
    | 'fileRepeat'
  >;
  /** Settings of a camera, also of one that was removed meanwhile: its last uploads are filed with the defaults. */
  cameraTime(camera: string): CameraTime;
  log: Log;
}>;

/** What filing an entry of the inbox needs beside. */
export type FilingParts = Omit<ClipParts, 'catalogue'> &
  Readonly<{
    /** Throws TransientError when the data directory is not the one it was. */
    requireMarker(): Promise<void>;
    inbox: Pick<Inbox, 'openEntry' | 'removeEntry'>;
    catalogue: ClipParts['catalogue'] &
      Pick<Catalogue, 'notesOf' | 'knowsNote' | 'fileNote' | 'clockSamples' | 'claimingClips' | 'fileClock'>;
  }>;
