/**
 * One replicated folder on disk, as the folder's loop sees it.
 *
 * Paths are relative to the root, components joined by '/', '' being the root; every component has been validated
 * (`model/name-rules.ts`). No call follows a symlink, whatever is changed under it meanwhile. Calls are
 * carried out in the order they are made, except `hash`, `readWhole` and `readRange`, which may run beside the others.
 * Bytes that are read belong to whoever asked for them, and bytes that are staged to the disk: they may be empty
 * afterwards (`base/owned-blocks.ts`).
 * A call rejects only with `TandemError` (ROOT_MISSING, MARKER_MISSING, FILE_SYSTEM_CHANGED, ROOT_UNWRITABLE, DISK_FULL,
 * STAGING_INACCESSIBLE, DISK_FAILED, CANCELLED); what concerns one file is a value in the answer.
 */
import type { Recipe } from '../model/recipe.ts';
import type { Stat } from '../model/update.ts';

export interface Disk {
  /** Looks at the root and its marker. Never rejects for their absence: that is the answer. */
  probe(): Promise<RootProbe>;
  /** Creates `.tandem/` with its sub-directories where missing and writes the marker durably. */
  claim(marker: Marker): Promise<void>;
  /** Compares directories with what is known of them. One answer a request, in order. */
  scan(requests: readonly ScanRequest[]): Promise<ScanAnswer[]>;
  /** How these names look now; null: nothing there (or a directory on the way is missing). */
  look(paths: readonly string[]): Promise<(Stat | null)[]>;
  /** Reads one file of any size. 'changed': it is not what `stat` says, or changed while it was read. */
  hash(path: string, stat: Stat, signal?: AbortSignal): Promise<Hashed | 'changed' | 'gone'>;
  /** Reads whole small files (at most LIMITS.wholeFileBytes each) that still look as `stat` says. */
  readWhole(requests: readonly { path: string; stat: Stat }[]): Promise<(Uint8Array | 'changed' | 'gone')[]>;
  readRange(
    file: { path: string; stat: Stat },
    offset: number,
    length: number,
  ): Promise<Uint8Array | 'changed' | 'gone'>;

  /** Writes whole small files into staging, verified against their SHA-256. */
  stageWhole(items: readonly StageItem[]): Promise<StageAnswer[]>;
  /** Opens (or re-opens, to resume) a staged file that is written front to back. Answers the bytes already there. */
  stageOpen(stagingId: string): Promise<{ bytes: number }>;
  /** Appends received data or bytes copied from a local file; copies are checked chunk by chunk against their xxh64. */
  stageAppend(stagingId: string, pieces: readonly StagePiece[]): Promise<AppendAnswer>;
  /** Ends a staged file: right size and SHA-256, mode and mtime set; 'mismatch' drops it. */
  stageSeal(item: Omit<StageItem, 'data'>): Promise<StageAnswer>;
  stageDrop(stagingIds: readonly string[]): Promise<void>;
  /**
   * Drops staged files not named here, keeping partial ones younger than a day. Where there is more than `marks.from`
   * bytes also those go, the oldest first, until `marks.to`. Answers the bytes in staging, and how many went so.
   */
  stageSweep(keep: ReadonlySet<string>, marks?: SweepMarks): Promise<{ bytes: number; reclaimed: number }>;

  /**
   * Carries out operations in order. A failed one does not stop the next. Durable only after `sync`. `group`: by what name
   * `settle` knows what they set aside.
   */
  apply(operations: readonly Operation[], group?: string): Promise<Outcome[]>;
  /** Makes everything applied so far durable, as a group. */
  sync(): Promise<void>;
  /** Forgets what the operations of a group have set aside; called once its records are durable. */
  settle(group?: string): Promise<void>;
  /**
   * After a crash: looks which of the operations had happened. A torn install (right inode, wrong content) is undone
   * and what was set aside is put back. What was removed is still set aside then, until `settle` without a group.
   */
  recover(operations: readonly Operation[]): Promise<Outcome[]>;
  /**
   * What was set aside or stepped aside, has no other name and belongs to no operation any more is preserved: after a
   * recovery, and before anything else where the database that would tell was lost. What an interrupted run has put in
   * place is made durable.
   */
  salvage(): Promise<Preserved[]>;

