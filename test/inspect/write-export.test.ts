// An export and its manifest: both or none. What puts the MP4 together is the test's.

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { nothingFound } from '../../src/inspect/export/footage-stream.ts';
import type { ExportParts } from '../../src/inspect/export/parts.ts';
import { type ToWrite, writeExport } from '../../src/inspect/export/write-export.ts';

const startAt = Date.UTC(2026, 10, 21, 12);

function ground(test: Test) {
  const directory = test.testdir({});
  const out = join(directory, 'out.mp4');
  const stopping = new AbortController();
  const found = nothingFound();
  const state = { lengthMs: 5000, describing: () => {}, streamBytes: 10 };
  const parts = {
    clock: { now: () => startAt },
    timeZone: 'UTC',
    media: {
      async join({
        stream,
        output,
      }: {
        stream: AsyncIterable<Uint8Array>;
        output: { write(bytes: Uint8Array): unknown };
      }) {
        for await (const chunk of stream) await output.write(chunk);
      },
      look: async () => ({ durationMs: state.lengthMs, problem: null }),
    },
  } as unknown as ExportParts;
  async function* stream() {
    const times = { startAt, endAt: startAt + 5000, positionMs: 0, durationMs: 5000 };
    const file = {
      media: 'segment',
      id: 'a',
      path: 'footage/a.mp4',
      bytes: 1,
      sha256: '0',
      isOpen: false,
      isSilenced: false,
    } as const;
    found.pieces.push({ ...file, ...times });
    yield Buffer.from('pictures');
  }
  const work = (): ToWrite => ({
    ...{ out, stream: stream(), found, streamBytes: state.streamBytes, codec: 'h264' },
    signal: stopping.signal,
    describe() {
      state.describing();
      const what = { camera: 'den', event: null, from: startAt, to: startAt + 5000, audioCodec: null };
      return { ...what, codec: 'h264', width: 160, height: 64, pieces: found.pieces, missing: [] };
    },
  });
  return {
    out,
    stopping,
    state,
    found,
    write: () => writeExport(parts, work()),
    files: () => readdirSync(directory).sort(),
  };
}

t.test('there is a film, and what says of what it was made', async t => {
  const { write, files, out } = ground(t);
  const facts = await write();
  t.match(facts, { camera: 'den', bytes: 8 });
  t.strictSame(JSON.parse(readFileSync(`${out}.json`, 'utf8')), facts);
  t.strictSame(files(), ['out.mp4', 'out.mp4.json']);
});

t.test('a manifest that is there keeps the film from being written', async t => {
  const { write, files, out, found } = ground(t);
  writeFileSync(`${out}.json`, 'of another film');
  await t.rejects(write(), { name: 'FailedError', message: /exists already/ });
  t.strictSame(found.pieces, [], 'nothing was read for it');
  t.strictSame(files(), ['out.mp4.json']);
  t.equal(readFileSync(`${out}.json`, 'utf8'), 'of another film');
});

t.test('a film whose name was taken meanwhile takes its manifest back', async t => {
  const { write, files, out, state } = ground(t);
  state.describing = () => writeFileSync(out, 'theirs');
  await t.rejects(write(), { name: 'FailedError', message: /exists already/ });
  t.strictSame(files(), ['out.mp4']);
  t.equal(readFileSync(out, 'utf8'), 'theirs');
});

t.test('a film that is not as long as what was read is not kept', async t => {
  for (const [lengthMs, isKept] of [
    [5000 + 1500, true],
    [5000 - 1500, true],
    [5000 + 1501, false],
    [5000 - 1501, false],
  ] as const) {
    const { write, files, state } = ground(t);
    state.lengthMs = lengthMs;
    if (isKept) await write();
    else await t.rejects(write(), { name: 'FailedError', message: /instead of 5000/ });
    t.equal(files().length, isKept ? 2 : 0, `${lengthMs} ms`);
  }
});

t.test('who stops it in the last moment gets nothing', async t => {
  const { write, files, state, stopping } = ground(t);
  state.describing = () => stopping.abort();
  await t.rejects(write(), { name: 'AbortError' });
  t.strictSame(files(), []);
});

t.test('what has no room is not begun', async t => {
  const { write, files, state } = ground(t);
  state.streamBytes = 2 ** 60;
  await t.rejects(write(), { name: 'FailedError', message: /not enough room/ });
  t.strictSame(files(), []);
});
