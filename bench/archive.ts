// What the archive costs, small and large: each section for itself, with the real stores, commands and daemon.

import { join } from 'node:path';
import { type Filing, filingInWords, measureFiling } from './archive/filing.ts';
import { listingInWords, measureListing, type Page } from './archive/listing.ts';
import { type Memory, measureMemory, memoryInWords } from './archive/memory.ts';
import { measureHashing, measureReading, type Reading, readingInWords } from './archive/reading.ts';
import { measureRows, type Rows, rowsInWords } from './archive/rows.ts';
import { measureStartup, type Startup, startupInWords } from './archive/startup.ts';
import { measureThumbnails, type Thumbnails, thumbnailsInWords } from './archive/thumbnails.ts';
import { type Bench, inTemporaryDirectory, optionOf, wholeOption } from './lib/bench.ts';
import { type MadeArchive, madeArchive } from './lib/made-archive.ts';

const sections = ['filing', 'thumbnails', 'memory', 'list', 'startup', 'check', 'verify', 'rows'] as const;
type Section = (typeof sections)[number];
/** Those that look at a large archive; rows comes last, as it files into it. */
const ofLarge: readonly Section[] = ['list', 'startup', 'check', 'verify', 'rows'];
const smallClips = 1000;

export const bench: Bench = {
  description: [
    'the archive: filing, thumbnails, memory, start, lists, check and verify, small and large',
    'filing      clips a second and CPU for each, while many wait in the inbox: no video, large, with thumbnails',
    'thumbnails  from 226 to the thumbnail, for a real client that uploads 1080p clips one after the other',
    'memory      of the daemon while it files --clips small clips',
    'list, startup, check, verify, rows: with an archive of --rows clips, each with a small file, a thumbnail, a receipt, an',
    'event and an entry in the chain. rows is what filing costs with so many, against a thousand, in turns. Files are in the',
    'page cache: a disk that has to seek takes longer. It is made while memory is measured, which no time is taken of.',
    'With --keep DIR it stays there, and is taken from there by the next run.',
  ].join('\n'),
  options:
    '[--only SECTION,...] [--rows N] [--clips N] [--dir DIR] [--keep DIR] [--json]     all, 1000000 and 100000',
  async run(args) {
    const rows = wholeOption(args, 'rows', 1_000_000);
    const clips = wholeOption(args, 'clips', 100_000);
    const chosen = chosenSections(args);
    await inTemporaryDirectory(args, async directory => {
      process.env.TMPDIR = directory;
      const kept = optionOf(args, 'keep') ?? directory;
      const facts = await measure({ directory, kept }, chosen, { rows, clips });
      // To remove two million files takes a while.
      console.log(args.includes('--json') ? JSON.stringify(facts) : inWords(facts).join('\n'));
    });
  },
};

function chosenSections(args: readonly string[]): ReadonlySet<Section> {
  const only = optionOf(args, 'only');
  if (only === undefined) return new Set(sections);
  const names = only.split(',');
  const unknown = names.find(name => !sections.some(section => section === name));
  if (unknown !== undefined)
    throw new Error(`--only takes ${sections.join(', ')}, not ${JSON.stringify(unknown)}`);
  return new Set(sections.filter(section => names.includes(section)));
}

type Facts = {
  filing?: readonly Filing[];
  thumbnails?: Thumbnails;
  memory?: Memory;
  /** Of the large archive. */
  clips?: number;
  list?: readonly Page[];
  startup?: readonly Startup[];
  check?: Reading;
  verify?: Reading & { mebibytesPerSecond: number };
  rows?: Rows;
};

async function measure(
  { directory, kept }: { directory: string; kept: string },
  chosen: ReadonlySet<Section>,
  { rows, clips }: { rows: number; clips: number },
): Promise<Facts> {
  const facts: Facts = {};
  if (chosen.has('filing')) facts.filing = await told('filing', measureFiling());
  if (chosen.has('thumbnails')) facts.thumbnails = await told('thumbnails', measureThumbnails());
  const needsLarge = ofLarge.some(section => chosen.has(section));
  const makeBoth = async () => ({
    small: await madeArchive(join(kept, 'small'), smallClips),
    large: await madeArchive(join(kept, 'large'), rows),
  });
  const [memory, archives] = await Promise.all([
    chosen.has('memory') ? told('memory', measureMemory(clips)) : undefined,
    needsLarge ? told(`an archive of ${rows} clips`, makeBoth()) : undefined,
  ]);
  return {
    ...facts,
    ...(memory && { memory }),
    ...(archives && (await measureLarge(directory, chosen, archives))),
  };
}

async function measureLarge(
  directory: string,
  chosen: ReadonlySet<Section>,
  { small, large }: { small: MadeArchive; large: MadeArchive },
): Promise<Facts> {
  const facts: Facts = { clips: large.clips };
  if (chosen.has('list')) facts.list = await told('list', measureListing(large));
  if (chosen.has('startup')) facts.startup = await told('startup', measureStartup([small, large]));
  if (chosen.has('check')) facts.check = await told('check', measureReading('check', large));
  if (chosen.has('verify'))
    facts.verify = {
      ...(await told('verify', measureReading('verify', large))),
      ...(await told('verify of large clips', measureHashing(directory))),
    };
  if (chosen.has('rows')) facts.rows = await told('rows', measureRows(small, large));
  return facts;
}

/** It takes minutes: whoever waits sees how far it is. */
async function told<T>(what: string, work: Promise<T>): Promise<T> {
  const startedAt = performance.now();
  const found = await work;
  process.stderr.write(`${what}: ${((performance.now() - startedAt) / 1000).toFixed(0)} s\n`);
  return found;
}

function inWords(facts: Facts): string[] {
  const { filing, thumbnails, memory, clips, list, startup, check, verify, rows } = facts;
  return [
    ...(filing ? filingInWords(filing) : []),
    ...(thumbnails ? thumbnailsInWords(thumbnails) : []),
    ...(memory ? memoryInWords(memory) : []),
    ...(list ? listingInWords(list) : []),
    ...(startup ? startupInWords(startup) : []),
    ...(check ? [readingInWords('check', check)] : []),
    ...(verify
      ? [
          readingInWords('verify', verify),
          `verify of large clips: ${Math.round(verify.mebibytesPerSecond)} MiB a second`,
        ]
      : []),
    ...(rows && clips ? rowsInWords(rows, clips) : []),
  ];
}
