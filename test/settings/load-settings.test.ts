import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import t, { type Test } from 'tap';
import { SettingsError } from '../../src/base/errors.ts';
import { formatNetwork } from '../../src/domain/networks.ts';
import { keysInFile, loadSettings } from '../../src/settings/load-settings.ts';

/** A project directory of its own, and a file in it that is named with `--config`. */
function project(t: Test) {
  const root = t.testdir({ config: {}, elsewhere: {} });
  const file = join(root, 'elsewhere', 'mine.yaml');
  const load = (text: string | Buffer) => {
    writeFileSync(file, text);
    return loadSettings({ file, environment: {}, projectRoot: root });
  };
  return { root, file, load };
}

/** The one sentence that loading this text ends with; `FILE` stands for the path. */
function sentence(t: Test, text: string | Buffer): string {
  const { file, load } = project(t);
  try {
    load(text);
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    t.notMatch(error.message, '\n', 'one line');
    return error.message.replaceAll(file, 'FILE');
  }
  return 'no error';
}

t.test('without a file the defaults hold, in the directory of the project', async t => {
  const root = t.testdir();
  const settings = loadSettings({ environment: {}, projectRoot: root });
  t.match(settings, {
    file: null,
    dataDir: join(root, 'data'),
    stateDir: join(root, 'state'),
    certsDir: join(root, 'certs'),
    ftps: {
      explicit: { enabled: true, host: '::', port: 2121 },
      implicit: { enabled: true, host: '::', port: 2990 },
      passive: { address: null, minPort: 30000, maxPort: 30099 },
    },
  });
  t.same(
    settings.ftps.allowedNetworks.map(formatNetwork).filter(each => !/^(10|172|192|169|f)/.test(each)),
    ['127.0.0.0/8', '::1'],
  );
});

t.test('the first of --config, CLIPWARD_CONFIG and config/clipward.yaml is used', async t => {
  const { root } = project(t);
  const named = (name: string, level: string) => {
    const file = join(root, name);
    writeFileSync(file, `log: { level: ${level} }\n`);
    return file;
  };
  const option = named('option.yaml', 'trace');
  const variable = named('variable.yaml', 'debug');
  const own = named('config/clipward.yaml', 'warn');
  const environment = { CLIPWARD_CONFIG: variable };
  t.match(loadSettings({ file: option, environment, projectRoot: root }), {
    file: option,
    log: { level: 'trace' },
  });
  t.match(loadSettings({ environment, projectRoot: root }), { file: variable, log: { level: 'debug' } });
  t.match(loadSettings({ environment: {}, projectRoot: root }), { file: own, log: { level: 'warn' } });
  t.match(loadSettings({ environment: { CLIPWARD_CONFIG: '' }, projectRoot: root }), { file: own });
});

t.test('a file that is named must be there, also when another one would do', async t => {
  const { root } = project(t);
  writeFileSync(join(root, 'config', 'clipward.yaml'), '');
  const file = join(root, 'missing.yaml');
  const expected = {
    name: 'SettingsError',
    message: `${file} cannot be read (ENOENT): name an existing settings file that this user may read.`,
  };
  t.throws(() => loadSettings({ file, environment: {}, projectRoot: root }), expected);
  t.throws(() => loadSettings({ environment: { CLIPWARD_CONFIG: file }, projectRoot: root }), expected);
  t.throws(
    () => loadSettings({ file: root, environment: {}, projectRoot: root }),
    /cannot be read \(EISDIR\)/,
  );
});

t.test(
  'a file that may not be read is told in a sentence',
  { skip: process.geteuid?.() === 0 && 'root reads all' },
  async t => {
    const { root, file } = project(t);
    writeFileSync(file, '');
    chmodSync(file, 0);
    t.throws(() => loadSettings({ file, environment: {}, projectRoot: root }), /cannot be read \(EACCES\)/);
  },
);

