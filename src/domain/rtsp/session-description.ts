// Session descriptions (SDP, RFC 8866) of cameras: read with suspicion, and written anew from what was understood. What
// ffmpeg gets to see is our own text, made of numbers and of parameters of known form, so that nothing that a camera or a
// stranger in its place writes reaches ffmpeg's parser.

export type MediaFormat = 'h264' | 'hevc' | 'aac' | 'pcmu' | 'pcma' | 'opus' | 'l16' | 'g726';

export type OfferedTrack = Readonly<{
  kind: 'video' | 'audio';
  payloadType: number;
  /** Null: a format that we cannot take; `encoding` says what the camera calls it. */
  format: MediaFormat | null;
  encoding: string;
  clockRate: number;
  channels: number;
  /** The parameters that the format has, each of its own form (RFC 6184, 7798, 3640). */
  parameters: ReadonlyMap<string, string>;
  /** What SETUP names, as the camera wrote it. */
  control: string | null;
}>;

export type SessionDescription = Readonly<{ control: string | null; tracks: readonly OfferedTrack[] }>;

const limits = { lines: 512, lineBytes: 8192, tracks: 16 } as const;

/** Payload types that need no rtpmap (RFC 3551). */
const staticFormats: Readonly<Record<number, readonly [encoding: string, clockRate: number]>> = {
  0: ['PCMU', 8000],
  8: ['PCMA', 8000],
};

const formats: Readonly<Record<string, MediaFormat>> = {
  h264: 'h264',
  h265: 'hevc',
  hevc: 'hevc',
  'mpeg4-generic': 'aac',
  pcmu: 'pcmu',
  pcma: 'pcma',
  opus: 'opus',
  l16: 'l16',
  'g726-16': 'g726',
  'g726-24': 'g726',
  'g726-32': 'g726',
  'g726-40': 'g726',
};

const base64List = /^[A-Za-z0-9+/=,]{1,4096}$/;
const number = /^\d{1,10}$/;
const knownParameters: Readonly<Partial<Record<MediaFormat, Readonly<Record<string, RegExp>>>>> = {
  h264: {
    'packetization-mode': /^[01]$/,
    'profile-level-id': /^[0-9A-Fa-f]{6}$/,
    'sprop-parameter-sets': base64List,
  },
  hevc: { 'sprop-vps': base64List, 'sprop-sps': base64List, 'sprop-pps': base64List },
  aac: {
    streamtype: number,
    'profile-level-id': number,
    mode: /^AAC-(hbr|lbr)$/i,
    config: /^[0-9A-Fa-f]{2,64}$/,
    sizelength: number,
    indexlength: number,
    indexdeltalength: number,
  },
};

/** Undefined when it is no session description at all. What is not understood is left out, never repaired. */
export function parseSessionDescription(text: string): SessionDescription | undefined {
  const lines = text.split(/\r?\n/, limits.lines).map(line => line.slice(0, limits.lineBytes));
  if (!/^v=0/.test(lines[0] ?? '')) return undefined;
  const [session = [], ...media] = sections(lines);
  return {
    control: attribute(session, 'control') ?? null,
    tracks: media.slice(0, limits.tracks).flatMap(section => readTrack(section) ?? []),
  };
}

/** Split before every `m=`. */
function sections(lines: readonly string[]): string[][] {
  const all: string[][] = [[]];
  for (const line of lines) {
    if (line.startsWith('m=')) all.push([]);
    all.at(-1)?.push(line.trimEnd());
  }
  return all;
}

function readTrack(section: readonly string[]): OfferedTrack | undefined {
  const match = /^m=(video|audio) \d+(?:\/\d+)? RTP\/S?AVPF? (\d{1,3})\b/.exec(section[0] ?? '');
  if (!match) return undefined;
  const payloadType = Number(match[2]);
  if (payloadType > 127) return undefined;
  const mapped = attribute(section, 'rtpmap', payloadType);
  const map = /^([A-Za-z0-9._-]{1,32})\/(\d{1,6})(?:\/(\d))?/.exec(mapped ?? '');
  const [encoding, clockRate] = map
    ? [map[1] as string, Number(map[2])]
    : (staticFormats[payloadType] ?? ['unknown', 0]);
  const format = clockRate === 0 ? null : (formats[encoding.toLowerCase()] ?? null);
  const control = attribute(section, 'control');
  return {
    kind: match[1] as 'video' | 'audio',
    payloadType,
    format,
    encoding,
    clockRate,
    channels: Number(map?.[3] ?? 1) || 1,
    parameters: format === null ? new Map() : parametersOf(format, attribute(section, 'fmtp', payloadType)),
    // It goes into a request line.
    control: control !== undefined && /^[\x21-\x7e]{1,1024}$/.test(control) ? control : null,
  };
}

function attribute(section: readonly string[], name: string, payloadType?: number): string | undefined {
  const prefix = payloadType === undefined ? `a=${name}:` : `a=${name}:${payloadType} `;
  return section
    .find(line => line.startsWith(prefix))
    ?.slice(prefix.length)
    .trim();
}

function parametersOf(format: MediaFormat, text: string | undefined): ReadonlyMap<string, string> {
  const known = knownParameters[format] ?? {};
  const found = new Map<string, string>();
  for (const part of text?.split(';') ?? []) {
    const equals = part.indexOf('=');
    const name = part.slice(0, equals).trim().toLowerCase();
    const value = part.slice(equals + 1).trim();
    if (equals > 0 && Object.hasOwn(known, name) && known[name]?.test(value)) found.set(name, value);
  }
  return found;
}

/** The name of a format in an rtpmap. */
const encodings: Readonly<Record<MediaFormat, string>> = {
  h264: 'H264',
  hevc: 'H265',
  aac: 'MPEG4-GENERIC',
  pcmu: 'PCMU',
  pcma: 'PCMA',
  opus: 'opus',
  l16: 'L16',
  g726: 'G726-32',
};

/** Our own description of these tracks, the first under `trackID=0` and so on. */
export function writeSessionDescription(tracks: readonly OfferedTrack[]): string {
  const lines = [
    'v=0',
    'o=- 1 1 IN IP4 127.0.0.1',
    's=clipward',
    'c=IN IP4 127.0.0.1',
    't=0 0',
    'a=control:*',
  ];
  for (const [
    index,
    { kind, payloadType, format, encoding, clockRate, channels, parameters },
  ] of tracks.entries()) {
    if (format === null) throw new Error('a track of a known format was expected');
    const name = format === 'g726' ? encoding.toUpperCase() : encodings[format];
    lines.push(`m=${kind} 0 RTP/AVP ${payloadType}`);
    lines.push(`a=rtpmap:${payloadType} ${name}/${clockRate}${kind === 'audio' ? `/${channels}` : ''}`);
    if (parameters.size > 0)
      lines.push(
        `a=fmtp:${payloadType} ${[...parameters].map(([key, value]) => `${key}=${value}`).join(';')}`,
      );
    lines.push(`a=control:trackID=${index}`);
  }
  return `${lines.join('\r\n')}\r\n`;
}
