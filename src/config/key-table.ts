/** The table of all configuration keys, read off the schemas and their notes. */
import { z } from 'zod';
import { type KeyNote, keyNotes } from './key-notes.ts';
import type { KeyPath } from './yaml-source.ts';

export interface KeyEntry {
  /** `folders.<folder>.brakes.deletedShare`; `connections[].from` */
  readonly key: string;
  readonly note: KeyNote;
  readonly required: boolean;
  /** As it would stand in the file; null where there is none. */
  readonly defaultText: string | null;
}

/** Every key with a note, parents before children, in the order of the schema. */
export function listKeys(schema: z.ZodObject): KeyEntry[] {
  return walk(schema, '');
}

function walk(schema: z.ZodType, key: string): KeyEntry[] {
  const note = keyNotes.get(schema);
  const own: KeyEntry[] =
    note && key !== '' ? [{ key, note, required: isRequired(schema), defaultText: defaultText(schema) }] : [];
  const inner = unwrapSchema(schema);
  if (inner instanceof z.ZodObject) {
    const children = Object.entries(inner.shape as Record<string, z.ZodType>);
    return [...own, ...children.flatMap(([name, child]) => walk(child, key === '' ? name : `${key}.${name}`))];
  }
  if (inner instanceof z.ZodRecord)
    return [...own, ...walk(inner.valueType as z.ZodType, `${key}.<${note?.each ?? 'name'}>`)];
  if (inner instanceof z.ZodArray) return [...own, ...walk(inner.element as z.ZodType, `${key}[]`)];
  if (inner instanceof z.ZodUnion) return [...own, ...inner.options.flatMap(option => walk(option as z.ZodType, key))];
  return own;
}

/** The schema of the value under `path`, with its notes; undefined where the path leads nowhere. */
export function findSchema(schema: z.ZodType, path: KeyPath): z.ZodType | undefined {
  const [step, ...rest] = path;
  if (step === undefined) return schema;
  const inner = unwrapSchema(schema);
  if (inner instanceof z.ZodObject) {
    const child = (inner.shape as Record<string, z.ZodType>)[String(step)];
    return child && findSchema(child, rest);
  }
  if (inner instanceof z.ZodRecord) return findSchema(inner.valueType as z.ZodType, rest);
  if (inner instanceof z.ZodArray) return findSchema(inner.element as z.ZodType, rest);
  if (inner instanceof z.ZodUnion) {
    const options = inner.options.map(option => findSchema(option as z.ZodType, path));
    return options.find(option => option !== undefined);
  }
  return undefined;
}

/** The schema below its default, optionality and transformation. */
export function unwrapSchema(schema: z.ZodType): z.ZodType {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodPrefault)
    return unwrapSchema(schema.unwrap() as z.ZodType);
  if (schema instanceof z.ZodPipe) return unwrapSchema(schema.in as z.ZodType);
  return schema;
}

function isRequired(schema: z.ZodType): boolean {
  return !(schema instanceof z.ZodOptional || schema instanceof z.ZodPrefault);
}

function defaultText(schema: z.ZodType): string | null {
  if (!(schema instanceof z.ZodPrefault)) return null;
  const value: unknown = schema.def.defaultValue;
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return null;
  return typeof value === 'string' ? value : JSON.stringify(value);
}
