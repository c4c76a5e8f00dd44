// The clients that people and cameras use, as they are, against both listeners: curl (libcurl is in many cameras), lftp and
// Python's ftplib (handshake after 150), basic-ftp (handshake before STOR).

import { execFile, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Client } from 'basic-ftp';
import t from 'tap';
import { account, startTestReceiver } from '../support/receiver.ts';

const run = promisify(execFile);
const clientTimeoutMs = 60_000;
const { user, password } = account;

type Upload = (at: {
  mode: 'explicit' | 'implicit';
  port: number;
  file: string;
  name: string;
}) => Promise<unknown>;

const curl: Upload = ({ mode, port, file, name }) => {
  const url = `${mode === 'explicit' ? 'ftp' : 'ftps'}://127.0.0.1:${port}/${name}`;
  const tls = mode === 'explicit' ? ['--ssl-reqd'] : [];
  const common = ['-sS', '-k', '--ftp-create-dirs', '-u', `${user}:${password}`, '-T', file, url];
  return run('curl', [...tls, ...common], { timeout: clientTimeoutMs });
};

const lftp: Upload = ({ mode, port, file, name }) => {
  const url = `${mode === 'explicit' ? 'ftp' : 'ftps'}://127.0.0.1:${port}`;
  const script = [
    'set ssl:verify-certificate no',
    'set ftp:ssl-force yes',
    'set ftp:ssl-protect-data yes',
    'set net:max-retries 1',
    'set cmd:fail-exit yes',
    `open -u ${user},${password} ${url}`,
    `put ${file} -o ${name}`,
  ];
  return run('lftp', ['--norc', '-c', script.join('; ')], { timeout: clientTimeoutMs });
};

const ftplibScript = `
import ftplib, ssl, sys
mode, port, file, name, user, password = sys.argv[1:7]
context = ssl._create_unverified_context()
class Implicit(ftplib.FTP_TLS):
    _sock = None
    @property
    def sock(self):
        return self._sock
    @sock.setter
    def sock(self, value):
        if value is not None and not isinstance(value, ssl.SSLSocket):
            value = self.context.wrap_socket(value)
        self._sock = value
ftp = (Implicit if mode == 'implicit' else ftplib.FTP_TLS)(context=context)
ftp.connect('127.0.0.1', int(port), timeout=30)
ftp.login(user, password)
ftp.prot_p()
with open(file, 'rb') as f:
    ftp.storbinary('STOR ' + name, f)
ftp.quit()
`;
const ftplib: Upload = ({ mode, port, file, name }) =>
  run('python3', ['-c', ftplibScript, mode, String(port), file, name, user, password], {
    timeout: clientTimeoutMs,
  });

const basicFtp: Upload = async ({ mode, port, file, name }) => {
  const client = new Client(clientTimeoutMs);
  try {
    await client.access({
      host: '127.0.0.1',
      port,
      user,
      password,
      secure: mode === 'implicit' ? 'implicit' : true,
      secureOptions: { rejectUnauthorized: false },
    });
    await client.uploadFrom(file, name);
  } finally {
    client.close();
  }
};

const clients: Record<string, { upload: Upload; program: string | null }> = {
  curl: { upload: curl, program: 'curl' },
  lftp: { upload: lftp, program: 'lftp' },
  ftplib: { upload: ftplib, program: 'python3' },
  'basic-ftp': { upload: basicFtp, program: null },
};

for (const [name, { upload, program }] of Object.entries(clients)) {
  const isMissing = program !== null && spawnSync(program, ['--version']).error !== undefined;
  for (const mode of ['explicit', 'implicit'] as const) {
    const skip = isMissing ? `${program} is not installed` : false;
    t.test(`${name} uploads over the ${mode} port, alone and eight at once`, { skip }, async t => {
      const server = await startTestReceiver();
      const directory = mkdtempSync(join(tmpdir(), 'clipward-interop-'));
      t.teardown(async () => {
        await server.stop();
        rmSync(directory, { recursive: true, force: true });
      });
      const port = mode === 'explicit' ? server.explicitPort : server.implicitPort;
      const files = Array.from({ length: 25 }, (_, index) => {
        const file = join(directory, `clip-${index}.bin`);
        const bytes = randomBytes(index === 0 ? 5_000_000 : 10_000 + index * 17);
        writeFileSync(file, bytes);
        return { file, bytes, name: `clip-${index}.bin` };
      });
      const [first, ...rest] = files as [(typeof files)[0], ...typeof files];
      await upload({ mode, port, ...first });
      for (let start = 0; start < rest.length; start += 8) {
        await Promise.all(rest.slice(start, start + 8).map(each => upload({ mode, port, ...each })));
      }
      const stored = new Map(server.inbox().map(({ receipt, media }) => [receipt.path, { receipt, media }]));
      t.equal(stored.size, files.length);
      for (const each of files) {
        const entry = stored.get(each.name);
        t.ok(entry?.media.equals(each.bytes), `${each.name} is as it was sent`);
        t.equal(entry?.receipt.completeness, 'whole');
      }
      t.equal(server.receiver.leasedPorts(), 0, 'no passive port is left');
    });
  }
}
