import t from 'tap';
import {
  depthOf,
  maxDepth,
  maxSentPathLength,
  nameOf,
  parentOf,
  resolveVirtualPath,
} from '../../src/domain/virtual-path.ts';
import { seededRandom } from './seeded-random.ts';

const resolved = (workingDirectory: string, argument: string): string => {
  const result = resolveVirtualPath(workingDirectory, argument);
  return 'path' in result ? result.path : `refused: ${result.refused}`;
};

t.test('absolute and relative names resolve to a path without a leading slash', async t => {
  t.equal(resolved('', 'a.mp4'), 'a.mp4');
  t.equal(resolved('2026/09', 'a.mp4'), '2026/09/a.mp4');
  t.equal(resolved('/2026/09', 'a.mp4'), '2026/09/a.mp4');
  t.equal(resolved('2026/09', '/a.mp4'), 'a.mp4');
  t.equal(resolved('2026/09', '//dir//b.mp4'), 'dir/b.mp4');
  t.equal(resolved('2026', './09/./b.mp4'), '2026/09/b.mp4');
  t.equal(resolved('2026', '09/'), '2026/09');
  for (const root of ['', '/', '//', '.', './', '/.', '..', '../..'])
    t.equal(resolved('', root), '', `${JSON.stringify(root)} is the root`);
  t.equal(resolved('2026', ''), '2026');
});

t.test('[37, 38] dots never lead outside the root', async t => {
  t.equal(resolved('a', '../../x'), 'x');
  t.equal(resolved('a', '/../../x'), 'x');
  t.equal(resolved('', 'a/../../b'), 'b');
  t.equal(resolved('a/b', '../../..'), '');
  t.equal(resolved('a/b', '..'), 'a');
  t.equal(resolved('', '%2e%2e'), '%2e%2e', 'FTP has no percent encoding: a name like others');
  for (const name of ['..\\..\\x', 'a/..\\x', '....//', '.../x', 'x/.. '])
    t.match(resolved('', name), /^refused: /, name);
});

t.test(
  '[40, 41] drive letters, shares, dot-files and control characters are refused without an echo',
  async t => {
    for (const name of [
      'C:\\x',
      '\\\\host\\x',
      '.htaccess',
      '..name',
      'a/.hidden/b.mp4',
      'a\u0000b',
      'a\rb',
      'a\nb',
      'a\u001bb',
      'a\u007fb',
      'a\u0085b',
      'a\ud800b',
      '\udc00',
    ]) {
      const result = resolveVirtualPath('', name);
      if (!('refused' in result)) return t.fail(`${JSON.stringify(name)} was let in`);
      t.notOk(result.refused.includes(name), 'the reason does not repeat the name');
    }
  },
);

t.test('[40] a component may have 255 bytes and not 256, counted in UTF-8', async t => {
  for (const bytes of [254, 255]) {
    t.equal(resolved('', 'x'.repeat(bytes)), 'x'.repeat(bytes));
    t.equal(resolved('', `${'é'.repeat(127)}${'x'.repeat(bytes - 254)}`).length, bytes - 127);
  }
  t.equal(resolved('', 'x'.repeat(256)), 'refused: name too long');
  t.equal(resolved('', 'é'.repeat(128)), 'refused: name too long');
});

t.test('[40] a path may be 16 deep and not 17, the working directory included', async t => {
  const deep = (depth: number) => Array(depth).fill('d').join('/');
  for (const depth of [maxDepth - 1, maxDepth]) t.equal(resolved('', deep(depth)), deep(depth));
  t.equal(resolved('', deep(maxDepth + 1)), 'refused: too many directories');
  t.equal(resolved(deep(maxDepth - 1), 'x'), `${deep(maxDepth - 1)}/x`);
  t.equal(resolved(deep(maxDepth), 'x'), 'refused: too many directories');
  t.equal(resolved(deep(maxDepth), '../x'), `${deep(maxDepth - 1)}/x`);
  t.equal(resolved('', `${'d/../'.repeat(100)}x`), 'x', 'only the result counts');
});

t.test(
  '4096 characters may be sent and not 4097, and the longest path that the other rules allow is shorter',
  async t => {
    const sixteen = (last: number) =>
      [...Array<string>(15).fill('x'.repeat(255)), 'x'.repeat(last)].join('/');
    t.equal(resolved('', sixteen(255)).length, maxSentPathLength - 1);
    t.equal(resolved('', `/${sixteen(255)}`).length, maxSentPathLength - 1, '4096 sent');
    t.equal(resolved('', `//${sixteen(255)}`), 'refused: path too long', '4097 sent');
  },
);

t.test('[49] what cameras call their files survives as it was sent', async t => {
  for (const name of [
    '2026/09/27/Den_00_20260927140301.mp4',
    '2019-05-09/001/dav/21/21.04.49-21.05.14[M][0@0][0].mp4',
    'Front Door_00_20260927140301.jpg',
    ' leading and trailing ',
    'say "cheese".jpg',
    "it's.jpg",
    '前门/前门_20260927140301.mp4',
    'Caf\u00e9.mp4',
    'Cafe\u0301.mp4',
    '-rf',
    '~root',
    '*',
    '{a,b}',
    'C:',
    '$(id)',
    '😀.jpg',
  ])
    t.equal(resolved('', name), name);
});

t.test('parent, name and depth of a path', async t => {
  t.strictSame([parentOf('a/b/c'), nameOf('a/b/c'), depthOf('a/b/c')], ['a/b', 'c', 3]);
  t.strictSame([parentOf('c'), nameOf('c'), depthOf('c')], ['', 'c', 1]);
  t.strictSame([parentOf(''), nameOf(''), depthOf('')], ['', '', 0]);
});

t.test('whatever is sent, the result is refused or resolves to itself', async t => {
  const random = seededRandom(37);
  const pieces = [
    '..',
    '.',
    '/',
    '//',
    'a',
    '\\',
    '...',
    '%2e',
    '\u0007',
    'ä',
    '\ud800',
    ' ',
    '.x',
    'dir',
    '[M]',
  ];
  let accepted = 0;
  for (let round = 0; round < 20_000; round += 1) {
    const make = () => Array.from({ length: random(8) }, () => pieces[random(pieces.length)]).join('');
    const result = resolveVirtualPath('base/dir', make());
    if ('refused' in result) continue;
    accepted += 1;
    const components = result.path === '' ? [] : result.path.split('/');
    if (
      components.some(component => component === '' || component.startsWith('.') || component.includes('\\'))
    )
      return t.fail(JSON.stringify(result.path));
    if (resolved('', result.path) !== result.path) return t.fail(`${result.path} does not resolve to itself`);
    if (components.length > 0 && resolved(parentOf(result.path), nameOf(result.path)) !== result.path)
      return t.fail(`${result.path} is not its parent and its name`);
  }
  t.ok(accepted > 4000, 'enough of them were accepted for this to mean something');
});
