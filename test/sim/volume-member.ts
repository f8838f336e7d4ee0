/** A member's volumes and replicas in memory, as the daemon puts them together: its power may fail, and come back. */
import type { Clock } from '../../src/base/clock.ts';
import { TandemError } from '../../src/base/errors.ts';
import { silentLog } from '../../src/base/log.ts';
import { loadXxh64 } from '../../src/base/xxh64.ts';
import type { BlockFile } from '../../src/block/block-files.ts';
import { createExports, type ExportClient, type Exports } from '../../src/block/nbd/exports.ts';
import { Elements } from '../../src/mirror/elements.ts';
import { PairSet } from '../../src/mirror/pair-set.ts';
import { openReplicaBook } from '../../src/mirror/replica-book.ts';
import { Replicas } from '../../src/mirror/replicas.ts';
import { VolumeShelf } from '../../src/mirror/volume-shelf.ts';
import { VolumeTrackers } from '../../src/mirror/volume-trackers.ts';
import { LEVEL_FULL } from '../../src/model/bandwidth.ts';
import type { MirrorLink } from '../../src/peer/link.ts';
import type { DurableTable } from '../../src/store/store.ts';
import { createMemoryBlockFiles, type MemoryBlockFiles } from './memory-block-files.ts';
import { createSimClock, HostClock, SimTime } from './sim-clock.ts';
import type { SimRandom } from './sim-random.ts';

const xxh64 = await loadXxh64();
const SHELF = '/volumes';
/** Its syncs are the steps at which a table is durable: power fails there as it does for volumes. */
const TABLE = '/table';

export interface VolumeMemberOptions {
  readonly name: string;
  readonly members?: readonly string[];
  readonly time?: SimTime;
  readonly random: SimRandom;
  readonly linkTo?: (member: string) => MirrorLink | null;
}

export interface Running {
  readonly shelf: VolumeShelf;
  readonly exports: Exports;
  readonly pairs: PairSet;
  readonly elements: Elements;
  readonly replicas: Replicas;
  readonly trackers: VolumeTrackers;
}

export class VolumeMember {
  readonly name: string;
  readonly time: SimTime;
  readonly events: string[] = [];
  /** Bandwidth level towards all partners; 0: copies wait. */
  level: number = LEVEL_FULL;
  files: MemoryBlockFiles = createMemoryBlockFiles();
  /** Null while the power is off. */
  running: Running | null = null;
  readonly #options: VolumeMemberOptions;
  readonly #entries = new Map<string, string>();
  #life = 0;
  #end = new AbortController();
  #loops: Promise<unknown> = Promise.resolve();

  constructor(options: VolumeMemberOptions) {
    this.#options = options;
    this.name = options.name;
    this.time = options.time ?? new SimTime();
  }

  get on(): Running {
    if (this.running === null) throw new Error(`${this.name} is off`);
    return this.running;
  }

