// The options of `camera add` and `camera set` that are about the camera's own stream, and the password that comes with them.

import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import type { Command } from 'commander';
import type { Camera, CameraChanges } from '../access/accounts.ts';
import { hasStreamPassword, isStreamPassword, maxStreamPasswordLength } from '../access/stream-passwords.ts';
import { errnoOf, FailedError, UsageError } from '../base/errors.ts';
import { parseRecordSchedule, recordScheduleRule } from '../domain/footage/record-schedule.ts';
import { parseRtspAddress, type RtspAddressProblem } from '../domain/rtsp/rtsp-address.ts';
import type { Desk } from './desk.ts';

export type StreamOptions = {
  rtsp?: string;
  subRtsp?: string;
  rtspPasswordStdin?: boolean;
  rtspPasswordFile?: string;
  record?: string;
  rtspBasic?: string;
  rtspFingerprint?: string;
};

export function withStreamOptions(command: Command): Command {
  return command
    .option(
      '--rtsp <url>',
      'what to record: rtsp[s]://[user@]host[:port]/path, without a password; none: nothing',
    )
    .option('--sub-rtsp <url>', 'its smaller stream, for looking at; none: it has none')
    .option('--rtsp-password-stdin', "read the stream's password from standard input")
    .option('--rtsp-password-file <file>', "read the stream's password from a file with one line")
    .option('--record <when>', 'on, off, or the hours of a day in its zone: 22:00-06:00')
    .option('--rtsp-basic <on|off>', 'on: a camera that knows nothing better gets its password readably')
    .option(
      '--rtsp-fingerprint <sha256>',
      'the certificate that rtsps must show, as SHA-256; none: one that this system trusts',
    );
}

/** Empty when none of the options was given. */
export function parseStreamChanges(options: StreamOptions): CameraChanges {
  const { rtsp, subRtsp, record, rtspBasic, rtspFingerprint } = options;
  return {
    ...(rtsp !== undefined && { rtspUrl: parseAddress('--rtsp', rtsp) }),
    ...(subRtsp !== undefined && { subRtspUrl: parseAddress('--sub-rtsp', subRtsp) }),
    ...(record !== undefined && { record: parseRecord(record) }),
    ...(rtspBasic !== undefined && { rtspBasic: parseBasic(rtspBasic) }),
    ...(rtspFingerprint !== undefined && { rtspFingerprint: parseFingerprint(rtspFingerprint) }),
  };
}

/** Whether a password for the stream comes with the command. Throws UsageError when it is to come twice. */
export function bringsPassword({ rtspPasswordStdin, rtspPasswordFile }: StreamOptions): boolean {
  if (rtspPasswordStdin && rtspPasswordFile !== undefined)
    throw new UsageError('Either --rtsp-password-stdin is expected or --rtsp-password-file, not both.');
  return rtspPasswordStdin === true || rtspPasswordFile !== undefined;
}

/** Throws UsageError when there would be nobody whose password it is: `rtspUrl` is the address that will be in force. */
export function requireUser(rtspUrl: string | null | undefined): void {
  if (rtspUrl === null || rtspUrl === undefined)
    throw new UsageError(
      'A password for the stream was given, and the camera has no stream: give its address with --rtsp, too.',
    );
  if (userOf(rtspUrl) === null)
    throw new UsageError(
      'A password for the stream was given, and its address names no user: write --rtsp rtsp://USER@HOST/PATH.',
    );
}

/** The password that comes with the command; undefined when none does. */
export async function readStreamSecret(desk: Desk, options: StreamOptions): Promise<string | undefined> {
  if (!bringsPassword(options)) return undefined;
  const { rtspPasswordFile: file } = options;
  const password =
    file === undefined ? await desk.readSecret('Password of the stream') : await readOneLine(file);
  if (isStreamPassword(password)) return password;
  throw new UsageError(
    `This password of the stream cannot be used: expected 1 to ${maxStreamPasswordLength} characters that are on every keyboard (ASCII).`,
  );
}

