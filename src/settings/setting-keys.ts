// The schema as a flat list of keys, for everything that explains settings or guesses what was meant.

import { z } from 'zod';
import { settingsSchema } from './schema.ts';

export type SettingKey = Readonly<{
  /** `ftps.limits.maxConnections`. */
  key: string;
  /** As JSON; undefined when there is none. */
  default: unknown;
  /** `whole number, 1 to 65535`. */
  type: string;
  explanation: string;
}>;

export type SettingSection = Readonly<{ key: string; explanation: string }>;

type Node = {
  type?: string | string[];
  description?: string;
  default?: unknown;
  properties?: Record<string, Node>;
  enum?: unknown[];
  minimum?: number;
  maximum?: number;
  anyOf?: Node[];
  items?: Node;
};

/** All keys, in the order of the schema. */
export function settingKeys(): SettingKey[] {
  return leaves(tree(), '');
}

export function settingSections(): SettingSection[] {
  return sections(tree(), '');
}

function tree(): Node {
  return z.toJSONSchema(settingsSchema, { io: 'input', unrepresentable: 'any' }) as Node;
}

function leaves(node: Node, prefix: string): SettingKey[] {
  return Object.entries(node.properties ?? {}).flatMap(([name, child]) => {
    const key = prefix === '' ? name : `${prefix}.${name}`;
    if (child.properties) return leaves(child, key);
    return [{ key, default: child.default, type: typeOf(child), explanation: explanationOf(child) }];
  });
}

function sections(node: Node, prefix: string): SettingSection[] {
  return Object.entries(node.properties ?? {}).flatMap(([name, child]) => {
    if (!child.properties) return [];
    const key = prefix === '' ? name : `${prefix}.${name}`;
    return [{ key, explanation: child.description ?? '' }, ...sections(child, key)];
  });
}

/** That of a setting that may also be null stands with the other choice. */
function explanationOf(node: Node): string {
  return (
    node.description ?? node.anyOf?.find(({ description }) => description !== undefined)?.description ?? ''
  );
}

function typeOf(node: Node): string {
  if (node.enum) return node.enum.join(' | ');
  if (node.anyOf) return node.anyOf.map(typeOf).join(' | ');
  if (node.type === 'integer') return `whole number, ${node.minimum} to ${node.maximum}`;
  if (node.type === 'array') return node.items?.description ? 'list of texts' : 'list of networks';
  if (node.type === 'boolean') return 'true | false';
  return node.type === 'string' ? 'text' : String(node.type);
}
