import type { Upload, Uploads } from '../../src/archive/uploads.ts';

type Write = Upload['write'];

/** The same uploads, of each of which `wrap` takes the place of what writes to it. */
export function wrapWrites(uploads: Uploads, wrap: (write: Write) => Write): Uploads {
  return {
    ...uploads,
    begin: async facts => {
      const upload = await uploads.begin(facts);
      return { ...upload, write: wrap(upload.write) };
    },
  };
}
