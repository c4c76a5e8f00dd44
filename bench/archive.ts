// What the archive costs, small and large: each section for itself, with the real stores, commands and daemon.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../test/support/daemon.ts';
import { type Filing, filingInWords, measureFiling } from './archive/filing.ts';
import { listingInWords, measureListing, type Page } from './archive/listing.ts';
import { type Memory, measureMemory, memoryInWords } from './archive/memory.ts';
import { measureHashing, measureReading, type Reading, readingInWords } from './archive/reading.ts';
import { measureRows, type Rows, rowsInWords } from './archive/rows.ts';
import { measureStartup, type Startup, startupInWords } from './archive/startup.ts';
import { measureThumbnails, type Thumbnails, thumbnailsInWords } from './archive/thumbnails.ts';
import { type Bench, inTemporaryDirectory, wholeOption } from './lib/bench.ts';
import { type LargeArchive, makeLargeArchive } from './lib/large-archive.ts';

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
    'page cache: a disk that has to seek takes longer.',
  ].join('\n'),
  options:
    '[--only SECTION,...] [--rows N] [--clips N] [--dir DIR] [--json]     all, 1000000 and 100000 unless given',
  async run(args) {
    const rows = wholeOption(args, 'rows', 1_000_000);
    const clips = wholeOption(args, 'clips', 100_000);
    const chosen = chosenSections(args);
    await inTemporaryDirectory(args, async directory => {
      process.env.TMPDIR = directory;
      const facts = await measure(directory, chosen, { rows, clips });
      // To remove two million files takes minutes.
      console.log(args.includes('--json') ? JSON.stringify(facts) : inWords(facts).join('\n'));
    });
  },
};

function chosenSections(args: readonly string[]): ReadonlySet<Section> {
  const at = args.indexOf('--only');
  if (at < 0) return new Set(sections);
  const names = (args[at + 1] ?? '').split(',');
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
  madeInSeconds?: number;
  list?: readonly Page[];
  startup?: readonly Startup[];
  check?: Reading;
  verify?: Reading & { mebibytesPerSecond: number };
  rows?: Rows;
};

async function measure(
  directory: string,
  chosen: ReadonlySet<Section>,
  { rows, clips }: { rows: number; clips: number },
): Promise<Facts> {
  const facts: Facts = {};
  if (chosen.has('filing')) facts.filing = await told('filing', measureFiling());
  if (chosen.has('thumbnails')) facts.thumbnails = await told('thumbnails', measureThumbnails());
  if (chosen.has('memory')) facts.memory = await told('memory', measureMemory(clips));
  if (!ofLarge.some(section => chosen.has(section))) return facts;
  const small = await archiveOf(directory, smallClips);
  const startedAt = performance.now();
  const large = await told(`an archive of ${rows} clips`, archiveOf(directory, rows));
  facts.clips = rows;
  facts.madeInSeconds = Math.round((performance.now() - startedAt) / 1000);
  if (chosen.has('list')) facts.list = await told('list', measureListing(large));
  if (chosen.has('startup')) {
    const archives = [
      { clips: smallClips, archive: small },
      { clips: rows, archive: large },
    ];
    facts.startup = await told('startup', measureStartup(archives));
  }
  if (chosen.has('check')) facts.check = await told('check', measureReading('check', large, rows));
  if (chosen.has('verify'))
    facts.verify = {
      ...(await told('verify', measureReading('verify', large, rows))),
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

async function archiveOf(directory: string, clips: number): Promise<LargeArchive> {
  const root = join(directory, `archive-${clips}`);
  mkdirSync(root);
  const [explicit, implicit] = [await freePort(), await freePort()];
  return makeLargeArchive(root, {
    clips,
    settings: [
      'http: { port: null }',
      'ftps:',
      `  explicit: { host: 127.0.0.1, port: ${explicit} }`,
      `  implicit: { host: 127.0.0.1, port: ${implicit} }`,
      '  limits: { minFreeBytes: 0 }',
    ],
  });
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
