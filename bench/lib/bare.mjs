// Loaded before the daemon (node --import), for a measurement alone: media are not hashed, and no file is synced. What is
// left is what a plain FTP server does, too. The hash of a file is then its length, so that receiver and archive agree.

import crypto from 'node:crypto';
import { open } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';

/** What is shorter is no media of a bench: receipts and the chain are hashed as ever. */
const shortBytes = 64 * 1024;
const { createHash } = crypto;

crypto.createHash = algorithm => bareHash(createHash(algorithm), 0);

function bareHash(hash, bytesBefore) {
  let bytes = bytesBefore;
  const bare = {
    update(data, encoding) {
      bytes += data.length;
      if (bytes <= shortBytes) hash.update(data, encoding);
      return bare;
    },
    copy: () => bareHash(hash.copy(), bytes),
    digest: encoding =>
      bytes <= shortBytes
        ? hash.digest(encoding)
        : createHash('sha256').update(String(bytes)).digest(encoding),
  };
  return bare;
}

const file = await open('/dev/null');
const prototype = Object.getPrototypeOf(file);
prototype.sync = async () => {};
prototype.datasync = async () => {};
await file.close();
syncBuiltinESMExports();
