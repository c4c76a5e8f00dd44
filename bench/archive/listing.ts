// How long a page of clips takes, where it lies in a large archive and how it is asked for: the question to the catalogue
// alone, and the built command, which has a program to start.

import { systemClock } from '../../src/base/clock.ts';
import { catalogueFile, openCatalogue } from '../../src/catalogue/catalogue.ts';
import type { ClipQuery } from '../../src/catalogue/clips.ts';
import { clipward, measureProgram } from '../lib/bench.ts';
import type { LargeArchive } from '../lib/large-archive.ts';
import { median } from '../lib/spread.ts';

const pageRows = 100;
const questions = 20;
const runs = 3;

export type Page = Readonly<{ page: string; questionMs: number; worstMs: number; commandMs: number }>;

export async function measureListing({ config, stateDir, firstAt }: LargeArchive): Promise<readonly Page[]> {
  using catalogue = openCatalogue({ file: catalogueFile(stateDir), readOnly: true });
  const middle = new Date(firstAt + (systemClock.now() - firstAt) / 2).toISOString();
  const early = new Date(firstAt + (systemClock.now() - firstAt) / 10).toISOString();
  const camera = 'camera-3';
  const pages: Readonly<{ page: string; args: readonly string[]; query: ClipQuery }>[] = [
    { page: 'the first', args: [], query: {} },
    { page: 'in the middle', args: ['--until', middle], query: { until: Date.parse(middle) } },
    { page: 'the first of a camera', args: ['--camera', camera], query: { camera } },
    {
      ...{ page: 'in the middle of a camera', args: ['--camera', camera, '--until', middle] },
      query: { camera, until: Date.parse(middle) },
    },
    {
      ...{
        page: 'of a camera, since and until',
        args: ['--camera', camera, '--since', early, '--until', middle],
      },
      query: { camera, since: Date.parse(early), until: Date.parse(middle) },
    },
    {
      ...{ page: 'of a camera that sent nothing', args: ['--camera', 'nobody'], query: { camera: 'nobody' } },
    },
    { page: 'the first, --json', args: ['--json'], query: {} },
  ];
  const found: Page[] = [];
  for (const { page, args, query } of pages) {
    const questionMs = Array.from({ length: questions }, () => {
      const startedAt = performance.now();
      Array.from(catalogue.listClips({ ...query, limit: pageRows }));
      return performance.now() - startedAt;
    });
    const commandMs: number[] = [];
    for (let run = 0; run < runs; run++) {
      const command = [process.execPath, clipward, 'clip', 'list', '--limit', `${pageRows}`, ...args];
      const { code, ms, stderr } = await measureProgram([...command, '--config', config]);
      if (code !== 0) throw new Error(`clip list ended with ${code}: ${stderr}`);
      commandMs.push(ms);
    }
    found.push({
      ...{ page, questionMs: median(questionMs), worstMs: Math.max(...questionMs) },
      commandMs: Math.round(median(commandMs)),
    });
  }
  return found;
}

export function listingInWords(pages: readonly Page[]): string[] {
  return pages.map(
    ({ page, questionMs, worstMs, commandMs }) =>
      `a page of ${pageRows} clips, ${page}: ${questionMs.toFixed(2)} ms (${worstMs.toFixed(1)} at the worst), the whole command ${commandMs} ms`,
  );
}
