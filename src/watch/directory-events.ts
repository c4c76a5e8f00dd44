import { sep } from 'node:path';
import { watch } from 'chokidar';

export type DirectoryEvents = (options: {
  inboxDir: string;
  /** A directory `inbox/<camera>/<id>` appeared. Some may be missed and some told twice. */
  onEntry(camera: string, id: string): void;
  /** The watcher does not work any more. */
  onError(error: unknown): void;
}) => Promise<AsyncDisposable>;

const readyDeadlineMs = 30_000;

/**
 * Watches with chokidar, which is inotify: one watch for the inbox and one for each camera's directory, none inside
 * entries and none through links, so the cost does not grow with what was filed. Rejects when watching cannot start.
 */
export const chokidarEvents: DirectoryEvents = async ({ inboxDir, onEntry, onError }) => {
  const watcher = watch(inboxDir, {
    // 0 is what lies in the inbox (cameras), 1 what lies in those (entries). Deeper directories are seen, not watched.
    depth: 1,
    followSymlinks: false,
    ignoreInitial: true,
    // No waiting for editors that replace files: an entry appears by one rename and is complete then.
    atomic: false,
  });
  watcher.on('addDir', path => {
    if (!path.startsWith(inboxDir + sep)) return;
    const [camera, id, ...deeper] = path.slice(inboxDir.length + 1).split(sep);
    if (camera && id && deeper.length === 0) onEntry(camera, id);
  });
  const ready = Promise.withResolvers<void>();
  watcher.on('ready', () => ready.resolve());
  watcher.on('error', error => {
    ready.reject(error);
    onError(error);
  });
  const deadline = setTimeout(
    () => ready.reject(new Error(`the watcher was not ready within ${readyDeadlineMs} ms`)),
    readyDeadlineMs,
  );
  try {
    await ready.promise;
  } catch (error) {
    await watcher.close();
    throw error;
  } finally {
    clearTimeout(deadline);
  }
  return { [Symbol.asyncDispose]: () => watcher.close() };
};
