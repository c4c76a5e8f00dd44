import { setTimeout as sleep } from 'node:timers/promises';
import { newUploadId } from '../../src/archive/upload-id.ts';
import { catalogueFile, openCatalogue } from '../../src/catalogue/catalogue.ts';
import { leaveEntry, receiptFor } from '../../test/archive/sample-receipt.ts';

const cameras = 8;
const limitMs = 1_800_000;
/** Enough that nobody waits for us, and few enough that the queue of filing has room. */
const mostWaiting = 1000;
const pollMs = 20;

export type Backlog = Disposable &
  Readonly<{
    /** Leaves so many entries in the inbox, as the receiver does, and waits until all are filed. Answers the seconds from the first to the last. */
    file(count: number, media: () => Uint8Array): Promise<{ seconds: number; bytes: number }>;
  }>;

/** For a daemon that runs and has made its catalogue. */
export function openBacklog(place: { dataDir: string; stateDir: string }): Backlog {
  const catalogue = openCatalogue({ file: catalogueFile(place.stateDir), readOnly: true });
  let number = 0;
  return {
    async file(count, media) {
      const before = catalogue.lastNumber();
      const startedAt = performance.now();
      let bytes = 0;
      const untilFiled = async (wanted: number) => {
        while (catalogue.lastNumber() - before < wanted) {
          if (performance.now() - startedAt > limitMs) throw new Error('the clips are not filed in time');
          await sleep(pollMs);
        }
      };
      for (let left = 0; left < count; left++) {
        const clip = media();
        bytes += clip.length;
        const id = newUploadId();
        const camera = `camera-${number % cameras}`;
        const receipt = JSON.stringify(receiptFor(id, clip, { camera, path: `clip-${number++}.mp4` }));
        await leaveEntry(place.dataDir, { id, camera, media: clip, receipt });
        if (left % 100 === 0) await untilFiled(left - mostWaiting);
      }
      await untilFiled(count);
      return { seconds: (performance.now() - startedAt) / 1000, bytes };
    },
    [Symbol.dispose]: () => catalogue[Symbol.dispose](),
  };
}
