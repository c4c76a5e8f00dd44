import {
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { ballastBytes, isDiskFull, openBallast, scarceBytes } from '../../src/archive/ballast.ts';
import { openMarker } from '../../src/archive/marker.ts';
import { silentLog } from '../../src/base/log.ts';

const floor = 1000 * 1024 * 1024;
const enough = floor + 4 * ballastBytes;

async function ballasted(t: Test, stateDir = join(t.testdir({}), 'state')) {
  const dataDir = join(t.testdirName, 'data');
  const archiveId = await openMarker({ dataDir, stateDir });
  const file = join(dataDir, 'ballast');
  const ballast = openBallast({ dataDir, stateDir, archiveId, refusedBelowBytes: floor, log: silentLog() });
  return { dataDir, file, ballast, has: () => existsSync(file) };
}

t.test('it is made where there is room well above the floor, and given up where nothing is left', async t => {
  const { ballast, file, has } = await ballasted(t);
  t.equal(await ballast.tend(enough - 1), 'as-it-was');
  t.notOk(has());
  t.equal(await ballast.tend(enough), 'made');
  const { size, blocks, mode } = statSync(file);
  t.equal(size, ballastBytes);
  t.ok(blocks * 512 >= ballastBytes, 'it takes what it says');
  t.equal(mode & 0o777, 0o600);
  t.equal(await ballast.tend(enough), 'as-it-was');
  t.equal(await ballast.tend(scarceBytes), 'as-it-was');
  t.ok(has());
  t.equal(await ballast.tend(scarceBytes - 1), 'given-up');
  t.notOk(has());
  t.equal(await ballast.tend(scarceBytes - 1), 'as-it-was');
  await ballast.tend(enough);
  t.equal(await ballast.giveUp(), true);
  t.notOk(has());
  t.equal(await ballast.giveUp(), false);
});

t.test('what an interruption left of it is made whole, and counts when room is needed', async t => {
  const { ballast, file } = await ballasted(t);
  writeFileSync(file, 'begun');
  t.equal(await ballast.giveUp(), true);
  writeFileSync(file, 'begun');
  t.equal(await ballast.tend(enough), 'made');
  t.equal(statSync(file).size, ballastBytes);
});

t.test('what is asked at once is done one after the other', async t => {
  const { ballast, has } = await ballasted(t);
  t.same(
    await Promise.all([ballast.tend(enough), ballast.giveUp(), ballast.tend(enough), ballast.giveUp()]),
    ['made', true, 'made', true],
  );
  t.notOk(has());
});

t.test('what somebody else has called ballast is left alone', async t => {
  const { ballast, file } = await ballasted(t);
  mkdirSync(file);
  t.equal(await ballast.tend(enough), 'as-it-was');
  t.equal(await ballast.giveUp(), false);
  rmSync(file, { recursive: true });
  const precious = join(t.testdirName, 'precious');
  writeFileSync(precious, 'precious');
  symlinkSync(precious, file);
  t.equal(await ballast.tend(enough), 'as-it-was');
  t.equal(await ballast.giveUp(), false);
  t.ok(lstatSync(file).isSymbolicLink());
  t.equal(readFileSync(precious, 'utf8'), 'precious');
  rmSync(file);
  writeFileSync(file, '');
  truncateSync(file, ballastBytes + 1);
  t.equal(await ballast.giveUp(), false, 'a file that is larger');
});

t.test('before something is opened it goes only where next to nothing is left', async t => {
  const { ballast, dataDir, has } = await ballasted(t);
  await ballast.tend(enough);
  await ballast.giveUpIfScarce();
  t.ok(has(), 'there is room here');
  rmSync(dataDir, { recursive: true });
  await t.resolves(ballast.giveUpIfScarce(), 'a disk that is not there is for others to tell');
});

t.test('without the marker it is neither made nor removed', async t => {
  const { ballast, dataDir, has } = await ballasted(t);
  rmSync(join(dataDir, 'MARKER'));
  t.equal(await ballast.tend(enough), 'as-it-was');
  t.notOk(has());
  writeFileSync(join(dataDir, 'ballast'), 'x');
  t.equal(await ballast.giveUp(), false);
});

t.test('there is none where the catalogue lies on another file system', async t => {
  const elsewhere = '/dev/shm';
  const isOther = existsSync(elsewhere) && statSync(elsewhere).dev !== statSync(t.testdir({})).dev;
  if (!isOther) return t.comment('everything lies on one file system here');
  const stateDir = join(elsewhere, `clipward-ballast-${process.pid}`);
  t.teardown(() => rmSync(stateDir, { recursive: true, force: true }));
  const { ballast, has } = await ballasted(t, stateDir);
  t.equal(await ballast.tend(enough), 'as-it-was');
  t.notOk(has());
});

t.test('a full disk is known by its errors, also behind another one', t => {
  const coded = (code: string) => Object.assign(new Error(code), { code });
  for (const code of ['ENOSPC', 'EDQUOT', 'SQLITE_FULL']) t.ok(isDiskFull(coded(code)), code);
  t.ok(isDiskFull(new Error('later', { cause: coded('ENOSPC') })));
  for (const other of [coded('EIO'), coded('SQLITE_BUSY'), new Error('x'), undefined, null])
    t.notOk(isDiskFull(other));
  t.end();
});
