/**
 * The member's database. Everything a commit holds becomes durable at once or not at all; commits of a folder are
 * applied in the order they were made; reads see every finished commit.
 * All calls reject only with `TandemError` STORE_FAILED (or HOME_LOCKED at opening).
 */

import type { ErrorCode } from '../base/errors.ts';
import type { Force } from '../model/force.ts';
import type { Recipe } from '../model/recipe.ts';
import type { SessionState } from '../model/session-state.ts';
import type { FileRecord, Stat } from '../model/update.ts';
import type { DatabaseId, Uid } from '../model/version.ts';
import type { VersionVector } from '../model/version-vector.ts';

export interface Store {
  /** This database's identity in version vectors. Fresh whenever the database was lost or found to be an old copy. */
  readonly database: DatabaseId;
  /** Incremented durably at each opening. */
  readonly generation: number;
  /** The highest version number that may have been used; durable before any number up to it is handed out. */
  readonly reservedVsn: number;
  folder(guid: string): FolderStore;
  /** The first of `count` consecutive version numbers never handed out before, also not before a crash. */
  allocate(count: number): Promise<number>;
  /** Moves `reservedVsn` on, so that a copy of the database as it was until now shows as an older one. */
  reserve(): Promise<void>;
  /** Starts a new identity: an old copy of the database was put back. Drops all folders' records. */
  renew(): Promise<void>;
  readonly events: EventJournal;
  readonly sessions: SessionJournal;
  /** A table of its own under this name: lower-case letters, digits and hyphens. */
  table(name: string): DurableTable;
  close(): Promise<void>;
}

export interface FolderStore {
  /** This member's version vector for the folder, as of the last commit. */
  readonly vector: VersionVector;
  readonly counts: Counts;
  /** Whatever the folder's loop keeps of its own state (small, JSON); null at first. */
  readonly state: Readonly<Record<string, unknown>> | null;

  records(uids: readonly Uid[]): Promise<(FileRecord | undefined)[]>;
  /**
   * The present children of each directory, sorted by name in UTF-16 order. While two records claim one name, both are
   * given, the newer claim last.
   */
  children(parents: readonly Uid[]): Promise<Child[][]>;
  /** Who holds these names; of several the newest claim. */
  occupants(slots: readonly Slot[]): Promise<(Uid | undefined)[]>;
  findByInode(inodes: readonly bigint[]): Promise<(Uid | undefined)[]>;
  /** Present files with this content, a few at most. */
  findByHash(hashes: readonly string[]): Promise<Uid[][]>;
  /** One place for each chunk hash where it is known. */
  findChunks(hashes: BigUint64Array): Promise<(ChunkPlace | undefined)[]>;
  recipe(uid: Uid): Promise<Recipe | undefined>;
  /**
   * The records and the vector of one commit, unmoved by later ones.
   */
  view(): FolderView;
  /** How many records `updates` would give, both passes, and their bytes of content. */
  countUpdates(difference: VersionVector): Promise<{ updates: number; bytes: number }>;
  /** All records by UID, in batches. */
  everyRecord(): AsyncIterable<FileRecord[]>;
  intents(): Promise<Intent[]>;
  commit(change: Commit): Promise<void>;
}

/** One consistent state of a folder's records. Close it: the database keeps old data for it. */
export interface FolderView {
  readonly vector: VersionVector;
  /**
   * Records whose GVSN lies in `difference`, in batches of at most LIMITS.updatesPerBatch: tombstones in the order of
   * GVSN, live ones in the order of GVSN but parents before children. Provisional records are left out.
   */
  updates(difference: VersionVector, pass: 'tombstones' | 'live'): AsyncIterable<FileRecord[]>;
  /** How many those are, in both passes together. */
  countUpdates(difference: VersionVector): Promise<number>;
  close(): Promise<void>;
}

