import { messageOf } from '../base/errors.ts';
import type { Clip } from '../catalogue/clip-row.ts';
import { noSuccession, type StoredBytes, type Succession } from '../catalogue/superseding.ts';
import type { Completeness } from '../domain/clip.ts';
import type { ClipParts } from './parts.ts';

type Parts = Pick<ClipParts, 'clipFiles' | 'catalogue' | 'log'>;
type Stored = Pick<Clip, 'id' | 'camera' | 'originalPath' | 'path' | 'bytes' | 'sha256' | 'receivedAt'>;

/**
 * What a clip that is about to be filed, and lies under clips/ already, is to others of its camera and name: when it is
 * whole, which partials are its beginning; when it is partial, which whole clip it is the beginning of, since entries of
 * the inbox come in any order. What cannot be read is not compared: the mark is worth having, and no clip waits for it.
 */
export async function successionOf(
  parts: Parts,
  clip: Stored | undefined,
  completeness: Completeness,
  signal: AbortSignal,
): Promise<Succession> {
  if (clip === undefined || completeness === 'unproven') return noSuccession;
  const { catalogue } = parts;
  const { camera, originalPath, bytes, receivedAt } = clip;
  if (completeness === 'whole') {
    const partials = catalogue.openPartials(camera, originalPath, bytes);
    const beginnings = await beginningsOf(parts, clip, partials, signal);
    return { supersedes: beginnings.map(({ id }) => id), supersededBy: null };
  }
  for (const whole of catalogue.longerWholes(camera, originalPath, { bytes, receivedAt })) {
    const [found] = await beginningsOf(parts, whole, [clip], signal);
    if (found) return { supersedes: [], supersededBy: whole.id };
  }
  return noSuccession;
}

/** Those of the shorter ones whose bytes are what the stored clip begins with. The clip is read once for all of them. */
async function beginningsOf<T extends Pick<StoredBytes, 'id' | 'bytes' | 'sha256'>>(
  parts: Parts,
  whole: Pick<StoredBytes, 'id' | 'path'>,
  shorter: readonly T[],
  signal: AbortSignal,
): Promise<readonly T[]> {
  const candidates = shorter.filter(({ id }) => id !== whole.id);
  if (candidates.length === 0) return [];
  try {
    const lengths = candidates.map(({ bytes }) => bytes);
    const hashes = await parts.clipFiles.prefixHashes(whole.path, lengths, signal);
    return candidates.filter(({ bytes, sha256 }) => hashes.get(bytes) === sha256);
  } catch (error) {
    if (signal.aborted) throw error;
    parts.log.debug({ clip: whole.id, error: messageOf(error) }, 'clip cannot be compared with partials');
    return [];
  }
}
