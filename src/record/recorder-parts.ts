// What recording a camera needs: where its pictures come from, where they go, and how long is waited between tries.

import type { FootageFiles } from '../archive/footage-files.ts';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Catalogue } from '../catalogue/catalogue.ts';
import type { FootageInit, Fragment } from '../domain/footage/fragment-reader.ts';
import type { StreamError } from './stream-error.ts';

export type PullSink = Readonly<{ onInit(init: FootageInit): void; onFragment(fragment: Fragment): void }>;

/** One connection to a camera. Disposing it ends it. */
export type CameraPull = AsyncDisposable & Readonly<{ ended: Promise<StreamError> }>;

/** What is recorded: `key` changes with everything that makes another connection necessary. */
export type CameraSource = Readonly<{
  key: string;
  /** What a picture waits in a pull before its fragment comes, on average. */
  meanHoldMs: number;
  /** Throws StreamError. Aborting makes it throw soon. */
  pull(sink: PullSink, signal: AbortSignal): Promise<CameraPull>;
}>;

export type RecorderParts = Readonly<{
  catalogue: Catalogue;
  files: FootageFiles;
  /** Of the disk of the media. */
  freeBytes(): Promise<number>;
  /** Below this nothing is written. */
  minFreeBytes: number;
  segmentMs: number;
  lossWindowMs: number;
  clock: Clock;
  log: Log;
  /** From 0 to 1. */
  random(): number;
  delays?: RecorderDelays;
}>;

export type RecorderDelays = Readonly<{
  /** Before the second try; each further one waits twice as long as the one before. */
  firstRetryMs: number;
  maxRetryMs: number;
  /** While the disk or the catalogue is what fails. */
  diskRetryMs: number;
  /** How often the disk is looked at while it is written to. */
  diskLookMs: number;
}>;

export const standardDelays: RecorderDelays = {
  firstRetryMs: 1000,
  maxRetryMs: 30_000,
  diskRetryMs: 5000,
  diskLookMs: 2000,
};
