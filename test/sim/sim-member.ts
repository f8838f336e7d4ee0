/**
 * One host of the simulation: a disk and a database that outlive the daemon, and the daemon itself, which can be started,
 * stopped, killed, or lose its power in the middle of any call. What a dead daemon still does has no effect.
 */

import { errnoError } from '../../src/base/errno.ts';
import { messageOf } from '../../src/base/errors.ts';
import { silentLog } from '../../src/base/log.ts';
import type { Xxh64 } from '../../src/base/xxh64.ts';
import type { FolderConfig, GroupConfig } from '../../src/config/config.ts';
import type { Disk } from '../../src/disk/disk.ts';
import type { FileSystem } from '../../src/disk/file-system.ts';
import { createLocalDisk } from '../../src/disk/local-disk.ts';
import { compileFilter } from '../../src/model/filters.ts';
import type { FileRecord, Update } from '../../src/model/update.ts';
import { rootUid, type Uid, vsnOf } from '../../src/model/version.ts';
import { Member } from '../../src/replication/member.ts';
import type { Commit, FolderStore, FolderView, Store } from '../../src/store/store.ts';
import { MemoryFileSystem } from './memory-file-system.ts';
import type { Endpoint, SimNetwork } from './memory-link.ts';
import { createSimClock, type HostClock, type SimTime } from './sim-clock.ts';
import type { SimRandom } from './sim-random.ts';

export const SIM_ROOT = '/srv/docs';

/** What is left of a member's database when the daemon is gone. */
export interface SimHome {
  open(): Promise<Store>;
  /** The daemon's process is gone; what it wrote without syncing is still written. */
  kill(): void;
  /** The power failed: what was not synced is lost in part. */
  crash(random: SimRandom): void;
  /** The database is lost altogether. */
  lose(): void;
  /** Keeps a copy of the database as it is now; to be called gives it back for what is there then. */
  backUp(): () => void;
}

export interface SimMemberOptions {
  readonly name: string;
  readonly group: GroupConfig;
  readonly time: SimTime;
  readonly clock: HostClock;
  readonly network: SimNetwork;
  readonly home: SimHome;
  readonly random: SimRandom;
  readonly xxh64: Xxh64;
  readonly note: (line: string) => void;
  readonly bug: (what: string) => void;
}

/** One run of the daemon. */
class Life {
  readonly endpoint: Endpoint;
  member: Member | null = null;
  started = false;
  readonly #time: SimTime;
  readonly #random: SimRandom;

  constructor(name: string, time: SimTime, random: SimRandom) {
    this.endpoint = { name, alive: true, service: null };
    this.#time = time;
    this.#random = random;
  }

  get alive(): boolean {
    return this.endpoint.alive;
  }

  /** Settles as the promise does, but never once the daemon is dead. */
  hold<T>(promise: Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      promise.then(
        value => this.alive && resolve(value),
        error => this.alive && reject(error),
      );
    });
  }

  /** Others may come in between here; and this is where a crash may find us. */
  async pause(): Promise<void> {
    const draw = this.#random.next();
    if (draw < 0.8) return;
    await this.hold(this.#time.wait(draw < 0.99 ? this.#random.between(0, 8) : this.#random.between(10, 800)));
  }
}

export class SimMember {
  readonly name: string;
  readonly files: MemoryFileSystem;
  readonly clock: HostClock;
  readonly options: SimMemberOptions;
  #life: Life | null = null;
  /** The records as of the last commit. */
  readonly #records = new Map<Uid, FileRecord>();
  #hint: (directory: string) => void = () => {};
  /** In how many calls of the file system the daemon dies, and how; null: it does not. */
  failAfter: { calls: number; readonly kind: 'kill' | 'power' } | null = null;
  /** Asked at each call of the file system: a user may edit in this very moment. */
  onFileCall: ((operation: string) => void) | null = null;
  /** Told when the daemon died in the middle of a call. */
  onDeath: () => void = () => {};

  constructor(options: SimMemberOptions) {
    this.options = options;
    this.name = options.name;
    this.clock = options.clock;
    this.files = new MemoryFileSystem({ clock: () => options.clock.nowNs() });
    this.files.user.makeDirectory(SIM_ROOT);
    this.files.onCall = ({ operation }) => {
      this.onFileCall?.(operation);
      if (this.failAfter === null || !this.up || this.failAfter.calls-- > 0) return;
      const { kind } = this.failAfter;
      this.failAfter = null;
      this.crash(kind);
      this.onDeath();
    };
  }

  get up(): boolean {
    return this.#life !== null;
  }

  get running(): boolean {
    return this.#life?.started === true;
  }

