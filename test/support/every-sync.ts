import { readlinkSync } from 'node:fs';
import { open } from 'node:fs/promises';

/** Calls `onSync` before each sync of an open file, until what it answers is called. */
export async function onEverySync(
  onSync: (how: 'sync' | 'datasync', path: string) => void,
): Promise<() => void> {
  await using any = await open('/dev/null');
  const handles = Object.getPrototypeOf(any) as Record<'sync' | 'datasync', () => Promise<void>>;
  const { sync, datasync } = handles;
  for (const [how, original] of [
    ['sync', sync],
    ['datasync', datasync],
  ] as const)
    handles[how] = async function (this: { fd: number }) {
      onSync(how, readlinkSync(`/proc/self/fd/${this.fd}`));
      await original.call(this);
    };
  return () => {
    Object.assign(handles, { sync, datasync });
  };
}