  preserved(area: PreservedArea): Promise<Preserved[]>;
  /** Of a preserved file; null: the item is no file, changed while it was read, or is gone. */
  hashPreserved(area: PreservedArea, id: string): Promise<{ readonly hash: string; readonly ino: bigint } | null>;
  /** Moves (or copies) a preserved item to `to` ('' components created as needed); 'occupied' if something is there. */
  restorePreserved(
    area: PreservedArea,
    id: string,
    to: string,
    copy: boolean,
  ): Promise<'restored' | 'occupied' | 'missing'>;
  deletePreserved(area: PreservedArea, id: string): Promise<'deleted' | 'missing'>;
  space(): Promise<{ freeBytes: number; totalBytes: number }>;
  close(): Promise<void>;
}

/** A disk whose long readings can be shared by two threads (`worker-disk.ts`). */
export interface DividedDisk extends Disk {
  /** The two halves of `hash` for a large file, each with a reading of its own. */
  digest(path: string, stat: Stat, signal?: AbortSignal): Promise<{ readonly hash: string } | 'changed' | 'gone'>;
  recipe(path: string, stat: Stat, signal?: AbortSignal): Promise<Recipe | 'changed' | 'gone'>;
  /** SHA-256 of the first `bytes` bytes of a file that is being staged, read on from the last call; null: it is shorter. */
  stageDigest(stagingId: string, bytes: number): Promise<string | null>;
  /** `digest`: what `stageDigest` answered for all of the file. */
  stageSeal(item: Omit<StageItem, 'data'>, digest?: string | null): Promise<StageAnswer>;
}

/** What `.tandem/marker.json` says. */
export interface Marker {
  readonly folder: string;
  readonly member: string;
  readonly database: string;
  /** The highest version number reserved by that database when the marker was last written. */
  readonly reservedVsn: number;
  /** Incremented at each start of the member. */
  readonly generation: number;
}

export type RootProbe =
  | { readonly kind: 'missing' | 'not-a-directory' | 'unreadable' | 'unwritable'; readonly detail: string }
  | {
      readonly kind: 'directory';
      readonly dev: bigint;
      readonly ino: bigint;
      readonly marker: Marker | null;
      /** True where the root holds nothing but `.tandem/`. */
      readonly empty: boolean;
    };

/** In bytes. */
export interface SweepMarks {
  readonly from: number;
  readonly to: number;
}

export interface Known {
  readonly name: string;
  readonly stat: Stat;
}

export interface ScanRequest {
  readonly path: string;
  readonly known: readonly Known[];
  /** Content of new and changed files up to this size is hashed on the way, within LIMITS.scanHashBytesPerStep. */
  readonly hashUpToBytes: number;
  /** Files changed less than this long ago are reported as `hot` and not hashed. */
  readonly quietMs: number;
}

export type ScanAnswer =
  | { readonly kind: 'missing' }
  /** The directory cannot be listed: what is below it is unknown, never deleted. */
  | { readonly kind: 'unreadable'; readonly detail: string }
  | {
      readonly kind: 'listed';
      readonly found: readonly Found[];
      /** Known names that are not there. */
      readonly gone: readonly string[];
      readonly unsupported: readonly Unsupported[];
      /** Known and unchanged entries. */
      readonly unchanged: number;
    };

/** A name that is new, or whose look differs from what was known. */
export interface Found {
  readonly name: string;
  readonly stat: Stat;
  /** Of a symlink: where it points. */
  readonly target: string;
  /** Of a file: its content, where it was hashed on the way. */
  readonly content: Hashed | null;
  /** Changed within the quiet window, or while it was read: look again soon. */
  readonly hot: boolean;
}

export interface Unsupported {
  /** As text; bytes that are not UTF-8 are shown as \xNN. */
  readonly name: string;
  readonly reason: 'device' | 'socket' | 'fifo' | 'non-utf8-name' | 'other-file-system' | 'unreadable';
}

export interface Hashed {
  readonly hash: string;
  /** Of a file above LIMITS.wholeFileBytes: its chunks. */
  readonly recipe: Recipe | null;
  /** The look of the file when it was read, before and after. */
  readonly stat: Stat;
}

export interface StageItem {
  /** 1 to 128 characters of [0-9a-z.-]. */
  readonly stagingId: string;
  readonly data: Uint8Array;
  readonly size: number;
  readonly hash: string;
  readonly mode: number;
  readonly mtimeNs: bigint;
}

export type StageAnswer =
  /** `mode`: as this disk holds it. */
  | { readonly kind: 'staged'; readonly ino: bigint; readonly mode: number }
  | { readonly kind: 'mismatch' | 'no-space' | 'failed'; readonly detail: string };