  get member(): Member | null {
    return this.#life?.started ? this.#life.member : null;
  }

  start(): void {
    if (this.#life) return;
    const life = new Life(this.name, this.options.time, this.options.random);
    this.#life = life;
    this.options.note(`${this.name} starts`);
    this.#run(life).catch(error => this.#failed(life, error));
  }

  /** As SIGTERM does it. */
  async stop(): Promise<void> {
    const life = this.#life;
    if (!life?.started) return this.crash('kill');
    this.options.note(`${this.name} stops`);
    this.options.network.closed(life.endpoint);
    await life.member!.stop();
    if (!life.alive) return;
    life.endpoint.alive = false;
    this.files.kill();
    this.options.home.kill();
    this.#life = null;
    this.#hint = () => {};
  }

  crash(kind: 'kill' | 'power'): void {
    const life = this.#life;
    if (!life) return;
    this.options.note(`${this.name} ${kind === 'kill' ? 'is killed' : 'loses its power'}`);
    life.endpoint.alive = false;
    life.endpoint.service = null;
    this.#life = null;
    this.#hint = () => {};
    this.options.network.crashed(life.endpoint);
    if (kind === 'kill') {
      this.files.kill();
      this.options.home.kill();
    } else {
      this.files.crash(this.options.random);
      this.options.home.crash(this.options.random);
    }
  }

  /** What the watcher says, if the daemon is there to hear it. */
  hint(directory: string): void {
    this.#hint(directory);
  }

  async #run(life: Life): Promise<void> {
    const { options } = this;
    const opened = await life.hold(options.home.open());
    this.#records.clear();
    for (const guid of options.group.folders.keys()) {
      for await (const batch of guardItems(opened.folder(guid).everyRecord(), life)) {
        for (const record of batch) this.#records.set(record.uid, record);
      }
    }
    const store = guardStore(opened, life, {
      committed: change => {
        this.#noteCommit(change);
        this.#checkCommit(change);
      },
      renewed: () => this.#records.clear(),
    });
    const member = new Member({
      name: this.name,
      group: options.group,
      software: 'simulated',
      store,
      takesOver: false,
      openDisk: (folder, root) => this.#openDisk(life, folder, root),
      dial: partner => options.network.link(life.endpoint, partner.name),
      watch: (_folder, _root, hint) => {
        this.#hint = hint;
        return { ready: life.pause(), close: async () => {} };
      },
      clock: createSimClock(this.clock, () => life.alive),
      zone: () => 0,
      forces: new Map(),
      random: options.random,
      hash64: options.xxh64,
      outboundIdleMs: 12 * 3_600_000,
      log: silentLog,
      emit: (name, message) => {
        if (!life.alive) return;
        options.note(`${this.name} ${name}: ${message}`);
        // What honest members tell can be settled, now or when it is tried again.
        if (name === 'UPDATE_REJECTED' && message.includes('never ends'))
          options.bug(`${this.name} rejects an update: ${message}`);
      },
      fail: error => this.#failed(life, error),
    });
    life.member = member;
    await member.start();
    if (!life.alive) return;
    life.endpoint.service = member.service;
    life.started = true;
    options.network.attach(life.endpoint);
    options.note(`${this.name} runs`);
  }

  /** What every single commit must leave behind: one record a name, and a present directory above each. */
  #checkCommit({ put = [], forget = [] }: Commit): void {
    for (const record of forget) this.#records.delete(record.uid);
    for (const { after } of put) this.#records.set(after.uid, after);
    const root = rootUid([...this.options.group.folders.keys()][0]!);
    const owners = new Map<string, Update>();
    for (const record of this.#records.values()) {
      if (!record.present) continue;
      const slot = `${record.parent}/${record.name}`;
      const other = owners.get(slot);
      if (other)
        this.options.bug(`${this.name} gives one name to ${describeRecord(other)} and to ${describeRecord(record)}`);
      owners.set(slot, record);
      if (record.parent !== root && !this.#records.get(record.parent)?.present) {
        this.options.bug(`${this.name} has ${describeRecord(record)} in a directory that is not there`);
      }
    }
  }

  #noteCommit({ put = [], forget = [] }: Commit): void {
    for (const { before, after } of put) {
      if (before?.gvsn === after.gvsn && before.provisional === after.provisional) continue;
      this.options.note(
        `  ${this.name} records ${describeRecord(after)}${before ? ` in place of ${shortVersion(before.gvsn)}` : ''}`,
      );
    }
    for (const record of forget) this.options.note(`  ${this.name} forgets ${describeRecord(record)}`);
  }

  #failed(life: Life, error: unknown): void {
    if (!life.alive) return;
    this.options.bug(`${this.name} failed: ${error instanceof Error ? error.stack : messageOf(error)}`);
    this.crash('kill');
  }

  #openDisk(life: Life, folder: FolderConfig, root: string): Disk {
    const files: FileSystem = {
      openRoot: path => {
        if (!life.alive) throw errnoError('EIO', 'the daemon is dead');
        const directory = this.files.openRoot(path);
        if (!life.alive) throw errnoError('EIO', 'the daemon is dead');
        return directory;
      },
    };
    const disk = createLocalDisk({
      files,
      root,
      filter: compileFilter(folder.filters),
      xxh64: this.options.xxh64,
      now: () => this.clock.now(),
      pause: () => {},
      giveWay: () => life.pause(),
    });
    return guard(disk, life, new Set(['hash', 'readWhole', 'readRange']));
  }
}

