/** Holds YAML against a schema; what does not fit becomes problems with place, expectation and advice. */
import { z } from 'zod';
import { nearestName } from '../base/known-names.ts';
import { keyNotes } from './key-notes.ts';
import { findSchema, unwrapSchema } from './key-table.ts';
import { type Problem, throwProblems } from './problems.ts';
import type { KeyPath, YamlSource } from './yaml-source.ts';

type Issue = z.core.$ZodIssue;

/** CONFIG_INVALID with every problem at once. */
export function parseSchema<S extends z.ZodObject>(schema: S, source: YamlSource): z.output<S> {
  const result = schema.safeParse(source.data ?? {});
  if (result.success) return result.data;
  throwProblems(result.error.issues.flatMap(issue => problemsOf(issue, [], { schema, source })));
  throw result.error;
}

interface Context {
  readonly schema: z.ZodObject;
  readonly source: YamlSource;
}

function problemsOf(issue: Issue, prefix: KeyPath, context: Context): Problem[] {
  const { schema, source } = context;
  const path: KeyPath = [...prefix, ...(issue.path as (string | number)[])];
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map(key => source.keyProblem([...path, key], unknownKeyMessage(key, findSchema(schema, path))));
    case 'invalid_union': {
      const inside = issue.errors.filter(issues =>
        issues.every(each => each.path.length > 0 || each.code === 'unrecognized_keys' || each.code === 'custom'),
      );
      if (inside[0] !== undefined) return inside[0].flatMap(each => problemsOf(each, path, context));
      return [source.problem(path, mismatchMessage(path, context))];
    }
    case 'custom':
      return [source.problem(path, issue.message)];
    default:
      return [source.problem(path, mismatchMessage(path, context))];
  }
}

function unknownKeyMessage(key: string, owner: z.ZodType | undefined): string {
  const known = owner ? keysOf(owner) : [];
  const guess = nearestName(key, known);
  return `unknown key; ${guess === null ? '' : `did you mean “${guess}”? `}The keys here are ${known.join(', ')}`;
}

function keysOf(schema: z.ZodType): string[] {
  const inner = unwrapSchema(schema);
  if (inner instanceof z.ZodUnion) return inner.options.flatMap(option => keysOf(option as z.ZodType));
  return inner instanceof z.ZodObject ? Object.keys(inner.shape) : [];
}

function mismatchMessage(path: KeyPath, { schema, source }: Context): string {
  const found = findSchema(schema, path);
  const inner = found && unwrapSchema(found);
  const keys = inner instanceof z.ZodObject ? `a map with the keys ${Object.keys(inner.shape).join(', ')}` : 'text';
  const form = (found && keyNotes.get(found)?.form) ?? keys;
  const value = path.reduce<unknown>(
    (inner, step) => (inner as Record<string | number, unknown> | null | undefined)?.[step],
    source.data,
  );
  if (value === undefined && path.length > 0) return `this key is missing; expected ${form}`;
  const quotes =
    inner instanceof z.ZodString && ['number', 'boolean'].includes(typeof value) ? '; put it in quotes' : '';
  return `expected ${form}, found ${describeValue(value)}${quotes}`;
}

function describeValue(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a map';
  if (typeof value === 'string')
    return value === '' ? 'empty text' : `“${value.length > 60 ? `${value.slice(0, 60)}…` : value}”`;
  return `${String(value)}, a ${typeof value === 'boolean' ? 'truth value' : typeof value}`;
}
