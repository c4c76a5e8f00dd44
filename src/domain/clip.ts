// The words for what arrives, as docs/glossary.md defines them.

/** What the end of an upload proved about its bytes (see domain/completeness.ts). */
export const completenesses = ['whole', 'unproven', 'partial'] as const;
export type Completeness = (typeof completenesses)[number];

/** How the completeness was known. `repeat`: the same bytes came a second time and nothing else proves their end. */
export const completenessBases = ['close-notify', 'container', 'repeat', 'none'] as const;
export type CompletenessBasis = (typeof completenessBases)[number];

/** What a stored file is. Tests and sentinels are what cameras write to try the server; they are shown, but are no clips of anything. */
export const clipKinds = ['video', 'image', 'test', 'sentinel', 'other'] as const;
export type ClipKind = (typeof clipKinds)[number];

/** What a clip's `startAt` rests on. */
export const timeSources = ['name', 'corrected', 'container', 'arrival'] as const;
export type TimeSource = (typeof timeSources)[number];
