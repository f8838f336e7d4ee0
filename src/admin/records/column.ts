/**
 * Records are plain objects with the property names of DFS Replication's classes. One table of columns a noun gives the
 * record's type, its form on the wire and in JSON, its table for people and its documentation.
 */

/** An unsigned value and its name, as the classes number them. */
export type Names = Readonly<Record<number, string>>;

interface ColumnBase {
  readonly about: string;
  /** How Tandem finds the value, where the meaning does not say it. */
  readonly derived?: string;
  /** Heads the column in tables for people; columns without one are shown by `--json` and `show` only. */
  readonly heading?: string;
  /** True where the value may be unknown or not applicable: null in records and JSON. */
  readonly nullable?: true;
}

export type Column =
  | (ColumnBase & { readonly kind: 'text' | 'path' | 'boolean' | 'datetime' })
  | (ColumnBase & { readonly kind: 'number'; readonly unit?: 'bytes' | 'seconds' })
  | (ColumnBase & { readonly kind: 'choice'; readonly names: Names });

export type Columns = Readonly<Record<string, Column>>;

type ValueByKind = { text: string; path: string; boolean: boolean; datetime: string; number: number; choice: number };
type ValueOf<C extends Column> = C extends { readonly nullable: true }
  ? ValueByKind[C['kind']] | null
  : ValueByKind[C['kind']];

/** Datetimes are ISO 8601 in UTC with milliseconds. */
export type RecordOf<T extends Columns> = { readonly [P in keyof T]: ValueOf<T[P]> };

/** A noun: what a row is, and its columns. */
export interface Noun<T extends Columns = Columns> {
  readonly title: string;
  readonly about: string;
  readonly columns: T;
}

/** The classes' values for “not ended yet” and “never happened”. */
export const NOT_ENDED = '1601-01-01T00:00:00.000Z';
export const NEVER = '9999-01-01T00:00:00.000Z';

/** Milliseconds since the Unix epoch → a record's datetime; `absent` where there is none, or none a date can be. */
export function toDatetime(ms: number | null | undefined, absent: typeof NOT_ENDED | typeof NEVER = NEVER): string {
  const date = new Date(ms ?? Number.NaN);
  return Number.isNaN(date.getTime()) ? absent : date.toISOString();
}

type Options = { readonly heading?: string; readonly derived?: string };

export function text<const O extends Options>(about: string, options?: O) {
  return { kind: 'text', about, ...(options as O) } as const;
}
export function path<const O extends Options>(about: string, options?: O) {
  return { kind: 'path', about, ...(options as O) } as const;
}
export function flag<const O extends Options>(about: string, options?: O) {
  return { kind: 'boolean', about, ...(options as O) } as const;
}
export function datetime<const O extends Options>(about: string, options?: O) {
  return { kind: 'datetime', about, ...(options as O) } as const;
}
export function count<const O extends Options & { readonly unit?: 'bytes' | 'seconds' }>(about: string, options?: O) {
  return { kind: 'number', about, ...(options as O) } as const;
}
export function choice<const O extends Options>(names: Names, about: string, options?: O) {
  return { kind: 'choice', names, about, ...(options as O) } as const;
}
/** The same column where the value may be null. */
export function nullable<const C extends Column>(column: C) {
  return { ...column, nullable: true } as const;
}
