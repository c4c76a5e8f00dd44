import t from 'tap';
import {
  generatePassword,
  hashOfNobody,
  hashPassword,
  isAcceptablePassword,
  matchesHash,
  passwordWarnings,
} from '../../src/access/password-hash.ts';

t.test('a generated password has 20 letters and digits that nobody mistakes for each other', async t => {
  const passwords = Array.from({ length: 500 }, generatePassword);
  for (const password of passwords) {
    if (!/^[2-9A-HJ-NP-Za-km-z]{20}$/.test(password)) t.fail(`${password} has the wrong form`);
    if (!isAcceptablePassword(password)) t.fail(`${password} is not acceptable`);
  }
  t.equal(new Set(passwords).size, 500);
  const characters = new Set(passwords.join(''));
  t.equal(characters.size, 57, 'every character of the alphabet occurs');
  t.same(passwordWarnings(passwords[0] ?? ''), []);
});

t.test('a password given by a person has 8 to 127 printable ASCII characters', async t => {
  t.notOk(isAcceptablePassword('a'.repeat(7)));
  t.ok(isAcceptablePassword('a'.repeat(8)));
  t.ok(isAcceptablePassword('a'.repeat(127)));
  t.notOk(isAcceptablePassword('a'.repeat(128)));
  t.ok(isAcceptablePassword(' ~!"with space'));
  for (const bad of ['tab\tinside', 'line\nfeed1', 'umlaut-ä1', 'nul\0inside', 'del\x7finside', ''])
    t.notOk(isAcceptablePassword(bad), JSON.stringify(bad));
});

t.test('a symbol and a length that some cameras do not take are warned about', async t => {
  t.match(passwordWarnings('abc-defgh'), [/symbol/]);
  t.same(passwordWarnings('a'.repeat(31)), []);
  t.match(passwordWarnings('a'.repeat(32)), [/longer than 31/]);
});

t.test('a hash is salted scrypt with its cost in it, and only its own password has it', async t => {
  const [first, second] = await Promise.all([hashPassword('correct horse'), hashPassword('correct horse')]);
  t.match(first, /^\$scrypt\$ln=15,r=8,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
  t.not(first, second);
  t.equal(await matchesHash('correct horse', first), true);
  t.equal(await matchesHash('correct horse ', first), false);
  t.equal(await matchesHash('', hashOfNobody), false);
});

t.test('a hash that is none or asks for too much work is refused', async t => {
  const tail = `$${'A'.repeat(22)}$${'A'.repeat(43)}`;
  for (const bad of ['', 'plain', `$scrypt$ln=18,r=8,p=1${tail}`, `$scrypt$ln=15,r=9,p=1${tail}`, '$2b$10$x'])
    await t.rejects(matchesHash('x', bad), { message: /cannot read/ });
});