t.test('paths in a file are relative to it, wherever a command is run', async t => {
  const { root, load } = project(t);
  const before = process.cwd();
  t.teardown(() => process.chdir(before));
  process.chdir(tmpdir());
  t.match(load('dataDir: media\nstateDir: ../s\ncertsDir: /srv/certs\n'), {
    dataDir: join(root, 'elsewhere', 'media'),
    stateDir: join(root, 's'),
    certsDir: '/srv/certs',
  });
  t.match(load(''), {
    dataDir: join(root, 'elsewhere', 'data'),
    stateDir: join(root, 'elsewhere', 'state'),
    certsDir: join(root, 'elsewhere', 'certs'),
  });
  t.match(load('dataDir: /srv/media/clips\n'), { dataDir: '/srv/media/clips', stateDir: '/srv/media/state' });
  const named = relative(process.cwd(), join(root, 'elsewhere', 'mine.yaml'));
  t.match(loadSettings({ file: named, environment: {}, projectRoot: root }), {
    file: join(root, 'elsewhere', 'mine.yaml'),
  });
});

t.test('a first setting in config/clipward.yaml does not move the archive', async t => {
  const { root } = project(t);
  const without = loadSettings({ environment: {}, projectRoot: root });
  writeFileSync(join(root, 'config', 'clipward.yaml'), 'log: { level: debug }\n');
  const { dataDir, stateDir, certsDir } = loadSettings({ environment: {}, projectRoot: root });
  t.same(
    { dataDir, stateDir, certsDir },
    { dataDir: without.dataDir, stateDir: without.stateDir, certsDir: without.certsDir },
  );
  writeFileSync(join(root, 'config', 'clipward.yaml'), 'dataDir: ./media\n');
  t.match(loadSettings({ environment: {}, projectRoot: root }), { dataDir: join(root, 'config', 'media') });
});

t.test('an empty file, or one that is all comments, asks for the defaults', async t => {
  const { load } = project(t);
  for (const text of ['', '# nothing\n', '---\n', '{}\n'])
    t.match(load(text), { log: { level: 'info' } }, text);
});

t.test('an unknown key is refused with the nearest one', async t => {
  const cases: [string, string][] = [
    ['datadir: ./x', 'datadir in FILE is not a setting, did you mean dataDir:'],
    ['ftps: { explict: { port: 1 } }', 'ftps.explict in FILE is not a setting, did you mean ftps.explicit:'],
    [
      'ftps: { limits: { maxConections: 1 } }',
      'ftps.limits.maxConections in FILE is not a setting, did you mean ftps.limits.maxConnections:',
    ],
    [
      'idleTimeoutMs: 5000',
      'idleTimeoutMs in FILE is not a setting, did you mean ftps.limits.idleTimeoutMs:',
    ],
    ['zzzzzzzzzzzzzzzz: 1', 'zzzzzzzzzzzzzzzz in FILE is not a setting: see'],
    ['__proto__: { dataDir: x }', '__proto__ in FILE is not a setting'],
  ];
  for (const [text, expected] of cases) t.equal(sentence(t, text).slice(0, expected.length), expected, text);
});