export interface AppendAnswer {
  /** The piece that could not be copied as announced; neither it nor what comes behind it is there. */
  readonly failedPiece: number | null;
  /** How long the staged file is now. */
  readonly bytes: number;
}

export type StagePiece =
  | { readonly kind: 'data'; readonly data: Uint8Array }
  | {
      readonly kind: 'copy';
      /** A file of any replicated folder of this member; `root` is that folder's root directory. */
      readonly root: string;
      readonly path: string;
      readonly offset: number;
      /** Lengths and xxh64 of the chunks to copy, one after the other. */
      readonly lengths: readonly number[];
      readonly hashes: readonly bigint[];
    };

/**
 * `expect`: what the record knew to be under the name; null: nothing. If something else is there: 'changed' or 'occupied'.
 * 'attributes' does not compare ctime, so that it may follow a 'move' of the same file in one call.
 */
export type Operation =
  | { readonly kind: 'make-directory'; readonly path: string; readonly mode: number }
  | {
      readonly kind: 'install';
      readonly path: string;
      readonly expect: Stat | null;
      readonly staged: StagedFile;
      readonly preserve: PreserveOrder;
    }
  | {
      readonly kind: 'install-symlink';
      readonly path: string;
      readonly expect: Stat | null;
      readonly target: string;
      readonly mtimeNs: bigint;
      readonly preserve: PreserveOrder;
    }
  | { readonly kind: 'move'; readonly from: string; readonly to: string; readonly expect: Stat }
  | {
      readonly kind: 'attributes';
      readonly path: string;
      readonly expect: Stat;
      readonly mode: number;
      readonly mtimeNs: bigint;
    }
  | Removal
  /**
   * Undoes a removal that happened and is not settled: the file goes back, and what was preserved of it goes. What has no
   * place any more is preserved.
   */
  | { readonly kind: 'put-back'; readonly path: string; readonly removal: Removal }
  /** Only an empty directory goes; otherwise 'not-empty' with the names. */
  | { readonly kind: 'remove-directory'; readonly path: string; readonly expect?: Stat }
  /**
   * Moves whatever is there, or only what is expected, directories with all below, to the preserved area; not a directory in
   * which one of `unless` is.
   */
  | {
      readonly kind: 'preserve';
      readonly path: string;
      readonly expect?: Stat;
      readonly preserve: PreserveOrder;
      readonly unless?: readonly string[];
    };

export interface StagedFile {
  readonly stagingId: string;
  readonly ino: bigint;
  readonly size: number;
  readonly hash: string;
  /**
   * As it was staged. With it `recover` can tell a torn file from one that a user wrote to after the install, and what a user
   * did to its attributes from what was installed.
   */
  readonly mtimeNs?: bigint;
  readonly mode?: number;
}

/** What to do with what an operation replaces or removes. An unknown edit found under the name is always preserved. */
export interface PreserveOrder {
  /** Preserve also what is just as expected: the loser of a conflict. */
  readonly always: boolean;
  readonly area: PreservedArea;
  readonly manifest: PreservedManifest;
}

export interface Removal {
  readonly kind: 'remove';
  readonly path: string;
  readonly expect: Stat;
  readonly preserve: PreserveOrder;
}

export type Outcome =
  | {
      readonly kind: 'done';
      /** The look of what is now under the name; null after a removal. */
      readonly stat: Stat | null;
      readonly preserved: Preserved | null;
    }
  | {
      readonly kind: 'changed' | 'occupied' | 'not-empty' | 'missing-parent' | 'no-space' | 'failed' | 'undone';
      readonly detail: string;
      readonly names?: readonly string[];
    };

export type PreservedArea = 'conflicts' | 'pre-existing';

/** Why something was preserved. Types as in ConflictInfo [dfsr.md §3.7], plus 7 for content nobody had recorded. */
export interface PreservedManifest {
  readonly path: string;
  readonly uid: string;
  readonly gvsn: string;
  readonly conflictType: 1 | 2 | 3 | 4 | 5 | 6 | 7;
  readonly reason: string;
  readonly member: string;
  /** The partner whose update took the place; '' where there was none. */
  readonly partner: string;
  /** Milliseconds since the Unix epoch. */
  readonly time: number;
}

export interface Preserved extends PreservedManifest {
  readonly id: string;
  readonly area: PreservedArea;
  readonly kind: 'file' | 'directory' | 'symlink' | 'other';
  /** Permission bits. */
  readonly mode: number;
  /** Bytes and files, summed over a directory. */
  readonly size: number;
  readonly files: number;
}
