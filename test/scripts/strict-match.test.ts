import t from 'tap';

t.test('an array matches one of its own length only', async t => {
  for (const [found, pattern] of [
    [[1], []],
    [{ deleted: ['a'] }, { deleted: [] }],
    [[{ id: 1 }, { id: 2 }], [{ id: 1 }]],
    [['ab', 'cd'], [/a/]],
    [[1], [1, 2]],
  ])
    t.notMatch(found, pattern);
  for (const [found, pattern] of [
    [[], []],
    [{ deleted: [], spared: 1 }, { deleted: [] }],
    [
      [{ id: 1, more: 2 }, { id: 2 }],
      [{ id: 1 }, { id: Number }],
    ],
    [['ab'], Array],
  ])
    t.match(found, pattern);
});
