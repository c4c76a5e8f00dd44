// Passwords that are tried first. Not a measure of strength: what is found here is found by everybody, in minutes and over
// the network; what is not may still be poor. Those that Clipward makes are random.

/** What cameras come with, and what people type when they are asked for eight characters. In lower case. */
const tried: ReadonlySet<string> = new Set(
  [
    ...[
      '00000000',
      '11111111',
      '12341234',
      '123456789',
      '1234567890',
      '1q2w3e4r',
      '1qaz2wsx',
      '4321',
      '666666',
    ],
    ...['888888', '9999', '987654321', 'abc123', 'abcd1234', 'admin', 'admin123', 'admin1234', 'admin12345'],
    ...[
      'administrator',
      'asdfghjk',
      'axis',
      'camera',
      'camera123',
      'changeme',
      'changeme1',
      'dahua',
      'default',
    ],
    ...['foscam', 'ftp', 'ftpuser', 'guest', 'hik12345', 'hikvision', 'iloveyou', 'ipcam', 'jvc', 'letmein'],
    ...[
      'letmein1',
      'live555',
      'master',
      'meinsm',
      'microseven',
      'mobotix',
      'monkey123',
      'netcam',
      'ntvr',
      'onvif',
    ],
    ...[
      'p@ssw0rd',
      'pass',
      'passw0rd',
      'password',
      'password1',
      'password12',
      'password123',
      'passwort',
      'q1w2e3r4',
    ],
    ...[
      'qwer1234',
      'qwerty',
      'qwerty12',
      'qwerty123',
      'qwertyui',
      'qwertyuiop',
      'qwertz',
      'reolink',
      'reolink123',
    ],
    ...[
      'root',
      'root1234',
      'samsung',
      'secret',
      'secret123',
      'security',
      'sunshine',
      'supervisor',
      'system',
      'test',
    ],
    ...[
      'test1234',
      'tlJwpbo6',
      'topsecret',
      'ubnt',
      'upload',
      'user',
      'user1234',
      'vizxv',
      'welcome',
      'welcome1',
    ],
    ...['wbox123', 'xc3511', 'xmhdipc', 'zlxx.', 'zxcvbnm1'],
  ].map(password => password.toLowerCase()),
);

/** Whether it is among the first that anybody tries; `names`: of the account and the camera, which are tried too. */
export function isTriedFirst(password: string, names: readonly string[]): boolean {
  const text = password.toLowerCase();
  if (tried.has(text) || isRun(text) || new Set(text).size <= 2) return true;
  return names.some(name => isMadeOf(text, name.toLowerCase()));
}

/** `12345678`, `87654321`, `abcdefgh`: each character next to the one before. */
function isRun(text: string): boolean {
  const steps = new Set(
    Array.from(text.slice(1), (character, at) => character.charCodeAt(0) - text.charCodeAt(at)),
  );
  return steps.size === 1 && (steps.has(1) || steps.has(-1));
}

/** `front-door`, `frontdoor1`, `front-door2026!`, `front-doorfront-door`: the name, and no more than a few digits and signs. */
function isMadeOf(text: string, name: string): boolean {
  return [name, name.replaceAll('-', '')].some(
    each => each.length >= 3 && text.includes(each) && /^[\d!._@#$-]{0,5}$/.test(text.replaceAll(each, '')),
  );
}
