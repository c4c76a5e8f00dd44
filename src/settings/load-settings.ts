// From a YAML file to settings, or one sentence about what is wrong in it.

import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseDocument } from 'yaml';
import type { z } from 'zod';
import { errnoOf, SettingsError } from '../base/errors.ts';
import { type SettingsFile, settingsSchema } from './schema.ts';
import { settingKeys, settingSections } from './setting-keys.ts';
import type { Settings } from './settings.ts';

/** A settings file is some lines; more is a mistake. */
const maxFileBytes = 1024 * 1024;

/** The directory of package.json: what relative paths mean without a settings file. */
export const projectRoot = fileURLToPath(new URL('../../', import.meta.url));

/**
 * Loads the settings from the first of: `file` (`--config`), `CLIPWARD_CONFIG`, `config/clipward.yaml` of the project,
 * `/etc/clipward/clipward.yaml`; without any, the defaults. Throws SettingsError.
 */
export function loadSettings(options: {
  file?: string | undefined;
  environment: Readonly<Record<string, string | undefined>>;
  projectRoot?: string;
}): Settings {
  const root = options.projectRoot ?? projectRoot;
  const named = options.file ?? (options.environment.CLIPWARD_CONFIG || undefined);
  const file =
    named === undefined
      ? [join(root, 'config', 'clipward.yaml'), '/etc/clipward/clipward.yaml'].find(candidate =>
          existsSync(candidate),
        )
      : resolve(named);
  const content = file === undefined ? {} : parseYaml(file);
  const parsed = settingsSchema.safeParse(content);
  if (!parsed.success)
    throw new SettingsError(sentenceOf(parsed.error.issues, content, file ?? 'the defaults'));
  return absolute(parsed.data, content, { file: file ?? null, root });
}

/** The keys that a settings file sets, as `ftps.limits.maxConnections`. Throws SettingsError. */
export function keysInFile(file: string): ReadonlySet<string> {
  const content = parseYaml(file);
  return new Set(
    settingKeys()
      .map(({ key }) => key)
      .filter(key => valueAt(content, key.split('.')) !== undefined),
  );
}

function readText(file: string): string {
  try {
    const bytes = readFileSync(file);
    if (bytes.length > maxFileBytes)
      throw new SettingsError(
        `${file} is larger than a settings file can be: expected at most 1 MiB of YAML.`,
      );
    return bytes.toString('utf8');
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    throw new SettingsError(
      `${file} cannot be read (${errnoOf(error)}): name an existing settings file that this user may read.`,
      {
        cause: error,
      },
    );
  }
}

function parseYaml(file: string): unknown {
  const text = readText(file);
  const document = parseDocument(text, { strict: true, uniqueKeys: true, prettyErrors: false });
  const problem = document.errors[0] ?? document.warnings[0];
  if (problem !== undefined) {
    const line = text.slice(0, problem.pos[0]).split('\n').length;
    const what =
      problem.code === 'DUPLICATE_KEY' ? 'a key stands there twice' : problem.message.replace(/\.$/, '');
    throw new SettingsError(`${file} line ${line} is no valid YAML: ${what}.`);
  }
  try {
    // A file in which everything is commented out asks for the defaults.
    return document.toJS({ maxAliasCount: 0 }) ?? {};
  } catch (error) {
    throw new SettingsError(`${file} has an alias (*name) in it: write the value out where it is meant.`, {
      cause: error,
    });
  }
}

function sentenceOf(issues: readonly z.core.$ZodIssue[], content: unknown, file: string): string {
  const [issue] = issues;
  if (issue === undefined) return `${file} is not a valid settings file.`;
  const key = issue.path.join('.');
  if (issue.code === 'unrecognized_keys') {
    const unknown = [...issue.path, issue.keys[0] as string].join('.');
    const near = nearestKey(unknown);
    return `${unknown} in ${file} is not a setting${near === undefined ? '' : `, did you mean ${near}`}: see clipward config explain for all of them.`;
  }
  const found = valueAt(content, issue.path);
  const standard = settingKeys().find(each => each.key === key)?.default;
  // A default can be wrong beside what the file says of another key.
  if (found === undefined && standard !== undefined)
    return `${key} must be ${issue.message}, ${file} leaves it at its default, ${describe(standard)}.`;
  return `${key || 'The file'} must be ${issue.message}, ${file} says ${describe(found)}.`;
}

