import t from 'tap';
import { recordedArchive } from './recorded-archive.ts';

t.test('no more than a day is one file', async t => {
  const archive = await recordedArchive(t);
  const dayS = 24 * 3600;
  t.equal(await archive.export(0, dayS), undefined, 'there is no footage');
  await t.rejects(archive.export(0, dayS + 0.001), { name: 'FailedError', message: /24 hours/ });
});
