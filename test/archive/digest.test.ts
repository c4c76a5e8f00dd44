import { createHash, randomBytes } from 'node:crypto';
import { open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { digestOf } from '../../src/archive/digest.ts';

const mebibyte = 1024 * 1024;

t.test('a file is hashed as it is, and one that is longer than it should be shows as such', async t => {
  const path = join(t.testdir({}), 'file');
  for (const length of [0, 1, 1000, mebibyte - 1, mebibyte, mebibyte + 1, 2 * mebibyte])
    for (const more of [-1, 0, 1, 2]) {
      const bytes = randomBytes(Math.max(0, length + more));
      await writeFile(path, bytes);
      await using file = await open(path);
      // No more of it than one byte beyond what was announced.
      const read = bytes.subarray(0, length + 1);
      t.same(
        await digestOf(file, length),
        { bytes: read.length, sha256: createHash('sha256').update(read).digest('hex') },
        `${length} announced, ${bytes.length} there`,
      );
    }
});

t.test('a read that brings less than it could is not taken for the end', async t => {
  const bytes = randomBytes(1000);
  const file = {
    fd: -1,
    async read(into: Uint8Array, offset: number, length: number, position: number) {
      const piece = bytes.subarray(position, position + Math.min(length, 100));
      into.set(piece, offset);
      return { bytesRead: piece.length };
    },
  };
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  t.same(await digestOf(file, 1000), { bytes: 1000, sha256 });
  t.same(await digestOf(file, 2000), { bytes: 1000, sha256 });
});
