// Whether a role still does its work: asked on its own thread, so that an answer shows that its event loop turns.

import { dataDirectoryHolds } from './archive/marker.ts';

export type SelfTest = Readonly<{
  /** A disk that is not mounted is waited for, not mended by a fresh start. */
  diskIsThere: boolean;
}>;

/** Rejects when the database does not answer, or the data directory is gone. A disk that hangs answers never: whoever asks has a deadline. */
export async function testRole(parts: {
  dataDir: string;
  archiveId: string;
  database: Readonly<{ probe(): void }>;
}): Promise<SelfTest> {
  parts.database.probe();
  return { diskIsThere: await dataDirectoryHolds(parts.dataDir, parts.archiveId) };
}
