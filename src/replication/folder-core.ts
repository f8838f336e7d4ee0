/**
 * What all loops of one folder share: its store, disk, line of tasks, state, and the one way to commit.
 * Versions are stamped and committed in the same task of the line, so own numbers enter the vector in order.
 */
import { Bell } from '../base/bell.ts';
import type { Clock } from '../base/clock.ts';
import { assert } from '../base/errors.ts';
import type { Emit } from '../base/events.ts';
import type { Log } from '../base/log.ts';
import { TaskLine } from '../base/task-line.ts';
import type { FolderConfig } from '../config/config.ts';
import type { Disk } from '../disk/disk.ts';
import { withContentSince } from '../model/content-since.ts';
import type { FenceOrder } from '../model/fence.ts';
import { nextClock } from '../model/hybrid-clock.ts';
import { type ObstacleKind, Obstacles } from '../model/obstacles.ts';
import { type Judgement, judgeUpdate } from '../model/reconcile.ts';
import type { ComparisonPlans } from '../model/record-comparison.ts';
import type { FileRecord, Update } from '../model/update.ts';
import { type DatabaseId, databaseOf, type Gvsn, makeVersion, rootUid, type Uid, vsnOf } from '../model/version.ts';
import {
  EMPTY_VECTOR,
  equalVectors,
  mergeVectors,
  subtractVectors,
  type VersionVector,
  vectorFromVersions,
  withRange,
} from '../model/version-vector.ts';
import type { FolderStateName } from '../peer/link.ts';
import type { Commit, FolderStore, Store } from '../store/store.ts';
import type { FolderParts } from './folder-parts.ts';
import { OBSTACLE_EVENTS, OBSTACLE_SENTENCES } from './obstacle-events.ts';
import { Paths } from './paths.ts';
import { PendingUpdates } from './pending.ts';

/** A version vector as it stood at a time, in JSON. */
export interface NotedVersions {
  readonly time: number;
  readonly versions: Readonly<Record<string, readonly number[]>>;
}

export function versionsFromMemory({ versions }: NotedVersions): VersionVector {
  return new Map(Object.entries(versions));
}

export function versionsToMemory(time: number, versions: VersionVector): NotedVersions {
  return { time, versions: Object.fromEntries(versions) };
}

export interface Halt {
  readonly reason: HaltReason;
  /** With the numbers, and the command that helps. */
  readonly sentence: string;
  readonly since: number;
  /** Of a brake: what it holds. */
  readonly held?: HeldFiles;
}

export interface HeldFiles {
  readonly deleted: number;
  readonly changed: number;
  /** Files the folder had before. */
  readonly total: number;
}

export type HaltReason =
  | 'root-missing'
  | 'root-unwritable'
  | 'marker-missing'
  | 'marker-foreign'
  | 'file-system-changed'
  | 'root-emptied'
  | 'mass-deletion'
  | 'mass-change'
  | 'away-too-long';

/** The folder's own state, kept in the store. */
export interface FolderMemory {
  readonly phase: FolderStateName;
  readonly halt: Halt | null;
  /** Device of the root when it was claimed, in decimal. */
  readonly device: string;
  /** The member's hybrid clock, microseconds. */
  readonly clock: number;
  /** Last time a partner was heard, milliseconds. */
  readonly lastContact: number;
  readonly initialScanDone: boolean;
  /** When preserved items were last purged to keep within the quota; 0: never. */
  readonly conflictCleanup: number;
  /** When tombstones were last forgotten; 0: never. */
  readonly tombstoneCleanup: number;
  /** What was known when, oldest first, for the lifetime of tombstones. */
  readonly noted: readonly NotedVersions[];
  /** When the next slow comparison is planned, by connection. */
  readonly comparisons: ComparisonPlans;
  /** As the folder was opened the last time: what was made here before may be known to nobody. */
  readonly readOnly: boolean;
  /** An order to fence that has not been carried out to its end. */
  readonly fencing: FenceOrder | null;
  /** What was made here in this range gives way to what partners have, until it is as the one of this connection has it. */
  readonly yielding: Yielding | null;
  /** What other members were last known to hold, by the newest bundle of theirs or the last word over a link, by their GUIDs. */
  readonly bundled: Readonly<Record<string, NotedVersions>>;
}