  /** PowerFailure, where it was to fail on the way. */
  async start(): Promise<void> {
    const { random, linkTo = () => null, members = [this.name] } = this.#options;
    const { name, files, time } = this;
    const life = ++this.#life;
    const clock: Clock = createSimClock(new HostClock(time, 0, 1), () => life === this.#life);
    if (!files.paths().includes(SHELF)) {
      await files.makeDirectory(SHELF);
      await (await files.open(TABLE, 'create')).close();
      await files.syncDirectory('/');
    }
    const exports = createExports();
    const book = await openReplicaBook(await this.#table());
    const pairs = new PairSet({ book, clock });
    const emit = (event: string, message: string): void => void this.events.push(`${event} ${message}`);
    const common = { files, exports, uuid: () => random.guid(), clock, emit, log: silentLog };
    const mapsOf = (volume: string) => pairs.mapsOf(volume);
    const trackers = new VolumeTrackers({ files, mapsOf });
    const shelf = new VolumeShelf({ ...common, directory: SHELF, rules: pairs, trackers });
    for (const volume of await files.list(SHELF)) await shelf.takeIn(volume);
    const elements = new Elements({ ...common, shelf, rules: pairs });
    const replicas = new Replicas({
      ...common,
      member: name,
      members: () => members,
      book,
      pairs,
      elements,
      shelf,
      trackers,
      linkTo,
      levelTo: () => this.level,
      xxh64,
    });
    this.running = { shelf, exports, pairs, elements, replicas, trackers };
    await replicas.start();
    this.#end = new AbortController();
    this.#loops = Promise.all([shelf.run(this.#end.signal), replicas.run(this.#end.signal)]);
    this.#loops.catch(() => {});
  }

  /** In order, as the daemon does. */
  async stop(): Promise<void> {
    const { replicas, shelf } = this.on;
    this.#end.abort();
    await this.#loops;
    await replicas.close();
    await shelf.close();
    this.running = null;
    this.#life++;
  }

  /** What is not durable is kept or lost sector by sector. Still off. */
  powerFails(): void {
    this.#life++;
    this.running = null;
    this.#end.abort();
    this.files = this.files.restart(this.#options.random);
  }

  /** As a client: connects, writes, makes it durable, goes. */
  async write(volume: string, offset: number, data: Uint8Array): Promise<void> {
    const client = this.connect(volume);
    try {
      await client.write(offset, data);
      await client.flush();
    } finally {
      client.leave();
    }
  }

  /** NOT_FOUND where it is not served; BLOCK_READ_ONLY for writes to what is served for reading. */
  connect(volume: string): Client {
    const entry = this.on.exports.enter(volume);
    if (entry === null) throw new TandemError('NOT_FOUND', `${volume} is not served`);
    const { device, readOnly } = entry.spec;
    const busy = new Set<Promise<unknown>>();
    let away = false;
    const during = <T>(work: () => Promise<T>): Promise<T> => {
      if (away) return Promise.reject(new TandemError('CANCELLED', 'the client was sent away'));
      const done = work();
      const settled: Promise<unknown> = done.catch(() => {}).finally(() => busy.delete(settled));
      busy.add(settled);
      return done;
    };
    const seen: ExportClient = {
      record: () => ({
        address: 'test',
        secured: false,
        writer: !readOnly,
        requests: 0,
        onTheWay: busy.size,
        readBytes: 0,
        writtenBytes: 0,
      }),
      sendAway: async () => {
        away = true;
        await Promise.all(busy);
        leave();
      },
    };
    const leave = entry.admit(seen);
    return {
      get connected() {
        return !away;
      },
      leave: () => {
        away = true;
        leave();
      },
      write: (offset, data) =>
        during(async () => {
          if (readOnly) throw new TandemError('BLOCK_READ_ONLY', `${volume} is served for reading`);
          await device.write(offset, data);
        }),
      flush: () => during(() => device.flush()),
      read: (offset, length) =>
        during(async () => {
          const bytes = Buffer.alloc(length, 0xee);
          await device.read(offset, bytes);
          return bytes;
        }),
    };
  }

  /** What a client would read; null: it is not served. */
  async content(volume: string): Promise<Buffer | null> {
    const entry = this.on.exports.enter(volume);
    if (entry === null) return null;
    const bytes = Buffer.alloc(entry.spec.device.size, 0xee);
    await entry.spec.device.read(0, bytes);
    return bytes;
  }

  async #table(): Promise<DurableTable> {
    const file: BlockFile = await this.files.open(TABLE, 'write');
    return {
      read: async () => new Map([...this.#entries].map(([key, value]) => [key, JSON.parse(value)])),
      write: async changes => {
        const texts = [...changes].map(([key, value]) => [key, value === null ? null : JSON.stringify(value)] as const);
        await file.sync();
        for (const [key, text] of texts) {
          if (text === null) this.#entries.delete(key);
          else this.#entries.set(key, text);
        }
      },
    };
  }
}

export interface Client {
  readonly connected: boolean;
  leave(): void;
  write(offset: number, data: Uint8Array): Promise<void>;
  flush(): Promise<void>;
  read(offset: number, length: number): Promise<Buffer>;
}

/** Lets simulated time pass until `done` settles. */
export async function passUntil<T>(time: SimTime, done: Promise<T>, limitMs = 200_000): Promise<T> {
  let over = false;
  const end = (): void => {
    over = true;
  };
  done.then(end, end);
  await time.run(time.now + limitMs, () => over);
  if (!over) throw new Error('it never ends');
  return await done;
}