export interface Commit {
  /** Each record as it was (undefined: unknown until now) and as it becomes. */
  readonly put?: readonly { readonly before: FileRecord | undefined; readonly after: FileRecord }[];
  /** Removes records altogether: provisional ones that were adopted, tombstones past their lifetime. */
  readonly forget?: readonly FileRecord[];
  /**
   * Recipes of contents in `put`; of files up to LIMITS.wholeFileBytes none is kept. A record whose hash changes loses
   * its old recipe by itself.
   */
  readonly recipes?: ReadonlyMap<Uid, Recipe>;
  readonly vector?: VersionVector;
  readonly addIntent?: Intent;
  readonly removeIntents?: readonly string[];
  readonly state?: Readonly<Record<string, unknown>>;
}

export interface Slot {
  readonly parent: Uid;
  readonly name: string;
}

export interface Child {
  readonly name: string;
  readonly uid: Uid;
  readonly disk: Stat | null;
}

export interface ChunkPlace {
  readonly uid: Uid;
  readonly offset: number;
  readonly length: number;
}

/** Work on the disk that was begun: written before, removed in the commit that records its outcome. */
export interface Intent {
  readonly id: string;
  /** Structured-clone data only: bigint, string, number, boolean, null, arrays, plain objects. */
  readonly body: unknown;
}

export interface Counts {
  readonly files: number;
  readonly directories: number;
  readonly symlinks: number;
  readonly bytes: number;
  readonly tombstones: number;
}

/** A bounded journal of numbered events, kept over restarts. */
export interface EventJournal {
  append(event: EventBody): Promise<StoredEvent>;
  /** The newest `limit` events with a sequence above `after`, oldest first. */
  list(query: { after?: number; limit: number }): Promise<StoredEvent[]>;
}

export interface EventBody {
  readonly time: number;
  readonly number: number;
  readonly name: string;
  readonly severity: 'information' | 'warning' | 'error';
  readonly message: string;
  readonly fields: Readonly<Record<string, string | number | boolean>>;
}

export interface StoredEvent extends EventBody {
  readonly sequence: number;
}

/** JSON values by key, kept over restarts and over `renew`. For little: it is always read as a whole. */
export interface DurableTable {
  read(): Promise<Map<string, unknown>>;
  /**
   * All changes at once or none of them, durable when it resolves; null removes. Writes take effect in the order of the
   * calls.
   */
  write(changes: ReadonlyMap<string, unknown>): Promise<void>;
}

/** Synchronisation sessions, kept over restarts. */
export interface SessionJournal {
  /** All of them, in the order in which they began. */
  list(): Promise<StoredSession[]>;
  /**
   * By sequence; null forgets a session. One batch, not synced: a crash of the host may take the last ones, a crash of
   * the member takes none.
   */
  write(changes: ReadonlyMap<number, SessionBody | null>): Promise<void>;
}

/** Times in milliseconds since the Unix epoch. */
export interface SessionBody {
  readonly guid: string;
  readonly connection: string;
  readonly partner: { readonly name: string; readonly guid: string };
  readonly folder: { readonly name: string; readonly guid: string };
  readonly inbound: boolean;
  readonly state: SessionState;
  readonly startTime: number;
  /** Null while it runs. */
  readonly endTime: number | null;
  /** When this was written: the last that is known of a session whose member died. */
  readonly seenTime: number;
  /** Updates dealt with here, or sent to the partner. */
  readonly updatesTransferred: number;
  /** Bytes of content that crossed the link. */
  readonly bytesTransferred: number;
  readonly conflicts: number;
  readonly tombstones: number;
  /** Updates that were left at its end: in its queue, and in all. */
  readonly queued: number;
  readonly toCome: number;
  readonly failure: SessionFailure | null;
  /** The order that the session obeys instead of the schedule. */
  readonly force: Force | null;
  /** Why it ended as it did, in words; empty if there is nothing to say. */
  readonly note: string;
}

export interface SessionFailure {
  readonly code: ErrorCode;
  /** The link had been up before it failed. */
  readonly lost: boolean;
}

export interface StoredSession extends SessionBody {
  readonly sequence: number;
}
