import t from 'tap';
import { createTurns } from '../../src/ingest/turns.ts';

const wide = { perCamera: 100, total: 100 };

t.test('cameras take turns, and each keeps its own order', async t => {
  const turns = createTurns(wide);
  for (const id of ['a1', 'a2', 'a3']) turns.offer({ camera: 'a', id });
  turns.offer({ camera: 'b', id: 'b1' });
  turns.offer({ camera: 'c', id: 'c1' });
  const order: string[] = [];
  for (let entry = turns.next(); entry; entry = turns.next()) {
    order.push(entry.id);
    turns.done(entry);
  }
  t.strictSame(order, ['a1', 'b1', 'c1', 'a2', 'a3']);
});

t.test('a camera with an entry in work is passed over, and its next entry waits for the first', async t => {
  const turns = createTurns(wide);
  turns.offer({ camera: 'a', id: 'a1' });
  turns.offer({ camera: 'a', id: 'a2' });
  const first = turns.next();
  t.equal(first?.id, 'a1');
  t.equal(turns.next(), undefined);
  t.equal(turns.inWork(), 1);
  turns.done({ camera: 'a', id: 'a1' });
  t.equal(turns.next()?.id, 'a2');
});

t.test('an entry that waits or is in work is known, and is taken again once it is done', async t => {
  const turns = createTurns(wide);
  const entry = { camera: 'a', id: 'a1' };
  t.equal(turns.offer(entry), 'taken');
  t.equal(turns.offer(entry), 'known');
  turns.next();
  t.equal(turns.offer(entry), 'known');
  turns.done(entry);
  t.equal(turns.offer(entry), 'taken');
});

t.test(
  'one camera may have its limit of entries waiting and not one more, others are not hindered',
  async t => {
    const turns = createTurns({ perCamera: 2, total: 100 });
    t.equal(turns.offer({ camera: 'a', id: '1' }), 'taken');
    t.equal(turns.offer({ camera: 'a', id: '2' }), 'taken');
    t.equal(turns.offer({ camera: 'a', id: '3' }), 'full');
    t.equal(turns.offer({ camera: 'b', id: '1' }), 'taken');
  },
);

t.test('all cameras together may have the limit of entries waiting and not one more', async t => {
  const turns = createTurns({ perCamera: 100, total: 2 });
  t.equal(turns.offer({ camera: 'a', id: '1' }), 'taken');
  t.equal(turns.offer({ camera: 'b', id: '1' }), 'taken');
  t.equal(turns.offer({ camera: 'c', id: '1' }), 'full');
  const entry = turns.next();
  t.ok(entry && turns.done(entry), 'half of the places are free: the inbox is worth a look');
});

t.test('room is told when half of the camera that was refused is done, and once', async t => {
  const turns = createTurns({ perCamera: 4, total: 100 });
  for (const id of ['1', '2', '3', '4']) turns.offer({ camera: 'a', id });
  turns.offer({ camera: 'a', id: '5' });
  turns.offer({ camera: 'b', id: '1' });
  const told: boolean[] = [];
  for (let entry = turns.next(); entry; entry = turns.next()) told.push(turns.done(entry));
  // a1 (3 wait), b1, a2 (2 wait: half), a3, a4
  t.strictSame(told, [false, false, true, false, false]);
});

t.test('nothing is told when nothing was refused', async t => {
  const turns = createTurns({ perCamera: 1, total: 1 });
  const entry = { camera: 'a', id: '1' };
  turns.offer(entry);
  turns.next();
  t.equal(turns.done(entry), false);
});
