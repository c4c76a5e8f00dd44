import { counted } from '../domain/counted.ts';
import type { ImportReport } from '../ingest/import-tree.ts';
import { formatBytes, formatFacts, formatTable } from './table.ts';

/** Names of each kind that are told at the end; the others are only counted. */
export const maxNames = 1000;

/** What docs/json.md says of `import`. */
export type ImportSummary = Readonly<{
  camera: string;
  directory: string;
  dryRun: boolean;
  filed: number;
  filedBytes: number;
  repeats: number;
  known: number;
  skipped: Named;
  notImported: Named;
  /** Why it ended before the end of the tree, in a sentence. */
  stopped: string | null;
}>;

type Named = Readonly<{
  count: number;
  files: readonly Readonly<{ path: string; reason: string; why?: string }>[];
}>;
type Mutable = { count: number; files: { path: string; reason: string; why?: string }[] };

/** Counts, and remembers so many names: memory does not grow with the tree. */
export function openTally() {
  const tally = { filed: 0, filedBytes: 0, repeats: 0, known: 0 };
  const skipped: Mutable = { count: 0, files: [] };
  const notImported: Mutable = { count: 0, files: [] };
  const name = (list: Mutable, file: Mutable['files'][number]) => {
    list.count++;
    if (list.files.length < maxNames) list.files.push(file);
  };
  return {
    add(report: ImportReport) {
      const { path } = report;
      if (report.outcome === 'skipped') name(skipped, { path, reason: report.why });
      else if ('why' in report) name(notImported, { path, reason: report.outcome, why: report.why });
      else if (report.outcome === 'repeat') tally.repeats++;
      else if (report.outcome === 'known') tally.known++;
      else {
        tally.filed++;
        tally.filedBytes += report.bytes;
      }
    },
    filesSeen: () => tally.filed + tally.repeats + tally.known + notImported.count,
    summary: () => ({ ...tally, skipped, notImported }),
  };
}

/** For people: counts, then names. */
export function formatImportSummary(summary: ImportSummary): string {
  const { dryRun, filed, filedBytes, skipped, notImported } = summary;
  const facts = formatFacts([
    ['camera', summary.camera],
    ['directory', summary.directory],
    [dryRun ? 'would be filed' : 'filed', `${counted(filed, 'file')}, ${formatBytes(filedBytes)}`],
    [dryRun ? 'would be repeats' : 'repeats', String(summary.repeats)],
    ['imported before', String(summary.known)],
    ['skipped', String(skipped.count)],
    ['not imported', String(notImported.count)],
  ]);
  return [facts, ...namesOf('SKIPPED', skipped), ...namesOf('NOT IMPORTED', notImported)].join('\n\n');
}

function namesOf(title: string, { count, files }: Named): string[] {
  if (count === 0) return [];
  const rows = files.map(({ path, reason, why }) => [path, why === undefined ? reason : `${reason}: ${why}`]);
  const more = count > files.length ? [`and ${count - files.length} more`] : [];
  return [[formatTable([title, 'WHY'], rows), ...more].join('\n')];
}
