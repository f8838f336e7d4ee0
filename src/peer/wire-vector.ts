/** Version vectors on the wire: a table of databases and delta-coded intervals. */
import { LIMITS } from '../base/limits.ts';
import type { DatabaseId } from '../model/version.ts';
import { checkVector, EMPTY_VECTOR, type VersionVector } from '../model/version-vector.ts';
import { assertColumn, databasesFromWire, databasesToWire, violation } from './wire-parts.ts';

export interface WireVector {
  readonly databases: Buffer;
  readonly intervalCounts: readonly number[];
  readonly steps: readonly number[];
}

export function vectorToWire(vector: VersionVector): WireVector {
  const databases = [...vector.keys()].sort();
  const intervalCounts: number[] = [];
  const steps: number[] = [];
  const kept: string[] = [];
  for (const database of databases) {
    const bounds = vector.get(database) ?? [];
    if (bounds.length === 0) continue;
    kept.push(database);
    intervalCounts.push(bounds.length / 2);
    let before = 0;
    for (const bound of bounds) {
      steps.push(bound - before);
      before = bound;
    }
  }
  return { databases: databasesToWire(kept, kept.length), intervalCounts, steps };
}

/** Nothing on the wire stands for the empty vector. */
export function vectorFromWire(wire: WireVector | null, field: string): VersionVector {
  if (wire === null) return EMPTY_VECTOR;
  const { intervalCounts, steps } = wire;
  const databases = databasesFromWire(wire.databases, `${field}.databases`, LIMITS.vectorDatabases);
  assertColumn(intervalCounts.length, `${field}.interval_counts`, databases.length);
  const vector = new Map<DatabaseId, readonly number[]>();
  let at = 0;
  for (let i = 0; i < databases.length; i++) {
    if (i > 0 && databases[i]! <= databases[i - 1]!) throw violation(`${field}.databases`, 'is not strictly ascending');
    const end = Math.min(at + 2 * intervalCounts[i]!, steps.length);
    const bounds: number[] = [];
    let bound = 0;
    while (at < end) {
      bound += steps[at++]!;
      bounds.push(bound);
    }
    vector.set(databases[i]!, bounds);
  }
  assertColumn(steps.length, `${field}.steps`, 2 * intervalCounts.reduce((sum, count) => sum + count, 0));
  const problem = checkVector(vector);
  if (problem !== null) throw violation(field, `is malformed: ${problem}`);
  return vector;
}
