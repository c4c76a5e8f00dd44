import t from 'tap';
import { openLog } from '../../src/base/log.ts';
import { placePending } from '../../src/ingest/place-pending.ts';

function kept() {
  const lines: Array<{ level: number; msg: string; clips: number }> = [];
  const stream = { write: (line: string) => void lines.push(JSON.parse(line)) };
  return { lines, log: openLog({ level: 'info', stream, pretty: false }) };
}

/** A catalogue with so many clips that are in no event. */
function waiting(clips: number, onBatch: (batch: number) => void = () => {}) {
  let [left, batches] = [clips, 0];
  return {
    left: () => left,
    catalogue: {
      placeRemaining(limit: number) {
        onBatch(++batches);
        const placed = Math.min(limit, left);
        left -= placed;
        return placed;
      },
    },
  };
}

t.test('what is in no event is brought into one in batches, with room for others in between', async t => {
  const { lines, log } = kept();
  let turns = 0;
  const seen: number[] = [];
  const count = () => {
    turns++;
    if (left() > 0) setImmediate(count);
  };
  const { catalogue, left } = waiting(250, () => seen.push(turns));
  setImmediate(count);
  await placePending({ catalogue, log }, new AbortController().signal);
  t.equal(left(), 0);
  t.ok((seen.at(-1) ?? 0) > 0, 'something else ran before the last batch');
  t.match(lines, [{ msg: 'clips of an earlier version are in events', clips: 250 }]);
});

t.test('nothing is said when nothing was left to do', async t => {
  const { lines, log } = kept();
  await placePending({ catalogue: waiting(0).catalogue, log }, new AbortController().signal);
  t.strictSame(lines, []);
});

t.test('the end of the daemon ends it between two batches', async t => {
  const closing = new AbortController();
  const { catalogue, left } = waiting(1000, batch => batch === 2 && closing.abort());
  await placePending({ catalogue, log: kept().log }, closing.signal);
  t.equal(left(), 800);
});

t.test('what cannot be placed is told and left for the next start', async t => {
  const { lines, log } = kept();
  const { catalogue } = waiting(1000, batch => {
    if (batch === 2) throw new Error('disk I/O error');
  });
  await placePending({ catalogue, log }, new AbortController().signal);
  t.match(lines, [{ level: 50, msg: 'clips cannot be put into events', clips: 100 }, { level: 30 }]);
});
