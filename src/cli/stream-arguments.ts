// The options of `camera add` and `camera set` that are about the camera's own stream.

import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import type { CameraChanges } from '../access/accounts.ts';
import {
  isStreamPassword,
  maxStreamPasswordLength,
  writeStreamPassword,
} from '../access/stream-passwords.ts';
import { errnoOf, FailedError, UsageError } from '../base/errors.ts';
import { parseRecordSchedule } from '../domain/footage/record-schedule.ts';
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
    .option('--rtsp-password-file <file>', "read the stream's password from a file")
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

/** Whether a password for the stream comes with the command. */
export function bringsPassword({ rtspPasswordStdin, rtspPasswordFile }: StreamOptions): boolean {
  return rtspPasswordStdin === true || rtspPasswordFile !== undefined;
}

/** Keeps the password that comes with the command, if one does. Before the account is changed, so that it is there then. */
export async function keepStreamPassword(
  desk: Desk,
  options: StreamOptions,
  to: { stateDir: string; camera: string },
): Promise<void> {
  if (!bringsPassword(options)) return;
  const password = await readPassword(desk, options);
  if (!isStreamPassword(password))
    throw new UsageError(
      `This password cannot be used: expected up to ${maxStreamPasswordLength} characters that are on every keyboard (ASCII).`,
    );
  await writeStreamPassword(to.stateDir, to.camera, password);
}

async function readPassword(desk: Desk, { rtspPasswordStdin, rtspPasswordFile }: StreamOptions) {
  if (rtspPasswordStdin && rtspPasswordFile !== undefined)
    throw new UsageError('Either --rtsp-password-stdin is expected or --rtsp-password-file, not both.');
  if (rtspPasswordFile === undefined) return desk.readSecret('Password of the stream');
  try {
    const text = await readFile(rtspPasswordFile, 'utf8');
    return text.replace(/\r?\n[\s\S]*$/, '');
  } catch (error) {
    throw new FailedError(
      `${rtspPasswordFile} cannot be read (${errnoOf(error)}): name a file with one line in it.`,
      {
        cause: error,
      },
    );
  }
}

const problems: Record<RtspAddressProblem, string> = {
  form: 'expected rtsp://[user@]host[:port]/path, or rtsps://',
  characters:
    'it has characters that no address has; quotes, blanks and what is not ASCII are written %20 and so on',
  password:
    'a password in it would stand in the process list: leave it out, and give it with --rtsp-password-stdin',
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
  throw new UsageError(
    `--record ${JSON.stringify(text)} is unknown: expected on, off, or the hours of a day like 22:00-06:00.`,
  );
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