/** Versions of one database, above `from` and up to `to`. */
export interface Yielding {
  /** GUID */
  readonly connection: string;
  readonly database: DatabaseId;
  readonly from: number;
  readonly to: number;
}

export interface Stamp {
  readonly gvsn: Gvsn;
  readonly clock: number;
}

export interface FolderChange extends Omit<Commit, 'vector' | 'state'> {
  /** Versions dealt with, to enter the vector together with the records. */
  readonly claims?: readonly Gvsn[];
  /** Versions wanted again: they leave the vector. */
  readonly unclaims?: readonly Gvsn[];
  readonly claimVector?: VersionVector;
  readonly memory?: Partial<FolderMemory>;
}

export class FolderCore {
  readonly config: FolderConfig;
  readonly member: { readonly name: string; readonly guid: string };
  readonly rootPath: string;
  /** This member only receives: nothing made here is told to anyone. */
  readonly readOnly: boolean;
  /** Some connection brings what others have. */
  readonly fed: boolean;
  readonly tombstoneLifetimeMs: number;
  readonly root: Uid;
  readonly members: Store;
  readonly store: FolderStore;
  readonly disk: Disk;
  readonly clock: Clock;
  readonly log: Log;
  readonly emit: Emit;
  readonly siblings: FolderParts['siblings'];
  readonly line = new TaskLine();
  readonly paths: Paths;
  readonly pending = new PendingUpdates();
  /** Grows with each movement of the vector or the state. */
  vectorGeneration = 1;
  /** Groups of operations since the start. */
  groupsIntended = 0;
  /** What keeps it from going on for now, and is tried again by itself. */
  readonly obstacles = new Obstacles();
  /** More is preserved than the quota allows, and nothing of it may go by itself: in words. */
  conflictsExceeded: string | null = null;
  /** Its root has been looked at since the start, and interrupted work was looked after. */
  opened = false;
  /** Told of every record that was committed; must only enqueue. */
  onCommitted: (put: NonNullable<FolderChange['put']>) => void = () => {};
  /** Told of versions that leave the vector to be had again, before they do and once they have. */
  onUnclaimed: (gvsns: readonly Gvsn[]) => void = () => {};
  /** Told when the folder was halted; must only enqueue. */
  onHalted: () => void = () => {};
  readonly #listeners = new Set<Bell>();
  #memory: FolderMemory;
  #clock: number;
  /** The number below the first that was handed out to this folder since the start. */
  #ownFloor: number | null = null;
  /** What the marker in the root says of reserved numbers. */
  #markedReservation = 0;

  constructor(parts: FolderParts) {
    this.config = parts.config;
    this.member = parts.member;
    this.rootPath = parts.root;
    this.readOnly = parts.config.readOnly.includes(parts.member.name);
    this.fed = parts.fed;
    this.tombstoneLifetimeMs = parts.tombstoneLifetimeMs;
    this.root = rootUid(parts.config.guid);
    this.members = parts.store;
    this.store = parts.store.folder(parts.config.guid);
    this.disk = parts.disk;
    this.clock = parts.clock;
    this.log = parts.log.child({ folder: parts.config.name });
    this.emit = (name, message, fields) => parts.emit(name, message, { folder: parts.config.name, ...fields });
    this.siblings = parts.siblings;
    this.paths = new Paths(this.store, this.root);
    this.#memory = { ...FRESH, ...(this.store.state as Partial<FolderMemory> | null) };
    this.#clock = this.#memory.clock;
  }

  get memory(): FolderMemory {
    return this.#memory;
  }

  /** Replicating: neither halted nor waiting for its root to be looked at. */
  get active(): boolean {
    return this.opened && this.#memory.halt === null && this.#memory.phase !== 'uninitialized';
  }

  /** What partners are told. A folder in its first synchronisation, or halted, is no source for others. */
  get publicState(): FolderStateName {
    return this.#memory.halt ? 'in-error' : this.#memory.phase;
  }

  get serving(): boolean {
    return !this.readOnly && servesAsSource(this.publicState);
  }

