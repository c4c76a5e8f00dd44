// Landlock: a program gives up every file but a few, and cannot take it back. It needs no rights and no namespaces, so that it
// works where bubblewrap does not: inside a unit that forbids namespaces. Node cannot call the kernel, perl can, and every
// Debian has it. It also gives up the sockets that Landlock does not know (socket-filter.ts).

import { socketFilter } from './socket-filter.ts';

/** Numbers of prctl(2); those of Landlock are the same everywhere. */
const prctlNumbers: Readonly<Record<string, number>> = { x64: 157, arm64: 167 };

/** What programs and their libraries are made of. */
const programFiles = ['/usr', '/lib', '/lib64', '/bin', '/etc/ld.so.cache', '/etc/alternatives'];

export type LandlockOptions = Readonly<{
  /** Of the files that the program inherits open, one that it may open again by its name in /proc. */
  inputDescriptor?: number;
  /** That one may be written to as well. */
  isWritten?: boolean;
  /**
   * The one TCP port that it may connect to, over IPv4; left out: it gets no socket. Before Linux 6.7, nothing is said about
   * ports.
   */
  connectPort?: number;
  /** Where the kernel has no Landlock, goes on without it. */
  isOptional?: boolean;
}>;

/**
 * The command line prefix; undefined on a processor that it does not know. The program ends with an error where the kernel has
 * no Landlock. It also dies with its parent, and gains no rights by what it starts, as with setpriv.
 */
export function landlockPrefix(perl: string, options: LandlockOptions = {}): string[] | undefined {
  const prctl = prctlNumbers[process.arch];
  if (prctl === undefined) return undefined;
  const { inputDescriptor = -1, isWritten = false, connectPort = 0, isOptional = false } = options;
  const filter = socketFilter({ allowTcp: connectPort > 0 })?.toString('hex') ?? '';
  return [
    ...[
      perl,
      '-e',
      script,
      `${prctl}`,
      `${inputDescriptor}`,
      isWritten ? '1' : '0',
      `${connectPort}`,
      filter,
    ],
    ...[isOptional ? '1' : '0', `${programFiles.length}`, ...programFiles],
  ];
}

/** linux/landlock.h, linux/prctl.h and linux/filter.h. Only what lies beneath the given paths may be read, and programs be run from there. */
const script = `
use strict;
my ($prctl, $input, $isWritten, $port, $filter, $optional, $count, @rest) = @ARGV;
my @paths = splice(@rest, 0, $count);
my ($execute, $readFile, $readDirectory) = (1 << 0, 1 << 2, 1 << 3);
syscall($prctl, 1, 9, 0, 0, 0) == 0 or die "no signal when the parent dies: $!";
syscall($prctl, 38, 1, 0, 0, 0) == 0 or die "rights could be gained: $!";
sub go {
  my $bytes = pack('H*', $filter);
  syscall($prctl, 22, 2, pack('Sx![P]P', length($bytes) / 8, $bytes)) == 0 or $optional or die "no filter: $!";
  exec { $rest[0] } @rest or die "$rest[0]: $!";
}
my $abi = syscall(444, 0, 0, 1);
if ($abi < 1) {
  die "the kernel has no Landlock: $!" unless $optional;
  go();
}
my $files = (1 << 13) - 1;
$files |= 1 << 13 if $abi >= 2;
$files |= 1 << 14 if $abi >= 3;
$files |= 1 << 15 if $abi >= 5;
my $rules = pack('Q', $files);
$rules .= pack('Q', 3) if $abi >= 4;
$rules .= pack('Q', 3) if $abi >= 6;
my $set = syscall(444, $rules, length($rules), 0);
die "no rules: $!" if $set < 0;
sub allow {
  my ($type, $rule) = @_;
  syscall(445, $set, $type, $rule, 0) == 0 or die "no rule: $!";
}
for my $path (@paths) {
  sysopen(my $file, $path, 0x200000) or next;
  allow(1, pack('Ql', $execute | $readFile | (-d $path ? $readDirectory : 0), fileno($file)));
}
my $inputRights = $readFile;
$inputRights |= ((1 << 1) | (1 << 14)) & $files if $isWritten;
allow(1, pack('Ql', $inputRights, $input)) if $input >= 0;
allow(2, pack('QQ', 2, $port)) if $port > 0 && $abi >= 4;
syscall(446, $set, 0) == 0 or die "not restricted: $!";
go();
`;
