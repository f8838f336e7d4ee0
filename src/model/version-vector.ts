import type { DatabaseId, Gvsn } from './version.ts';

/** For each database the numbers claimed, as ascending half-open intervals (low, high] in one flat list. */
export type VersionVector = ReadonlyMap<DatabaseId, readonly number[]>;

export const EMPTY_VECTOR: VersionVector = new Map();

export type { Gvsn };