/** What a person should know about what was set, a sentence each. */
export function streamRemarks(camera: Camera, stateDir: string): string[] {
  const { name, rtspUrl, rtspBasic, rtspFingerprint } = camera;
  const { address } = parseRtspAddress(rtspUrl ?? '');
  if (address === null) return [];
  return [
    ...(address.user !== null && !hasStreamPassword(stateDir, name)
      ? [
          `The stream names the user ${address.user}, and no password is stored for it: clipward camera set ${name} --rtsp-password-stdin`,
        ]
      : []),
    ...(rtspBasic && !address.isTls
      ? ['With --rtsp-basic on, the password of the stream may cross the network readable.']
      : []),
    ...(rtspFingerprint !== null && !address.isTls
      ? ['The fingerprint counts for addresses with rtsps:// only, and this one has rtsp://.']
      : []),
  ];
}

/** Longer than any password, and room to see that a file is not a line. */
const maxFileBytes = 4096;

/** Read as the owner of the state directory: what only root may read is piped in. */
async function readOneLine(path: string): Promise<string> {
  const text = await readBeginning(path).catch(error => {
    throw new FailedError(
      `${path} cannot be read as the user who runs this (${errnoOf(error) ?? 'unknown'}): name a file with the password as its one line, or pipe it into --rtsp-password-stdin.`,
      { cause: error },
    );
  });
  const line = text.replace(/\r?\n$/, '');
  if (line === '' || /[\r\n]/.test(line))
    throw new UsageError(
      `${path} holds ${line === '' ? 'nothing' : 'more than a line'}: expected a file with the password as its one line.`,
    );
  return line;
}

async function readBeginning(path: string): Promise<string> {
  await using file: FileHandle = await open(path, constants.O_RDONLY | constants.O_NOCTTY);
  const buffer = Buffer.alloc(maxFileBytes);
  let length = 0;
  while (length < maxFileBytes) {
    const { bytesRead } = await file.read(buffer, length, maxFileBytes - length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return buffer.toString('utf8', 0, length);
}

function userOf(rtspUrl: string): string | null {
  return parseRtspAddress(rtspUrl).address?.user ?? null;
}

const problems: Record<RtspAddressProblem, string> = {
  form: 'expected rtsp://[user@]host[:port]/path, or rtsps://',
  characters:
    'it has characters that no address has; quotes, blanks and what is not ASCII are written %20 and so on',
  password:
    'a password in it would be shown with it: leave it out, and give it with --rtsp-password-stdin or --rtsp-password-file',
  host: 'its host is neither a name nor an address',
  port: 'its port is none: expected 1 to 65535',
  user: 'its user has characters that no camera takes',
  length: 'it is longer than any camera asks for',
};

function parseAddress(option: string, text: string): string | null {
  if (text === 'none') return null;
  const parsed = parseRtspAddress(text);
  // Not repeated in the sentence: there may be a password in it.
  if (parsed.address === null) throw new UsageError(`${option} cannot be used: ${problems[parsed.problem]}.`);
  return text;
}

function parseRecord(text: string): string {
  if (parseRecordSchedule(text) !== undefined) return text;
  throw new UsageError(`--record ${JSON.stringify(text)} is unknown: expected ${recordScheduleRule}.`);
}

function parseBasic(text: string): boolean {
  if (text === 'on' || text === 'off') return text === 'on';
  throw new UsageError(`--rtsp-basic ${JSON.stringify(text)} is unknown: expected on or off.`);
}

function parseFingerprint(text: string): string | null {
  if (text === 'none') return null;
  const digits = text.replaceAll(':', '').toLowerCase();
  if (/^[0-9a-f]{64}$/.test(digits)) return digits;
  throw new UsageError(
    '--rtsp-fingerprint is expected to be a SHA-256 in 64 hexadecimal digits, or none: openssl x509 -noout -fingerprint -sha256 shows it.',
  );
}