  /** What to do with a partner's update. What a read-only member has stamped, as in a name conflict, gives way to it. */
  judge(local: FileRecord | undefined, incoming: Update): Judgement {
    const own = databaseOf(incoming.gvsn) === this.members.database;
    return judgeUpdate(local, incoming, local !== undefined && !own && this.givesWay(local.gvsn));
  }

  /** Made here and told to nobody: on a read-only member, or where an order to resynchronise gives it up. */
  givesWay(gvsn: Gvsn): boolean {
    if (databaseOf(gvsn) !== this.members.database) return false;
    return this.readOnly || (this.isToYield(gvsn) && !this.isClaimed(gvsn));
  }

  /** In the range of an order to resynchronise. */
  isToYield(gvsn: Gvsn): boolean {
    const { yielding } = this.#memory;
    if (yielding === null || databaseOf(gvsn) !== yielding.database) return false;
    return vsnOf(gvsn) > yielding.from && vsnOf(gvsn) <= yielding.to;
  }

  /** Fresh versions for local changes that replace `before`. Only within a task of the line, followed by their commit. */
  async stamps(before: readonly (Update | undefined)[]): Promise<Stamp[]> {
    if (before.length === 0) return [];
    const first = await this.members.allocate(before.length);
    this.#ownFloor ??= first - 1;
    await this.#markReservation();
    const now = this.clock.now();
    return before.map((update, index) => {
      const next = nextClock(this.#clock, now, update?.clock ?? 0);
      this.#clock = next.last;
      return { gvsn: makeVersion(this.members.database, first + index), clock: next.clock };
    });
  }

  async commit(change: FolderChange): Promise<void> {
    const { claims, unclaims, claimVector, memory, put = [], ...rest } = change;
    let vector = this.store.vector;
    if (unclaims?.length) this.onUnclaimed(unclaims);
    if (unclaims?.length) vector = subtractVectors(vector, vectorFromVersions(unclaims));
    this.#raiseFloor(unclaims ?? []);
    const ownVersions = this.#ownVersions(change);
    const own = Math.max(0, ...ownVersions.map(vsnOf));
    if (own > 0) {
      const claimed = this.highestClaimed(this.members.database);
      assert(own > claimed, `own version ${own} enters the vector after ${claimed}`);
      // Numbers from before this start that are not claimed may be with partners only: they are not claimed along.
      // What an interrupted group had stamped then comes here when it is recovered, each number for itself.
      vector = mergeVectors(vector, vectorFromVersions(ownVersions));
      vector = withRange(vector, this.members.database, Math.max(claimed, this.#ownFloor ?? own - 1), own);
    }
    if (claims?.length) vector = mergeVectors(vector, vectorFromVersions(claims));
    if (claimVector) vector = mergeVectors(vector, claimVector);
    const moved = !equalVectors(vector, this.store.vector);
    const nextMemory = memory || own > 0 ? { ...this.#memory, ...memory, clock: this.#clock } : null;
    await this.store.commit({
      ...rest,
      put: put.map(({ before, after }) => ({ before, after: withContentSince(after, before) })),
      ...(moved ? { vector } : {}),
      ...(nextMemory ? { state: nextMemory as unknown as Readonly<Record<string, unknown>> } : {}),
    });
    // Once more for rounds that began while this was written: they have asked by the vector as it was.
    if (unclaims?.length) this.onUnclaimed(unclaims);
    if (nextMemory) this.#memory = nextMemory;
    if (moved || memory) this.announce();
    if (change.put?.length) this.onCommitted(change.put);
  }

  /** What is wanted again was handed out once: the next version made here must not claim it along. */
  #raiseFloor(unclaims: readonly Gvsn[]): void {
    if (this.#ownFloor === null) return;
    const own = unclaims.filter(gvsn => databaseOf(gvsn) === this.members.database);
    this.#ownFloor = Math.max(this.#ownFloor, ...own.map(vsnOf));
  }

  /** `who` cannot go on, and tries again by himself. Told when nobody had met such an obstacle. */
  obstructed(who: unknown, kind: ObstacleKind, detail: string): void {
    const sentence = OBSTACLE_SENTENCES[kind](this.rootPath, detail);
    if (this.obstacles.meet(who, { kind, since: this.clock.now(), sentence }))
      this.emit(OBSTACLE_EVENTS[kind], sentence);
  }

  /** Stops all replication of this folder until an order releases it. The first reason stays. */
  async halt(reason: HaltReason, sentence: string, held?: HeldFiles): Promise<void> {
    if (this.#memory.halt) return;
    await this.commit({ memory: { halt: { reason, sentence, since: this.clock.now(), ...(held && { held }) } } });
    this.emit(HALT_EVENTS[reason], sentence, { reason });
    this.tellHalted();
    this.onHalted();
  }

  /** That nothing is replicated until it is decided: when it is halted, and when a member starts with it so. */
  tellHalted(): void {
    const { halt } = this.#memory;
    if (halt)
      this.emit('FOLDER_HALTED', `folder ${this.config.name} is halted: ${halt.sentence}`, { reason: halt.reason });
  }

  /** Forgets all records and versions, as if they had been lost. Only within a task of the line, while halted. */
  async forgetEverything(phase: FolderStateName): Promise<void> {
    this.#memory = { ...this.#memory, phase, initialScanDone: false, noted: [], lastContact: this.clock.now() };
    const state = this.#memory as unknown as Readonly<Record<string, unknown>>;
    await this.store.commit({ vector: EMPTY_VECTOR, state });
    for await (const records of this.store.everyRecord()) await this.store.commit({ forget: records });
    this.paths.forget();
    this.announce();
  }

  /** Writes the marker by which the root is known again, and by which an old copy of the database is recognised. */
  async mark(): Promise<void> {
    const { database, reservedVsn, generation } = this.members;
    await this.disk.claim({ folder: this.config.guid, member: this.member.guid, database, reservedVsn, generation });
    this.#markedReservation = reservedVsn;
  }

  async #markReservation(): Promise<void> {
    if (this.members.reservedVsn > this.#markedReservation) await this.mark();
  }

  /** A bell that rings whenever the vector or the state moves; `stop` ends it. */
  listen(): { bell: Bell; stop: () => void } {
    const bell = new Bell();
    this.#listeners.add(bell);
    return { bell, stop: () => this.#listeners.delete(bell) };
  }

  announce(): void {
    this.vectorGeneration++;
    for (const bell of this.#listeners) bell.ring();
  }

  highestClaimed(database: string): number {
    const intervals = this.store.vector.get(database);
    return intervals?.at(-1) ?? 0;
  }

  /** Versions made here that enter the vector with this change. */
  #ownVersions(change: FolderChange): Gvsn[] {
    const received = new Set(change.claims);
    return (change.put ?? []).flatMap(({ before, after }) => {
      if (after.provisional || (before?.gvsn === after.gvsn && !before.provisional)) return [];
      if (received.has(after.gvsn) || databaseOf(after.gvsn) !== this.members.database) return [];
      return this.isClaimed(after.gvsn) ? [] : [after.gvsn];
    });
  }

  isClaimed(gvsn: Gvsn): boolean {
    return (
      vsnOf(gvsn) <= this.highestClaimed(databaseOf(gvsn)) &&
      subtractVectors(vectorFromVersions([gvsn]), this.store.vector).size === 0
    );
  }
}

/** `initialized`: the first scan is under way; what it has found is true, but not yet all. */
export function servesAsSource(state: FolderStateName): boolean {
  return state === 'normal' || state === 'initialized';
}

const HALT_EVENTS = {
  'root-missing': 'ROOT_INVALID',
  'root-unwritable': 'ROOT_INVALID',
  'marker-missing': 'ROOT_STALE',
  'marker-foreign': 'ROOT_STALE',
  'file-system-changed': 'ROOT_STALE',
  'root-emptied': 'BRAKE_EMPTIED',
  'mass-deletion': 'BRAKE_DELETIONS',
  'mass-change': 'BRAKE_CHANGES',
  'away-too-long': 'FOLDER_STALE',
} as const satisfies Record<HaltReason, string>;

const FRESH: FolderMemory = {
  phase: 'uninitialized',
  halt: null,
  device: '',
  clock: 0,
  lastContact: 0,
  initialScanDone: false,
  conflictCleanup: 0,
  tombstoneCleanup: 0,
  noted: [],
  comparisons: {},
  readOnly: false,
  fencing: null,
  yielding: null,
  bundled: {},
};