t.test('a wrong value is told with its key, what was expected, and what is there', async t => {
  const cases: [string, string][] = [
    ['dataDir: 7', 'dataDir must be a text, FILE says 7.'],
    ['dataDir: ""', 'dataDir must be a text that is not empty, FILE says "".'],
    ['ftps: 5', 'ftps must be a section with settings in it, FILE says 5.'],
    ['ftps:', 'ftps must be a section with settings in it, FILE says null.'],
    ['- ftps', 'The file must be a section with settings in it, FILE says ["ftps"].'],
    ['nonsense', 'The file must be a section with settings in it, FILE says "nonsense".'],
    [
      'ftps: { explicit: { enabled: "yes" } }',
      'ftps.explicit.enabled must be true or false, FILE says "yes".',
    ],
    [
      'ftps: { tls: { minVersion: TLSv1.1 } }',
      'ftps.tls.minVersion must be one of TLSv1.2, TLSv1.3, FILE says "TLSv1.1".',
    ],
    [
      'ftps: { tls: { truncation: lax } }',
      'ftps.tls.truncation must be one of container, strict, FILE says "lax".',
    ],
    [
      'log: { level: loud }',
      'log.level must be one of trace, debug, info, warn, error, fatal, silent, FILE says "loud".',
    ],
    ['ftps: { passive: { address: 5 } }', 'ftps.passive.address must be a text, FILE says 5.'],
    [
      'ftps: { allowedNetworks: 10.0.0.0/8 }',
      'ftps.allowedNetworks must be a list of networks, FILE says "10.0.0.0/8".',
    ],
    [
      `dataDir: [${'long, '.repeat(40)}]`,
      `dataDir must be a text, FILE says ${JSON.stringify(Array(40).fill('long')).slice(0, 77)}....`,
    ],
  ];
  for (const [text, expected] of cases) t.equal(sentence(t, text), expected, text);
});

t.test('one malformed network refuses the whole file: a list is never shortened', async t => {
  const networks = (list: string) => `ftps: { allowedNetworks: [127.0.0.0/8, ${list}] }`;
  for (const bad of [
    '"10.0.0.0/33"',
    '"10.0.0.1/8"',
    '"::1/129"',
    '"10.0.0"',
    '"0.0.0.0/"',
    '""',
    '"any"',
    '7',
    'null',
  ])
    t.match(
      sentence(t, networks(bad)),
      /^ftps\.allowedNetworks\.1 must be an address or a network like .*, FILE says .*\.$/,
      bad,
    );
  const { load } = project(t);
  t.same(load(networks('"fd00::/8", 192.0.2.7')).ftps.allowedNetworks.map(formatNetwork), [
    '127.0.0.0/8',
    'fd00::/8',
    '192.0.2.7',
  ]);
  t.same(load('ftps: { allowedNetworks: [] }').ftps.allowedNetworks, [], 'an empty list allows nobody');
});

t.test('what is no YAML is told with its line', async t => {
  t.match(sentence(t, 'dataDir: ./x\nftps: [1,\n'), /^FILE line \d is no valid YAML: .*\.$/);
  t.match(
    sentence(t, 'dataDir: a\nlog:\n  level: info\ndataDir: b\n'),
    /^FILE line 4 is no valid YAML: a key stands there twice\.$/,
  );
  t.match(sentence(t, 'dataDir: !!binary abc\n'), /FILE/);
  t.match(
    sentence(t, 'log: &a { level: info }\nftps: *a\n'),
    /^FILE has an alias \(\*name\) in it: write the value out/,
  );
  t.match(
    sentence(t, `a: "${'x'.repeat(1024 * 1024)}"`),
    /^FILE is larger than a settings file can be: expected at most 1 MiB/,
  );
});

t.test('a file of exactly the largest size is read, one byte more is not', async t => {
  const { load } = project(t);
  const padded = (bytes: number) => `#${'x'.repeat(bytes - 1)}`;
  t.match(load(padded(1024 * 1024)), { log: { level: 'info' } });
  t.throws(() => load(padded(1024 * 1024 + 1)), /larger than a settings file can be/);
});

t.test('it is known which keys a file sets', async t => {
  const { file, load } = project(t);
  load('log: { level: info }\nftps: { passive: { address: null } }\n');
  t.same([...keysInFile(file)].sort(), ['ftps.passive.address', 'log.level']);
});

t.test('the directory beside dataDir holds the state unless the file says otherwise', async t => {
  const { root } = project(t);
  mkdirSync(join(root, 'deep'));
  const file = join(root, 'deep', 'clipward.yaml');
  writeFileSync(file, 'dataDir: ../media/clips\n');
  t.equal(loadSettings({ file, environment: {}, projectRoot: root }).stateDir, join(root, 'media', 'state'));
});
