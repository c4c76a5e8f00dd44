import t from 'tap';
import { isTriedFirst } from '../../src/domain/weak-password.ts';

t.test('what cameras come with and people type first is found, in any case', async t => {
  for (const password of [
    'admin',
    'ADMIN123',
    'Password1',
    '12345678',
    '987654321',
    '87654321',
    'abcdefgh',
    'hik12345',
  ])
    t.equal(isTriedFirst(password, []), true, password);
  for (const password of ['aaaaaaaa', '00000000', 'abababab'])
    t.equal(isTriedFirst(password, []), true, password);
});

t.test('the name of the camera, with some digits and signs, is found', async t => {
  const names = ['front-door', 'operator', ''];
  for (const password of [
    'front-door',
    'FrontDoor',
    'frontdoor2026',
    '!front-door1',
    'front-doorfront-door',
    'operator123',
  ])
    t.equal(isTriedFirst(password, names), true, password);
  for (const password of ['front-door-of-the-mill', 'frontdoor202611', 'opera2026'])
    t.equal(isTriedFirst(password, names), false, password);
  t.equal(isTriedFirst('a1b2c3d4', ['a1']), false, 'a short name is in many words');
});

t.test('a password that is made here, or a sentence, is not', async t => {
  for (const password of ['Rk7tQ2mXw9LdVb4NsJ8y', 'correct horse battery', '13579246', 'abc', 'x'])
    t.equal(isTriedFirst(password, ['yard']), password === 'abc' || password === 'x', password);
});
