/** What the database holds of one folder in memory: as of the last commit that is durable. */
import { EMPTY_VECTOR, type VersionVector } from '../model/version-vector.ts';
import { FolderKeys } from './keys.ts';
import type { Counts } from './store.ts';

export interface FolderSpace {
  /** 32 hex digits. */
  readonly folder: string;
  number: number;
  keys: FolderKeys;
  /** Whether the folder's number is in the database; it gets there with the first commit. */
  numbered: boolean;
  vector: VersionVector;
  counts: Counts;
  state: Readonly<Record<string, unknown>> | null;
}

const NO_COUNTS: Counts = { files: 0, directories: 0, symlinks: 0, bytes: 0, tombstones: 0 };

export function emptySpace(folder: string, number: number): FolderSpace {
  return {
    folder,
    number,
    keys: new FolderKeys(number),
    numbered: false,
    vector: EMPTY_VECTOR,
    counts: NO_COUNTS,
    state: null,
  };
}
