// What a program under Landlock and its filter gets of sockets, as the kernel says it.

import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { promisify } from 'node:util';
import t from 'tap';
import { landlockPrefix } from '../../src/media/landlock.ts';
import { socketFilter } from '../../src/media/socket-filter.ts';

const perl = '/usr/bin/perl';
/** Numbers of this machine; the same as in the kernel's tables, not taken from the filter. */
const calls =
  process.arch === 'x64'
    ? { socket: 41, sendto: 44, sendmsg: 46, sendmmsg: 307 }
    : { socket: 198, sendto: 206, sendmsg: 211, sendmmsg: 269 };
/** EACCES. */
const acces = 13;

/** Each line: a name and a system call. Answers `name errno`, 0 when it was done. */
async function tried(attempts: Readonly<Record<string, string>>, prefix: readonly string[], port = 9) {
  const head = `my $room = "\\0" x 128; my $address = pack('SnC4x8', 2, ${port}, 127, 0, 0, 1);`;
  const script = Object.entries(attempts)
    .map(([name, call]) => `$! = 0; syscall(${call}); print "${name} ", $! + 0, "\\n";`)
    .join('\n');
  // By standard input: with -e, perl opens /dev/null, which it may not.
  const [program = perl, ...args] = [...prefix, perl, '-'];
  const running = promisify(execFile)(program, args, { cwd: '/' });
  running.child.stdin?.end(`${head}\n${script}`);
  const { stdout } = await running;
  return Object.fromEntries(
    stdout
      .trim()
      .split('\n')
      .map(line => line.split(' ') as [string, string])
      .map(([name, errno]) => [name, Number(errno)]),
  );
}

/** AF_INET 2, AF_INET6 10, AF_UNIX 1, AF_NETLINK 16, AF_PACKET 17; SOCK_CLOEXEC 0x80000. */
const sockets = {
  udp: `${calls.socket}, 2, 2, 0`,
  raw: `${calls.socket}, 2, 3, 1`,
  ipv6: `${calls.socket}, 10, 1, 0`,
  unix: `${calls.socket}, 1, 1, 0`,
  netlink: `${calls.socket}, 16, 3, 0`,
  packet: `${calls.socket}, 17, 3, 0`,
  sctp: `${calls.socket}, 2, 1, 132`,
  mptcp: `${calls.socket}, 2, 1, 262`,
  udpByOtherBits: `${calls.socket}, 2, 0x80802, 0`,
};
const ring = { ioUring: '425, 1, $room' };
const tcp = {
  tcp: `${calls.socket}, 2, 1, 0`,
  tcpByName: `${calls.socket}, 2, 1, 6`,
  tcpWithBits: `${calls.socket}, 2, 0x80801, 0`,
};
const refused = (attempts: object) => Object.fromEntries(Object.keys(attempts).map(name => [name, acces]));
const done = (attempts: object) => Object.fromEntries(Object.keys(attempts).map(name => [name, 0]));

const prefix = (options: Parameters<typeof landlockPrefix>[1]) =>
  landlockPrefix(perl, { ...options, isOptional: true }) ?? [];
const skip = prefix({}).length > 0 ? false : 'there is no filter for this processor';

t.test('with a port, TCP over IPv4 is left, and nothing else', { skip }, async t => {
  const all = { ...sockets, ...ring, ...tcp };
  t.same(await tried(all, prefix({ connectPort: 9 })), { ...refused({ ...sockets, ...ring }), ...done(tcp) });
});

t.test('without a port, there is no socket', { skip }, async t => {
  const all = { ...sockets, ...ring, ...tcp };
  t.same(await tried(all, prefix({})), refused(all));
});

t.test('without the filter there are more, so that these tests can fail', { skip }, async t => {
  const { udp, ipv6, unix, tcp: plain } = await tried({ ...sockets, ...tcp }, ['/usr/bin/env']);
  t.not(udp, acces);
  t.not(ipv6, acces);
  t.same({ unix, plain }, { unix: 0, plain: 0 });
});

t.test('nobody is connected to by sending', { skip }, async t => {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  const { port } = server.address() as { port: number };
  const fastOpen = 0x20000000;
  const by = {
    sendto: `${calls.sendto}, 99, $room, 1, ${fastOpen}, $address, 16`,
    sendmsg: `${calls.sendmsg}, 99, $room, ${fastOpen}`,
    sendmmsg: `${calls.sendmmsg}, 99, $room, 1, ${fastOpen}`,
  };
  t.same(await tried(by, prefix({ connectPort: port }), port), refused(by));
  const plain = Object.fromEntries(
    Object.entries(by).map(([name, call]) => [name, call.replace(`${fastOpen}`, '0')]),
  );
  const badDescriptor = 9;
  t.same(
    Object.values(await tried(plain, prefix({ connectPort: port }), port)),
    [badDescriptor, badDescriptor, badDescriptor],
    'without that bit the kernel looks at the descriptor',
  );
});

t.test('calls of another ABI are refused', { skip: process.arch !== 'x64' && 'there is none' }, async t => {
  t.same(await tried({ x32: `0x40000000 + ${calls.socket}, 2, 2, 0` }, prefix({})), { x32: acces });
});

t.test('a processor that is not known has no filter', async t => {
  t.equal(socketFilter({ allowTcp: true, machine: 'riscv64' }), undefined);
  t.notSame(
    socketFilter({ allowTcp: true, machine: 'arm64' }),
    socketFilter({ allowTcp: true, machine: 'x64' }),
  );
});
