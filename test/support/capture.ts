// What goes over the loopback interface, as tcpdump sees it: the proof is on the wire, not in what the server believes.

import { spawn } from 'node:child_process';
import { connect } from 'node:net';

const waitLimitMs = 20_000;
const fileHeaderBytes = 24;
const packetHeaderBytes = 16;
const ethernetHeaderBytes = 14;

/** One direction of one connection. */
export type Flow = { from: number; to: number; bytes: Buffer };

export type Capture = {
  /** The flows of everything up to now, in the order in which they began, and the capture as it is. */
  stop(): Promise<{ flows: Flow[]; raw: Buffer }>;
};

/** Starts capturing TCP on these ports; answers the reason when this machine does not let us. */
export async function startCapture(
  ports: readonly (number | { from: number; to: number })[],
  sentinelPort: number,
): Promise<Capture | { unavailable: string }> {
  const filter = ports
    .map(port => (typeof port === 'number' ? `tcp port ${port}` : `tcp portrange ${port.from}-${port.to}`))
    .join(' or ');
  const child = spawn('tcpdump', ['-i', 'lo', '-n', '-U', '--immediate-mode', '-s', '0', '-w', '-', filter], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const chunks: Buffer[] = [];
  let stderr = '';
  let look = () => {};
  child.stdout.on('data', chunk => {
    chunks.push(chunk);
    look();
  });
  child.stderr.on('data', chunk => {
    stderr += chunk;
    look();
  });
  const ended = new Promise<string>(resolve => {
    child.once('error', error => resolve(error.message));
    child.once('close', code => resolve(`tcpdump ended with ${code}: ${stderr.trim()}`));
  });
  const seen = (condition: () => boolean) =>
    new Promise<void>((resolve, reject) => {
      const deadline = setTimeout(() => reject(new Error(`not captured in time: ${stderr}`)), waitLimitMs);
      look = () => {
        if (!condition()) return;
        clearTimeout(deadline);
        resolve();
      };
      void ended.then(() => clearTimeout(deadline));
      look();
    });

  const early = await Promise.race([seen(() => stderr.includes('listening on')), ended]);
  if (typeof early === 'string') return { unavailable: early };
  return {
    async stop() {
      // Packets come in order: when this one is there, so are all before it.
      const sentinel = `sentinel-${process.pid}-${Date.now()}`;
      const knock = () => {
        const socket = connect({ port: sentinelPort, host: '127.0.0.1' });
        socket.on('error', () => {});
        socket.once('connect', () => socket.end(`NOOP ${sentinel}\r\n`));
        socket.resume();
      };
      // Whoever listens there may close the connection before it has been said.
      const again = setInterval(knock, 1000);
      knock();
      const isThere = seen(() => Buffer.concat(chunks).includes(sentinel));
      const last = await Promise.race([isThere, ended]).finally(() => {
        clearInterval(again);
        child.kill('SIGINT');
      });
      if (typeof last === 'string') throw new Error(last);
      await ended;
      const raw = Buffer.concat(chunks);
      return { flows: flowsOf(raw), raw };
    },
  };
}

/** Payloads by direction, in the order of capture; loopback neither loses nor reorders. */
function flowsOf(raw: Buffer): Flow[] {
  if (raw.readUInt32LE(0) !== 0xa1b2c3d4 || raw.readUInt32LE(20) !== 1)
    throw new Error('tcpdump wrote something other than Ethernet frames in pcap format');
  const flows = new Map<string, { from: number; to: number; parts: Buffer[] }>();
  let at = fileHeaderBytes;
  while (at + packetHeaderBytes <= raw.length) {
    const bytes = raw.readUInt32LE(at + 8);
    const frame = raw.subarray(at + packetHeaderBytes, at + packetHeaderBytes + bytes);
    at += packetHeaderBytes + bytes;
    const ip = frame.subarray(ethernetHeaderBytes);
    const tcp = ip.subarray(((ip[0] as number) & 0x0f) * 4, ip.readUInt16BE(2));
    const [from, to] = [tcp.readUInt16BE(0), tcp.readUInt16BE(2)];
    const payload = tcp.subarray(((tcp[12] as number) >> 4) * 4);
    const key = `${from}>${to}`;
    const flow = flows.get(key) ?? { from, to, parts: [] };
    flow.parts.push(payload);
    flows.set(key, flow);
  }
  return [...flows.values()].map(({ from, to, parts }) => ({ from, to, bytes: Buffer.concat(parts) }));
}
