import type { Completeness, CompletenessBasis } from '../domain/clip.ts';

/**
 * The receipt of a file that was taken over from a tree of another program: nobody here saw it arrive, so it says where it
 * was found and by whom. It is no receipt of receipt.ts, and an entry of the inbox that claims to be one is refused.
 */
export type ImportReceipt = Readonly<{
  version: 1;
  type: 'import';
  id: string;
  camera: string;
  /** The name that the clip is known by: the path below the directory that was imported. */
  path: string;
  bytes: number;
  sha256: string;
  source: Readonly<{
    /** The directory that was imported, on that host. */
    directory: string;
    /** The path below it byte for byte (archive/entry-name.ts), where it differs from `path`; else null. */
    exactPath: string | null;
    /** ISO 8601 in UTC; when its bytes were last changed, as the file says. Null for a year that no calendar has. */
    modifiedAt: string | null;
    /** The same in nanoseconds since the epoch, in decimal digits. */
    modifiedNs: string;
  }>;
  /** When it counts as received: when it was last changed, but never later than the kernel saw that, or than now. */
  receivedAt: string;
  importedAt: string;
  host: ImportHost;
  completeness: Completeness;
  completenessBasis: CompletenessBasis;
}>;

/** Who imported, where. */
export type ImportHost = Readonly<{
  name: string;
  /** The number of the user that the command ran as. */
  user: number | null;
  /** The version of clipward. */
  version: string;
}>;
