import t from 'tap';
import type { FilingParts } from '../../src/ingest/parts.ts';
import { openSmallArchive, type SmallArchive, smallArchive } from './small-archive.ts';

class Crash extends Error {
  override readonly name = 'Crash';
}

/** Parts whose step number `last` is done and then nothing more: whatever is called after it does nothing, as in a dead process. */
function dyingAfter(parts: FilingParts, last: number): { parts: FilingParts; steps: string[] } {
  const steps: string[] = [];
  const mortal = <A extends unknown[], R>(name: string, step: (...args: A) => R) =>
    ((...args: A) => {
      if (steps.length >= last) throw new Crash();
      steps.push(name);
      const died = steps.length === last;
      const result = step(...args);
      if (!died) return result;
      if (!(result instanceof Promise)) throw new Crash();
      return result.then(async outcome => {
        await (outcome as Partial<AsyncDisposable> | undefined)?.[Symbol.asyncDispose]?.();
        throw new Crash();
      });
    }) as (...args: A) => R;
  const { catalogue, inbox, clipFiles, media } = parts;
  return {
    steps,
    parts: {
      ...parts,
      inbox: {
        openEntry: mortal('openEntry', inbox.openEntry),
        removeEntry: mortal('removeEntry', inbox.removeEntry),
      },
      clipFiles: {
        copyIntoClips: mortal('copyIntoClips', clipFiles.copyIntoClips),
        removeCopy: clipFiles.removeCopy,
        writeThumbnail: mortal('writeThumbnail', clipFiles.writeThumbnail),
        prefixHashes: mortal('prefixHashes', clipFiles.prefixHashes),
      },
      media: {
        look: mortal('look', media.look),
        thumbnail: mortal('thumbnail', media.thumbnail),
      },
      catalogue: {
        ...catalogue,
        fileClip: mortal('fileClip', catalogue.fileClip),
        fileRepeat: mortal('fileRepeat', catalogue.fileRepeat),
        fileNote: mortal('fileNote', catalogue.fileNote),
      },
    },
  };
}

type Scene = Readonly<{
  title: string;
  steps: readonly string[];
  publish(archive: SmallArchive): Promise<{ camera: string; id: string }>;
}>;

const filing = ['look', 'copyIntoClips', 'thumbnail', 'writeThumbnail', 'fileClip'];
const scenes: readonly Scene[] = [
  {
    title: 'a new clip',
    steps: ['openEntry', ...filing, 'removeEntry'],
    publish: async archive => archive.upload('a1', 'bytes'),
  },
  {
    title: 'a repeat',
    steps: ['openEntry', 'fileRepeat', 'removeEntry'],
    publish: async archive => {
      await archive.file(archive.upload('a0', 'bytes', { completeness: 'partial' }));
      return archive.upload('a1', 'bytes');
    },
  },
  {
    title: 'the whole of a partial',
    steps: ['openEntry', ...filing.slice(0, -1), 'prefixHashes', 'fileClip', 'removeEntry'],
    publish: async archive => {
      await archive.file(archive.upload('a0', 'byte', { completeness: 'partial' }));
      return archive.upload('a1', 'bytes');
    },
  },
  {
    title: 'a rename',
    steps: ['openEntry', 'fileNote', 'removeEntry'],
    publish: async archive => {
      await archive.file(archive.upload('a0', 'bytes', { path: 'temporary' }));
      return archive.rename('b1', 'a0', 'renamed.mp4');
    },
  },
];

/** What must be the same however often filing was interrupted; arrival times differ between runs of the test. */
function outcome(archive: SmallArchive) {
  const steady = (text: string | null) => text?.replace(/\d{4}\/\d\d\/\d\d\/\d{8}T\d{6}Z/, 'TIME') ?? null;
  return {
    files: archive.files().map(steady),
    clips: archive.clips().map(clip => ({
      ...clip,
      path: steady(clip.path),
      thumbnail: steady(clip.thumbnail),
      startAt: clip.startAt - clip.receivedAt,
      claimedAt: clip.claimedAt === null ? null : clip.claimedAt - clip.receivedAt,
      receivedAt: 0,
      event: clip.event === null ? null : 'some event',
      keptFrom: clip.keptFrom - clip.receivedAt,
      receipts: archive.catalogue.receiptCount(clip.id),
    })),
  };
}

for (const { title, steps, publish } of scenes) {
  t.test(`${title} is filed as if nothing had happened when the process dies after any step`, async t => {
    const undisturbed = await smallArchive(t);
    await undisturbed.file(await publish(undisturbed));
    const expected = outcome(undisturbed);
    t.equal(expected.clips.length, title === 'the whole of a partial' ? 2 : 1);

    for (const [index, step] of steps.entries()) {
      await t.test(`after ${step}`, async t => {
        const archive = await smallArchive(t);
        const entry = await publish(archive);
        const dying = dyingAfter(archive.parts, index + 1);
        await t.rejects(archive.file(entry, dying.parts), { name: 'Crash' });
        t.strictSame(dying.steps, steps.slice(0, index + 1), 'it died where it was to die');
        archive.catalogue[Symbol.dispose]();

        const restarted = await openSmallArchive(t, archive.root);
        await restarted.file(entry);
        t.strictSame(outcome(restarted), expected);
        await restarted.file(entry);
        t.strictSame(outcome(restarted), expected, 'and once more changes nothing');
      });
    }
  });
}

t.test(
  'an upload that was overtaken by a repeat of itself leaves nothing of its first try behind',
  async t => {
    for (const step of ['copyIntoClips', 'writeThumbnail']) {
      const archive = await smallArchive(t);
      const first = archive.upload('a1', 'bytes');
      const { parts } = dyingAfter(archive.parts, ['openEntry', ...filing].indexOf(step) + 1);
      await t.rejects(archive.file(first, parts), { name: 'Crash' });
      t.equal(archive.files().filter(path => path.startsWith('clips/')).length, 1, 'its bytes are stored');
      // The camera has sent it again, and after the restart that one is filed first.
      await archive.file(archive.upload('a2', 'bytes'));
      await archive.file(first);
      t.equal(archive.catalogue.receiptCount(archive.clip('a2')?.id ?? ''), 2);
      const kept = archive.files().filter(path => /^(clips|thumbnails)\//.test(path));
      t.same(kept, [archive.clip('a2')?.path, archive.clip('a2')?.thumbnail], step);
    }
  },
);
