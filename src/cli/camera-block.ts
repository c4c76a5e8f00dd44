// What a person types into a camera, found out and laid out.

import { existsSync } from 'node:fs';
import type { Camera } from '../access/accounts.ts';
import { authorityCertificateFile } from '../access/certificates.ts';
import { localAddressTowards } from '../access/local-address.ts';
import { outsideFiles } from '../access/outside-certificate.ts';
import { formatNetwork } from '../domain/networks.ts';
import type { Settings } from '../settings/settings.ts';
import { isUtc } from './camera-arguments.ts';
import { formatFacts } from './table.ts';

/** The shape of `camera add --json` (docs/json.md). */
export type CameraBlock = Readonly<{
  camera: string;
  /** Null when this machine has no route to the camera's network. */
  host: string | null;
  /** Null when that listener is switched off. */
  explicitPort: number | null;
  implicitPort: number | null;
  user: string;
  /** Null when the person gave it. */
  password: string | null;
  transferMode: 'passive';
  directory: '/';
  timeZone: string;
  allowedNetworks: readonly string[];
  /** For the few cameras that check the server's certificate. */
  caCertificate: string;
  /** Shown in place of ours, when it comes from elsewhere. */
  outsideCertificate: string | null;
}>;

export async function cameraBlock(
  camera: Camera,
  password: string | null,
  settings: Settings,
): Promise<CameraBlock> {
  const { explicit, implicit, tls } = settings.ftps;
  const outsideDir = tls.certificateDir;
  return {
    camera: camera.name,
    host: await hostFor(camera, settings),
    explicitPort: explicit.enabled ? explicit.port : null,
    implicitPort: implicit.enabled ? implicit.port : null,
    user: camera.name,
    password,
    transferMode: 'passive',
    directory: '/',
    timeZone: camera.timeZone,
    allowedNetworks: camera.allowedNetworks.map(formatNetwork),
    caCertificate: authorityCertificateFile(settings.certsDir),
    outsideCertificate: outsideDir === null ? null : outsideFiles(outsideDir).certificate,
  };
}

export function formatCameraBlock(block: CameraBlock): string {
  return [
    `Camera ${block.camera} is added. Type this into its FTP settings:`,
    '',
    indented(formatFacts(typedFacts(block))),
    '',
    ...remarks(block),
  ].join('\n');
}

function typedFacts(block: CameraBlock): (readonly [string, string])[] {
  return [
    ['Server', block.host ?? "this machine's address (none was found that routes to the camera)"],
    ...modes(block),
    ['User', block.user],
    ['Password', block.password === null ? 'as you gave it' : `${block.password}   (shown only now)`],
    ['Transfer mode', 'passive (PASV)'],
    ['Directory', '/ or empty; any other is fine too and needs no preparation'],
  ];
}

function modes({ explicitPort, implicitPort }: CameraBlock): (readonly [string, string])[] {
  const explicit = ['Mode', 'FTPS, explicit (AUTH TLS)'] as const;
  const port = ['Port', String(explicitPort ?? implicitPort)] as const;
  if (explicitPort === null && implicitPort === null)
    return [['Mode', 'none: both listeners are switched off in the settings']];
  if (explicitPort === null) return [['Mode', 'FTPS, implicit'], port];
  if (implicitPort === null) return [explicit, port];
  return [explicit, port, ['', `where a camera knows only implicit FTPS: port ${implicitPort}`]];
}

function remarks(block: CameraBlock): string[] {
  const { camera, timeZone, allowedNetworks } = block;
  const zone = isUtc(timeZone)
    ? `Time zone: UTC is assumed for the times in its file names. Servers are often on UTC and cameras seldom: when the camera's clock shows local time,`
    : `Time zone: ${timeZone} is assumed for the times in its file names. When the camera's clock is set otherwise,`;
  return [
    zone,
    `  clipward camera set ${camera} --time-zone Area/City`,
    `Addresses: it may log in from ${allowedNetworks.length > 0 ? allowedNetworks.join(', ') : 'every address of the global list (clipward network list)'}.`,
    `Certificate: most cameras do not check the server's. ${certificateHint(block)}`,
  ];
}

function certificateHint({ caCertificate, outsideCertificate }: CameraBlock): string {
  if (outsideCertificate !== null) return `One that does must know the authority of ${outsideCertificate}.`;
  const later = existsSync(caCertificate) ? '' : ' (made when clipward serve first starts)';
  return `One that does needs this file${later}:\n  ${caCertificate}`;
}

/** An address that the listener is bound to is the only one that answers; otherwise the one that routes to the camera. */
async function hostFor(camera: Camera, { ftps }: Settings): Promise<string | null> {
  const { host } = ftps.explicit.enabled ? ftps.explicit : ftps.implicit;
  if (!['::', '0.0.0.0', ''].includes(host)) return host;
  return (await localAddressTowards(camera.allowedNetworks[0])) ?? null;
}

function indented(text: string): string {
  return text.replace(/^(?=.)/gm, '  ');
}
