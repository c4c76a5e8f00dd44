// Landlock knows files and TCP. What a program could send besides, and what would pass Landlock by, a filter of system calls
// takes away (seccomp(2), seccomp_data of linux/seccomp.h): it needs no rights either, and no new kernel.

type Machine = Readonly<{
  /** AUDIT_ARCH of linux/audit.h. */
  audit: number;
  socket: number;
  sendto: number;
  sendmsg: number;
  sendmmsg: number;
}>;

const machines: Readonly<Record<string, Machine>> = {
  x64: { audit: 0xc000003e, socket: 41, sendto: 44, sendmsg: 46, sendmmsg: 307 },
  arm64: { audit: 0xc00000b7, socket: 198, sendto: 206, sendmsg: 211, sendmmsg: 269 },
};
/** The same everywhere. It opens sockets of its own, behind every filter. */
const ioUringSetup = 425;

/** Where seccomp_data has the number, the machine, and the lower half of an argument: both machines are little endian. */
const numberAt = 0;
const machineAt = 4;
const argumentAt = (index: number) => 16 + 8 * index;

const load = (at: number) => [0x20, 0, 0, at] as const;
const mask = (bits: number) => [0x54, 0, 0, bits] as const;
/** So many instructions further when it is so, and when it is not. */
const ifEqual = (value: number, so: number, not: number) => [0x15, so, not, value] as const;
const ifAtLeast = (value: number, so: number, not: number) => [0x35, so, not, value] as const;
const ifAnyBit = (bits: number, so: number, not: number) => [0x45, so, not, bits] as const;
const allow = [0x06, 0, 0, 0x7fff0000] as const;
/** With EACCES. */
const refuse = [0x06, 0, 0, 0x00050000 | 13] as const;
const kill = [0x06, 0, 0, 0x80000000] as const;
type Instruction = readonly [code: number, so: number, not: number, value: number];

/** From here on, numbers are those of a 32-bit ABI. */
const x32 = 0x40000000;
const internet = 2;
const typeBits = 0x0f;
const stream = 1;
const tcp = 6;
/** Connects by sending, which Landlock did not see in every version. */
const fastOpen = 0x20000000;

/**
 * Instructions of classic BPF, eight bytes each: of sockets only TCP over IPv4, or none at all. Undefined on a processor that
 * it does not know.
 */
export function socketFilter(options: { allowTcp: boolean; machine?: string }): Buffer | undefined {
  const machine = machines[options.machine ?? process.arch];
  if (machine === undefined) return undefined;
  const onlyTcp: Instruction[] = [
    ...[load(argumentAt(0)), ifEqual(internet, 1, 0), refuse],
    ...[load(argumentAt(1)), mask(typeBits), ifEqual(stream, 1, 0), refuse],
    // SCTP and MPTCP are streams as well.
    ...[load(argumentAt(2)), ifEqual(0, 2, 0), ifEqual(tcp, 1, 0), refuse],
    allow,
  ];
  const withoutFastOpen = (flags: number): Instruction[] => [
    ...[load(argumentAt(flags)), ifAnyBit(fastOpen, 0, 1), refuse],
    allow,
  ];
  const program: Instruction[] = [
    ...[load(machineAt), ifEqual(machine.audit, 1, 0), kill],
    ...[load(numberAt), ifAtLeast(x32, 0, 1), refuse],
    ...onCall(machine.socket, options.allowTcp ? onlyTcp : [refuse]),
    ...onCall(machine.sendto, withoutFastOpen(3)),
    ...onCall(machine.sendmsg, withoutFastOpen(2)),
    ...onCall(machine.sendmmsg, withoutFastOpen(3)),
    ...onCall(ioUringSetup, [refuse]),
    allow,
  ];
  const bytes = Buffer.alloc(program.length * 8);
  for (const [index, [code, so, not, value]] of program.entries()) {
    bytes.writeUInt16LE(code, index * 8);
    bytes.set([so, not], index * 8 + 2);
    bytes.writeUInt32LE(value >>> 0, index * 8 + 4);
  }
  return bytes;
}

/** `then` ends with an answer, whatever it finds. */
function onCall(number: number, then: readonly Instruction[]): Instruction[] {
  return [ifEqual(number, 0, then.length), ...then];
}
