import t from 'tap';
import { seededRandom } from '../domain/seeded-random.ts';
import { cutOutcomes, makeVolatileImage, sectorBytes } from './volatile-image.ts';

const sectors = 32;
const filled = (letter: string, length = sectorBytes) => Buffer.alloc(length, letter);
const letterAt = (image: ReturnType<typeof makeVolatileImage>, sector: number) =>
  image.read(sector * sectorBytes, 1).toString('latin1');

t.test('what was flushed survives every cut', t => {
  for (const outcome of cutOutcomes) {
    const image = makeVolatileImage(sectors * sectorBytes);
    image.write(0, filled('a', image.bytes));
    image.flush();
    t.equal(image.flushes(), 1);
    t.same(image.cut(outcome, seededRandom(1)), { pending: 0, kept: 0 });
    t.ok(image.read(0, image.bytes).equals(filled('a', image.bytes)), outcome);
  }
  t.end();
});

t.test('what was written since survives as asked', t => {
  const survivors = (outcome: (typeof cutOutcomes)[number]) => {
    const image = makeVolatileImage(sectors * sectorBytes);
    image.write(0, filled('a', image.bytes));
    image.flush();
    for (let sector = 0; sector < sectors; sector++) image.write(sector * sectorBytes, filled('b'));
    t.equal(letterAt(image, 0), 'b', 'it is read as it was written while there is power');
    const { pending, kept } = image.cut(outcome, seededRandom(3));
    t.equal(pending, sectors);
    const letters = Array.from({ length: sectors }, (_, sector) => letterAt(image, sector)).join('');
    t.equal(letters.replaceAll('a', '').length, kept);
    return letters;
  };
  t.equal(survivors('none'), 'a'.repeat(sectors));
  t.equal(survivors('all'), 'b'.repeat(sectors));
  t.match(survivors('some'), /a.*b.*a.*b/);
  t.match(survivors('earliest'), /^b+a+$/);
  t.end();
});

t.test('a write is lost in whole sectors, wherever it begins', t => {
  const image = makeVolatileImage(sectors * sectorBytes);
  const at = sectorBytes - 1;
  image.write(at, filled('b', sectorBytes + 2));
  t.equal(image.cut('all', seededRandom(1)).pending, 3);
  t.equal(image.read(at - 1, sectorBytes + 4).toString('latin1'), `\0${'b'.repeat(sectorBytes + 2)}\0`);
  image.write(0, filled('c'));
  image.write(0, filled('d', sectorBytes + 1));
  t.same(image.cut('none', seededRandom(1)), { pending: 3, kept: 0 });
  t.equal(letterAt(image, 0), '\0', 'the second of two writes is not kept for the first');
  t.end();
});
