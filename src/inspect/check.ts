// What doctor looks at, one file for each kind of check in checks/. A check finds out one thing that is true right now,
// changes nothing, and says what to do when it is not as it should be.

import { messageOf } from '../base/errors.ts';

export type Level = 'pass' | 'warn' | 'fail' | 'skip';

export type Finding = Readonly<{
  level: Level;
  /** What is the case, in one line. */
  text: string;
  /** What to do about it, in one sentence. */
  remedy?: string;
}>;

export type Check = Readonly<{
  /** Constant, lower case, hyphens: scripts look for it. */
  name: string;
  run(): Finding | Promise<Finding>;
}>;

export type Report = ReadonlyArray<Finding & Readonly<{ check: string }>>;

/** Longer than any check takes on a slow machine, and all of them run at the same time. */
export const checkDeadlineMs = 7000;

/**
 * Runs all checks side by side. One that throws has found something that nobody thought of, and one that does not come to an
 * end has found a disk or a program that does not answer: that is a fail, not an end.
 */
export function runChecks(checks: readonly Check[], deadlineMs = checkDeadlineMs): Promise<Report> {
  return Promise.all(
    checks.map(async check => ({ check: check.name, ...(await finding(check, deadlineMs)) })),
  );
}

async function finding(check: Check, deadlineMs: number): Promise<Finding> {
  const { promise: late, resolve } = Promise.withResolvers<Finding>();
  const timer = setTimeout(() => resolve(noAnswer(deadlineMs)), deadlineMs);
  try {
    return await Promise.race([check.run(), late]);
  } catch (error) {
    return { level: 'fail', text: messageOf(error) };
  } finally {
    clearTimeout(timer);
  }
}

/** Whether something hangs, and this process with it: what a file system does not answer keeps it from ending. */
export function hasUnanswered(report: Report): boolean {
  return report.some(({ text }) => text.startsWith(unanswered));
}

const unanswered = 'no answer within ';

function noAnswer(deadlineMs: number): Finding {
  return fail(
    `${unanswered}${deadlineMs / 1000} s`,
    'A disk or a program does not answer: look at the kernel log (dmesg), and whether a network file system has gone.',
  );
}

export const pass = (text: string): Finding => ({ level: 'pass', text });
export const skip = (text: string): Finding => ({ level: 'skip', text });
export const warn = (text: string, remedy: string): Finding => ({ level: 'warn', text, remedy });
export const fail = (text: string, remedy: string): Finding => ({ level: 'fail', text, remedy });
