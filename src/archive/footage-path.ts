import { isCameraName } from '../domain/camera-name.ts';
import { isUploadId } from './upload-id.ts';

const form =
  /^footage\/([a-z0-9][a-z0-9-]{0,30})\/(\d{4})\/(\d\d)\/(\d\d)\/(\d\d)\/\2\3\4T\5(\d{4})Z_\1_([0-9a-z]{26})\.mp4$/;

/**
 * Where a segment lies, relative to the data directory: `footage/<camera>/2026/11/21/02/20261121T021403Z_<camera>_<id>.mp4`, in UTC
 * by its start; with `.open` behind it until it is finished. An hour has a directory of its own, or there would be 1440
 * files and more in one.
 */
export function footageRelativePath(segment: { camera: string; startAt: number; id: string }): string {
  const { camera, startAt, id } = segment;
  const iso = new Date(startAt).toISOString();
  if (!isCameraName(camera) || !isUploadId(id) || !/^\d{4}-/.test(iso))
    throw new Error('a path in the archive is made of a camera, an id and a time of ours');
  const directory = `${iso.slice(0, 10).replaceAll('-', '/')}/${iso.slice(11, 13)}`;
  const time = `${iso.slice(0, 19).replaceAll(/[-:]/g, '')}Z`;
  return `footage/${camera}/${directory}/${time}_${camera}_${id}.mp4`;
}

/** Answers the path when it has the form that is made here; it may come from a row that somebody edited. */
export function checkedFootagePath(path: string): string {
  if (readFootagePath(path) === undefined)
    throw new Error(`${JSON.stringify(path)} is no path under footage/`);
  return path;
}

/** What a path of footageRelativePath says; undefined for any other. `at` is to the second. */
export function readFootagePath(
  path: string,
): Readonly<{ camera: string; at: number; id: string }> | undefined {
  const [, camera = '', year, month, day, hour, minutes, id = ''] = form.exec(path) ?? [];
  const at = Date.parse(`${year}-${month}-${day}T${hour}:${minutes?.slice(0, 2)}:${minutes?.slice(2)}Z`);
  return isCameraName(camera) && isUploadId(id) && !Number.isNaN(at) ? { camera, at, id } : undefined;
}