/** A version in one line, for traces. */
export function describeRecord(record: Update & { readonly provisional?: boolean }): string {
  const { uid, gvsn, parent, name, kind, present, mergedInto, nameConflict, mode, provisional = false } = record;
  const state = present
    ? mode.toString(8)
    : nameConflict
      ? `lost its name${mergedInto ? ` to ${shortVersion(mergedInto)}` : ''}`
      : 'deleted';
  return `${shortVersion(gvsn)} of ${shortVersion(uid)}: ${kind} ${JSON.stringify(name)} in ${shortVersion(parent)}, ${state}${provisional ? ', provisional' : ''}`;
}

export function shortVersion(version: string): string {
  return `${version.slice(0, 3)}.${vsnOf(version).toString()}`;
}

type AnyCall = (...args: unknown[]) => Promise<unknown>;

/** Delays calls without changing their order (but for those named `beside`), and lets none of them through when dead. */
function guard<T extends object>(target: T, life: Life, beside: ReadonlySet<string>): T {
  let last: Promise<unknown> = Promise.resolve();
  const wrapped = new Map<string, AnyCall>();
  return new Proxy(target, {
    get(_, key) {
      const value = Reflect.get(target, key, target);
      if (typeof value !== 'function' || typeof key !== 'string') return value;
      const known = wrapped.get(key);
      if (known) return known;
      const call: AnyCall = (...args) => {
        const work = async () => {
          await life.pause();
          if (!life.alive) return new Promise(() => {});
          const result = await Reflect.apply(value, target, args);
          await life.pause();
          return result;
        };
        if (beside.has(key)) return life.hold(work());
        const result = last.then(work, work);
        last = result.catch(() => {});
        return life.hold(result);
      };
      wrapped.set(key, call);
      return call;
    },
  });
}

const STORE_READS = new Set([
  'records',
  'children',
  'occupants',
  'findByInode',
  'findByHash',
  'findChunks',
  'recipe',
  'countUpdates',
  'intents',
]);

interface Told {
  readonly committed: (change: Commit) => void;
  readonly renewed: () => void;
}

function guardStore(store: Store, life: Life, told: Told): Store {
  const folders = new Map<string, FolderStore>();
  const guarded = guard(store, life, new Set());
  return new Proxy(guarded, {
    get(_, key) {
      if (key === 'events') return store.events;
      if (key === 'table') return (name: string) => guard(store.table(name), life, new Set());
      if (key === 'renew') return () => guarded.renew().then(told.renewed);
      if (key !== 'folder') return Reflect.get(guarded, key, guarded);
      return (guid: string) => {
        const known = folders.get(guid) ?? guardFolder(store.folder(guid), life, told.committed);
        folders.set(guid, known);
        return known;
      };
    },
  });
}

function guardFolder(folder: FolderStore, life: Life, told: (change: Commit) => void): FolderStore {
  const guarded = guard(folder, life, STORE_READS);
  const commit = (change: Commit): Promise<void> => {
    told(change);
    return guarded.commit(change);
  };
  return new Proxy(guarded, {
    get(_, key) {
      if (key === 'view') return () => guardView(folder.view(), life);
      if (key === 'commit') return commit;
      if (key === 'everyRecord') return () => guardItems(folder.everyRecord(), life);
      return Reflect.get(guarded, key, guarded);
    },
  });
}

function guardView(view: FolderView, life: Life): FolderView {
  return {
    vector: view.vector,
    updates: (difference, pass) => guardItems(view.updates(difference, pass), life),
    countUpdates: difference => view.countUpdates(difference),
    close: () => view.close(),
  };
}

async function* guardItems<T>(items: AsyncIterable<T>, life: Life): AsyncGenerator<T> {
  for await (const item of items) {
    await life.pause();
    if (!life.alive) await new Promise(() => {});
    yield item;
  }
}
