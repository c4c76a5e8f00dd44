// What doctor looks at, one file for each kind of check in checks/. A check finds out one thing that is true right now,
// changes nothing, and says what to do when it is not as it should be.

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

/** Runs checks one after another. One that throws has found something that nobody thought of: that is a fail, not an end. */
export async function runChecks(checks: readonly Check[]): Promise<Report> {
  const report: Array<Finding & { check: string }> = [];
  for (const check of checks) report.push({ check: check.name, ...(await finding(check)) });
  return report;
}

async function finding(check: Check): Promise<Finding> {
  try {
    return await check.run();
  } catch (error) {
    return { level: 'fail', text: error instanceof Error ? error.message : String(error) };
  }
}

export const pass = (text: string): Finding => ({ level: 'pass', text });
export const skip = (text: string): Finding => ({ level: 'skip', text });
export const warn = (text: string, remedy: string): Finding => ({ level: 'warn', text, remedy });
export const fail = (text: string, remedy: string): Finding => ({ level: 'fail', text, remedy });
