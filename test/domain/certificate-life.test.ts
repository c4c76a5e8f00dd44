import t from 'tap';
import { certificateLife, daysLeft } from '../../src/domain/certificate-life.ts';

const dayMs = 86_400_000;

t.test('a certificate is early, lasting, ending for two weeks, and ended', async t => {
  const validity = { notBeforeAt: 1000, notAfterAt: 1000 + 90 * dayMs };
  const at = (nowMs: number) => certificateLife(validity, nowMs);
  t.equal(at(999), 'early');
  t.equal(at(1000), 'lasting');
  t.equal(at(validity.notAfterAt - 14 * dayMs - 1), 'lasting');
  t.equal(at(validity.notAfterAt - 14 * dayMs), 'ending');
  t.equal(at(validity.notAfterAt - 1), 'ending');
  t.equal(at(validity.notAfterAt), 'ended');
});

t.test('one that is made for six days is ending in its last two', async t => {
  const validity = { notBeforeAt: 0, notAfterAt: 6 * dayMs };
  t.equal(certificateLife(validity, 4 * dayMs - 1), 'lasting');
  t.equal(certificateLife(validity, 4 * dayMs), 'ending');
});

t.test('days that are left are whole ones, and never below none', async t => {
  const validity = { notBeforeAt: 0, notAfterAt: 10 * dayMs };
  t.equal(daysLeft(validity, 8 * dayMs), 2);
  t.equal(daysLeft(validity, 8 * dayMs + 1), 1);
  t.equal(daysLeft(validity, 11 * dayMs), 0);
});
