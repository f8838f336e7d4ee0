/** Updates and records: what members tell each other about a file, and what one member keeps of it. [dfsr.md §5.2] */
import type { Gvsn, Uid } from './version.ts';

export type Kind = 'file' | 'directory' | 'symlink';

/**
 * One version of one file on its way between members. All fields are the same on every member that holds this version.
 * Tombstones (`present` false) keep the last known name, parent and kind.
 */
export interface Update {
  readonly uid: Uid;
  readonly gvsn: Gvsn;
  readonly parent: Uid;
  readonly name: string;
  readonly kind: Kind;
  readonly present: boolean;
  /** A tombstone made because the name was taken; never set while present. */
  readonly nameConflict: boolean;
  /** Of a directory lost in a name conflict: the directory its children went to. */
  readonly mergedInto: Uid | null;
  readonly fence: number;
  /** Hybrid logical clock: microseconds since the Unix epoch. */
  readonly clock: number;
  /** First appearance in the group: milliseconds since the Unix epoch. */
  readonly createTime: number;
  /** Permission bits, 0 to 0o7777. */
  readonly mode: number;
  readonly mtimeNs: bigint;
  /** Bytes of a file; 0 for everything else. */
  readonly size: number;
  /** SHA-256 of a file's content as 64 hex digits; '' for everything else. */
  readonly hash: string;
  /** Where a symlink points, verbatim; '' for everything else. */
  readonly target: string;
  /**
   * The newest version of this file from each other database that this version was made in knowledge of, and the
   * version it directly replaced. A version not covered here is concurrent with this one.
   */
  readonly ancestry: readonly Gvsn[];
}

/** How a file looked on disk when Tandem last agreed with it. Any difference is a user's edit. */
export interface Stat {
  readonly kind: Kind | 'other';
  readonly ino: bigint;
  readonly size: number;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
  /** 0n where the file system does not tell. */
  readonly birthtimeNs: bigint;
  readonly mode: number;
  readonly nlink: number;
}

/** A member's record of one file: the version it holds, and its look on this disk (null: not on disk). */
export interface FileRecord extends Update {
  readonly disk: Stat | null;
  /** Found here before the first synchronisation and not yet told to any partner. */
  readonly provisional: boolean;
  /** The earliest version known here since which the content is this one; absent: the record's own. */
  readonly contentSince?: Gvsn;
}

/** Values of `fence`; anything above is a time stamp in milliseconds. [dfsr.md §3.5, §5.6] */
export const FENCE = { unfenced: 0, initialSync: 1, initialPrimary: 2, default: 3 } as const;
