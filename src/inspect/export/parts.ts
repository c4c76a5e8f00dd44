import type { Clock } from '../../base/clock.ts';
import type { Catalogue } from '../../catalogue/catalogue.ts';
import type { Media } from '../../media/media.ts';

export type ExportParts = Readonly<{
  dataDir: string;
  catalogue: Pick<
    Catalogue,
    'segmentsBetween' | 'segment' | 'openSegments' | 'gaps' | 'isRecording' | 'listClips' | 'clipsOfEvent'
  >;
  media: Pick<Media, 'join' | 'copyOfClip' | 'look'>;
  clock: Pick<Clock, 'now'>;
  /** IANA name: in which the manifest tells times. */
  timeZone: string;
  onProgress?(progress: ExportProgress): void;
}>;

export type ExportProgress = Readonly<{ bytes: number; ofBytes: number; phase: 'copying' | 'finishing' }>;
