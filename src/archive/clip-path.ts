import { isCameraName } from '../domain/camera-name.ts';
import { isUploadId } from './upload-id.ts';

/**
 * Where a clip lies, relative to the data directory: `clips/<camera>/2026/11/21/20261121T021403Z_<camera>_<id>.mp4`.
 *
 * Directories and name are in UTC, and the name says so: in local time the repeated hour of autumn would sort wrongly and
 * a camera that moves to another zone would have two kinds of paths. Retrying a filing must give the same `at`, or the
 * same upload would be stored twice. `at` is in milliseconds since the epoch, the extension without a dot.
 */
export function clipRelativePath(clip: {
  camera: string;
  at: number;
  id: string;
  extension: string;
}): string {
  const { camera, id, extension } = clip;
  if (!isCameraName(camera) || !isUploadId(id) || !/^[a-z0-9]{1,8}$/.test(extension))
    throw new Error('a path in the archive is made of a camera, an id and an extension of ours');
  const iso = new Date(clip.at).toISOString();
  const [year, month, day] = iso.slice(0, 10).split('-');
  // Years outside 0 to 9999 have another form; no clip's time may come to that.
  if (!/^\d{4}-/.test(iso)) throw new Error('a time within four-digit years was expected');
  const time = `${iso.slice(0, 19).replaceAll(/[-:]/g, '')}Z`;
  return `clips/${camera}/${year}/${month}/${day}/${time}_${camera}_${id}.${extension}`;
}

/** The thumbnail of a clip has the clip's path, under thumbnails/, as a JPEG. */
export function thumbnailRelativePath(clipPath: string): string {
  checkedRelativePath(clipPath, 'clips');
  return clipPath.replace(/^clips\//, 'thumbnails/').replace(/\.[a-z0-9]+$/, '.jpg');
}

/** Answers the path when it has the form that is made here; it may come from a row that somebody edited. */
export function checkedRelativePath(path: string, top: 'clips' | 'thumbnails'): string {
  const form =
    /^([a-z]+)\/([a-z0-9][a-z0-9-]{0,30})\/\d{4}\/\d\d\/\d\d\/\d{8}T\d{6}Z_\2_[0-9a-z]{26}\.[a-z0-9]{1,8}$/;
  if (form.exec(path)?.[1] !== top) throw new Error(`${JSON.stringify(path)} is no path under ${top}/`);
  return path;
}

/** What a path of clipRelativePath (or thumbnailRelativePath) says; undefined for any other. `at` is to the second. */
export function readStoredPath(
  path: string,
  top: 'clips' | 'thumbnails',
): Readonly<{ camera: string; at: number; id: string; extension: string }> | undefined {
  const form =
    /^([a-z]+)\/([^/]+)\/(\d{4})\/(\d\d)\/(\d\d)\/(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z_([^/_]+)_([^/_.]+)\.([a-z0-9]{1,8})$/;
  const found = form.exec(path);
  if (found === null) return undefined;
  const [, tree, camera = '', year, month, day, y, mo, d, h, mi, s, named, id = '', extension = ''] = found;
  const at = Date.parse(`${year}-${month}-${day}T${h}:${mi}:${s}Z`);
  if (tree !== top || named !== camera || !isCameraName(camera) || !isUploadId(id)) return undefined;
  if (y !== year || mo !== month || d !== day || Number.isNaN(at)) return undefined;
  return { camera, at, id, extension };
}