function valueAt(content: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, key) => (value as Record<PropertyKey, unknown> | null | undefined)?.[key],
    content,
  );
}

function describe(value: unknown): string {
  if (value === undefined) return 'nothing';
  const text = JSON.stringify(value);
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

/** The known key or section that is most like an unknown one, if any is like it. */
function nearestKey(unknown: string): string | undefined {
  const known = [...settingKeys(), ...settingSections()].map(({ key }) => key);
  const name = unknown.slice(unknown.lastIndexOf('.') + 1);
  const ranked = known
    .map(key => ({
      key,
      distance: Math.min(
        editDistance(key, unknown),
        editDistance(key.slice(key.lastIndexOf('.') + 1), name) + 1,
      ),
    }))
    .sort((a, b) => a.distance - b.distance);
  const [best] = ranked;
  return best !== undefined && best.distance <= Math.max(2, name.length / 3) ? best.key : undefined;
}

/** Levenshtein's, for words as short as keys. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (const [i, letter] of [...a].entries()) {
    const next = [i + 1];
    for (const [j, other] of [...b].entries()) {
      next.push(
        Math.min(
          (row[j + 1] as number) + 1,
          (next[j] as number) + 1,
          (row[j] as number) + (letter.toLowerCase() === other.toLowerCase() ? 0 : 1),
        ),
      );
    }
    row = next;
  }
  return row[b.length] as number;
}

/** What retention keeps free above the floor at which uploads are refused: an hour of dozens of cameras. */
const roomAboveRefusal = 4 * 1024 ** 3;

/**
 * Paths in a file are relative to it. A directory that the file does not name lies beside the file, but beside config/ for
 * the project's own: writing a first setting into that file must not make the archive seem to have vanished.
 */
function absolute(
  settings: SettingsFile,
  content: unknown,
  { file, root }: { file: string | null; root: string },
): Settings {
  const beside = file === null ? root : dirname(file);
  const defaultBase = beside === join(root, 'config') ? root : beside;
  const place = (key: 'dataDir' | 'certsDir') =>
    resolve(valueAt(content, [key]) === undefined ? defaultBase : beside, settings[key]);
  const dataDir = place('dataDir');
  const { certificateDir } = settings.ftps.tls;
  const stateDir =
    settings.stateDir === undefined ? join(dirname(dataDir), 'state') : resolve(beside, settings.stateDir);
  return {
    ...settings,
    file,
    dataDir,
    stateDir,
    alerts: absoluteAlerts(settings.alerts, { beside, secrets: join(stateDir, 'secrets') }),
    certsDir: place('certsDir'),
    ftps: {
      ...settings.ftps,
      tls: { ...settings.ftps.tls, certificateDir: certificateDir && resolve(beside, certificateDir) },
    },
    retention: {
      ...settings.retention,
      minFreeBytes: settings.retention.minFreeBytes ?? settings.ftps.limits.minFreeBytes + roomAboveRefusal,
    },
  };
}

function absoluteAlerts(
  alerts: SettingsFile['alerts'],
  { beside, secrets }: { beside: string; secrets: string },
): Settings['alerts'] {
  const within = (directory: string, path: string | null) =>
    path === null ? null : resolve(directory, path);
  const { webhook, email } = alerts;
  return {
    ...alerts,
    webhook: {
      ...webhook,
      secretFile: within(secrets, webhook.secretFile),
      caFile: within(beside, webhook.caFile),
    },
    email: {
      ...email,
      passwordFile: within(secrets, email.passwordFile),
      caFile: within(beside, email.caFile),
    },
  };
}
