// Where things lie in the data directory. Everything here is derived from the data directory and from names of our own
// (camera, id, time): nothing that a client said becomes a path (I7).

import { join } from 'node:path';

export type Layout = Readonly<{
  dataDir: string;
  /** Shows the id of this archive; see marker.ts. */
  marker: string;
  /** `incoming/<id>/`: uploads in progress. */
  incoming: string;
  /** `inbox/<camera>/<id>/`: finished uploads and notes, not filed yet. */
  inbox: string;
  /** `clips/<camera>/YYYY/MM/DD/`: the archive. */
  clips: string;
  /** `thumbnails/<camera>/YYYY/MM/DD/`. */
  thumbnails: string;
  /** `footage/<camera>/YYYY/MM/DD/hh/`: segments. */
  footage: string;
  /** `quarantine/<camera>/<id>/`: what could not be filed. */
  quarantine: string;
  /** Some megabytes to give up; see ballast.ts. */
  ballast: string;
}>;

export function layoutOf(dataDir: string): Layout {
  return {
    dataDir,
    marker: join(dataDir, 'MARKER'),
    incoming: join(dataDir, 'incoming'),
    inbox: join(dataDir, 'inbox'),
    clips: join(dataDir, 'clips'),
    thumbnails: join(dataDir, 'thumbnails'),
    footage: join(dataDir, 'footage'),
    quarantine: join(dataDir, 'quarantine'),
    ballast: join(dataDir, 'ballast'),
  };
}

/** Names inside an entry, in `incoming/` and in `inbox/`. */
export const mediaName = 'media';
/** In `incoming/` it may be a part of one; see receipt-file.ts. */
export const receiptName = 'receipt.json';
/** Only in `incoming/`, where a version that wrote the facts to a file of their own was ended: it belongs into no inbox. */
export const earlierFactsName = 'upload.json';

/** Stands for the camera where none is known. Not a valid camera name, so it never collides with one. */
export const unknownCamera = '_unknown';

/** Stands for the camera of what lies in `inbox/` itself, where only directories of cameras belong. */
export const strayCamera = '.';
