/** All folders and connections of this member, built from the group's configuration, started and stopped together. */
import { Bell } from '../base/bell.ts';
import type { Clock } from '../base/clock.ts';
import { TandemError } from '../base/errors.ts';
import type { Emit } from '../base/events.ts';
import type { Log } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { FolderConfig, GroupConfig, GroupMember } from '../config/config.ts';
import type { Disk } from '../disk/disk.ts';
import type { Hash64 } from '../model/chunk-groups.ts';
import type { ZoneOffset } from '../model/schedule.ts';
import { CAPABILITIES, type FolderLink, type FolderPeerService, type Hello, PROTOCOL } from '../peer/link.ts';
import type { Store } from '../store/store.ts';
import type { ForceBook } from './connection-window.ts';
import { Folder } from './folder.ts';
import { databaseIsOldCopy } from './folder-opening.ts';
import { keepHeard, noteHeard } from './heard-vectors.ts';
import { InboundConnection } from './inbound-connection.ts';
import type { InboundSession } from './inbound-session.ts';
import { Outbound } from './outbound.ts';
import { type PairKey, PairOrders } from './pair-orders.ts';
import type { PendingUpdate } from './pending.ts';
import { SessionBook } from './session-book.ts';
import { runSlowComparisons } from './slow-comparison.ts';
import { type Closing, MEMBER_STOPS } from './sync-session.ts';
import { endYielding } from './yielding.ts';

export interface MemberParts {
  readonly name: string;
  readonly group: GroupConfig;
  readonly software: string;
  readonly store: Store;
  /** Another member ran on this opening of the database before: the configuration has changed. */
  readonly takesOver: boolean;
  readonly openDisk: (folder: FolderConfig, root: string) => Disk;
  /** What the link takes in keeps to the rate; null: as fast as it goes. */
  readonly dial: (partner: GroupMember, bytesPerSecond: number | null) => FolderLink;
  /** Watches a folder's root and calls `hint` with directories that changed. What happens before `ready` is not seen. */
  readonly watch: (folder: FolderConfig, root: string, hint: (directory: string) => void) => Watcher;
  readonly clock: Clock;
  /** The host's local time, by which schedules may go. */
  readonly zone: ZoneOffset;
  /** Orders that go before the schedules, by connection. */
  readonly forces: ForceBook;
  readonly random: Random;
  readonly hash64: Hash64;
  /** After so long without a word an outbound connection is taken for lost. */
  readonly outboundIdleMs: number;
  readonly log: Log;
  readonly emit: Emit;
  /** Told of every update that was installed; must only enqueue. */
  readonly brought?: (folder: Folder, item: PendingUpdate) => void;
  /** Told of an error after which the member must not go on. */
  readonly fail: (error: unknown) => void;
}

export interface Watcher {
  readonly ready: Promise<void>;
  close(): Promise<void>;
}

export class Member {
  readonly parts: MemberParts;
  readonly guid: string;
  readonly folders = new Map<string, Folder>();
  readonly inbound: InboundConnection[] = [];
  readonly outbound: Outbound;
  readonly sessions: SessionBook;
  /** Of folders of inbound connections. */
  readonly orders: PairOrders;
  /** Sessions that run beside the connections. */
  readonly guests = new Set<InboundSession>();
  readonly #disks: Disk[] = [];
  readonly #watchers: Watcher[] = [];
  readonly #ordered = new Bell();
  readonly #stop = new AbortController();
  #connections: Promise<void>[] = [];
  /** All folders are there, and nothing of it has been stopped. */
  running = false;
  readonly #besides = new Set<Promise<unknown>>();
  #closing: Closing = MEMBER_STOPS;

  constructor(parts: MemberParts) {
    this.parts = parts;
    this.guid = parts.group.members.get(parts.name)!.guid;
    this.sessions = new SessionBook({
      journal: parts.store.sessions,
      clock: parts.clock,
      freshGuid: () => parts.random.guid(),
      fail: parts.fail,
    });
    this.orders = new PairOrders(parts.store.table('folder-pair'));
    this.orders.changed = () => {
      for (const connection of this.inbound) connection.window.look();
      this.#ordered.ring();
    };
    this.outbound = new Outbound({
      member: { name: parts.name, guid: this.guid },
      group: parts.group,
      software: parts.software,
      folders: this.folders,
      clock: parts.clock,
      hash64: parts.hash64,
      book: this.sessions,
      idleMs: parts.outboundIdleMs,
      heard: partner => this.#poke(partner),
    });
  }

  get service(): FolderPeerService {
    return this.outbound;
  }

  async start(): Promise<void> {
    const { parts } = this;
    await this.sessions.open();
    await this.#openDisks();
    for (const folder of this.folders.values()) await folder.start(parts.fail);
    for (const folder of this.folders.values()) void this.#watch(folder);
    await this.orders.open(this.#pairs(), parts.clock.now());
    await this.#endOrphanedYielding();
    this.outbound.open();
    this.#connect();
    this.running = !this.#stop.signal.aborted;
    for (const folder of this.folders.values()) {
      if (this.#feeders(folder).length === 0 && !folder.core.readOnly) void folder.finishAlone().catch(parts.fail);
    }
  }

  get stopping(): boolean {
    return this.#stop.signal.aborted;
  }

  /** Before anything of it ends: with whom communication ends now. */
  tellStopping(): void {
    const { name, emit } = this.parts;
    const inbound = this.inbound.map(({ state, parts: { guid, partner } }) => ({
      state,
      guid,
      partner,
      inbound: true,
    }));
    const outbound = [...this.outbound.connections.values()].map(each => ({ ...each, inbound: false }));
    for (const { state, guid, partner, inbound: isInbound } of [...inbound, ...outbound]) {
      if (state !== 'online') continue;
      const [from, to] = isInbound ? [partner.name, name] : [name, partner.name];
      emit('CONNECTION_STOPPED', `communication over ${from} → ${to} ends: this member stops`, {
        partner: partner.name,
        connection: guid,
      });
    }
  }

  /** Ends all loops; what was begun on disk is finished first. */
  async stop(closing: Closing = MEMBER_STOPS): Promise<void> {
    this.#closing = closing;
    this.running = false;
    this.#stop.abort();
    this.outbound.close(closing);
    await Promise.all(this.#watchers.map(watcher => watcher.close()));
    await Promise.all(this.#connections);
    await Promise.allSettled(this.#besides);
    // Where it cannot be written, bundles are larger for a while.
    await noteHeard(this.inbound).catch(() => {});
    await Promise.all([...this.folders.values()].map(folder => folder.stop()));
    await this.sessions.close();
    await Promise.all(this.#disks.map(disk => disk.close()));
  }

  /** What this member says of itself where it receives. */
  hello(connection: string, partner: string): Omit<Hello, 'forced'> {
    const { software, group, clock } = this.parts;
    return {
      protocol: PROTOCOL,
      capabilities: CAPABILITIES,
      software,
      group: group.guid,
      connection,
      member: this.guid,
      configDigest: group.digest,
      now: clock.now(),
      folders: this.outbound.greetings(partner),
    };
  }

  /** Work on its folders that goes on beside the connections and ends before the member does. */
  async beside<T>(signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    if (this.#stop.signal.aborted) throw new TandemError('CANCELLED', `member ${this.parts.name} stops`);
    const working = work(AbortSignal.any([signal, this.#stop.signal]));
    this.#besides.add(working);
    try {
      return await working;
    } finally {
      this.#besides.delete(working);
    }
  }

  /** Watching begins when there is something of one's own to watch: until then it would only see what is installed. */
  async #watch(folder: Folder): Promise<void> {
    const { core, scanner } = folder;
    const { signal } = this.#stop;
    const { bell, stop } = core.listen();
    while (!signal.aborted && !(core.memory.phase === 'normal' && core.memory.initialScanDone))
      await bell.heard(signal);
    stop();
    if (signal.aborted) return;
    const watcher = this.parts.watch(core.config, core.rootPath, directory => folder.hint(directory));
    this.#watchers.push(watcher);
    await watcher.ready;
    // What changed before the watch was there.
    if (!signal.aborted) await scanner.full();
  }

  /** Folders are compared with their markers before any of them is opened: an old copy of the database must not write. */
  async #openDisks(): Promise<void> {
    const { parts } = this;
    const opened: { config: FolderConfig; root: string; disk: Disk }[] = [];
    let old = false;
    for (const config of parts.group.folders.values()) {
      const root = config.members.get(parts.name);
      if (root === undefined) continue;
      const disk = parts.openDisk(config, root);
      this.#disks.push(disk);
      opened.push({ config, root, disk });
      const probe = await disk.probe();
      const by = { member: this.guid, takesOver: parts.takesOver };
      old ||= probe.kind === 'directory' && databaseIsOldCopy(probe.marker, parts.store, by);
    }
    if (old) {
      await parts.store.renew();
      parts.emit(
        'DATABASE_RENEWED',
        'the database is an older copy than one that ran here before; it starts anew and compares the folders with the partners',
      );
    }
    for (const { config, root, disk } of opened) {
      const siblings = () => [...this.folders.values()].map(folder => folder.holder);
      const { store, clock, log, emit } = parts;
      this.folders.set(
        config.guid,
        new Folder({
          config,
          member: { name: parts.name, guid: this.guid },
          root,
          store,
          disk,
          clock,
          log,
          emit,
          siblings,
          fed: this.#isFed(config),
          tombstoneLifetimeMs: parts.group.tombstoneLifetimeMs,
        }),
      );
    }
  }

  #connect(): void {
    const { parts } = this;
    for (const config of parts.group.connections) {
      const partner = parts.group.members.get(config.from);
      if (config.to !== parts.name || !partner) continue;
      const connection = new InboundConnection({
        guid: config.guid,
        partner,
        enabled: config.enabled,
        window: { schedule: config.schedule, zone: parts.zone, forces: parts.forces },
        dial: rate => parts.dial(partner, rate),
        hello: () => this.hello(config.guid, partner.name),
        folders: [...this.folders.values()].filter(folder => isSource(folder.core.config, partner.name)),
        orders: this.orders,
        clock: parts.clock,
        emit: parts.emit,
        log: parts.log,
        hash64: parts.hash64,
        book: this.sessions,
        whyStopped: () => this.#closing,
      });
      this.inbound.push(connection);
      this.#connections.push(connection.run(this.#stop.signal).catch(parts.fail));
    }
    const joined = parts.group.connections.some(
      ({ from, to, enabled }) => enabled && (from === parts.name || to === parts.name),
    );
    if (!joined) parts.emit('NO_CONNECTIONS', 'no enabled connection joins this member with another one');
    this.#connections.push(keepHeard(this.inbound, this.#stop.signal).catch(parts.fail));
    this.#connections.push(runSlowComparisons(this.inbound, this.#ordered, this.#stop.signal).catch(parts.fail));
    for (const folder of this.folders.values()) {
      folder.hears = () =>
        this.inbound.some(({ sessions }) => sessions.some(session => session.folder === folder && session.inSync));
      folder.flow.finished = item => parts.brought?.(folder, item);
      folder.flow.retry = () => {
        const sessions = [...this.inbound.flatMap(connection => connection.sessions), ...this.guests];
        for (const session of sessions) if (session.folder === folder) session.poke();
      };
      folder.flow.cancelled = (guid, updates) => {
        const connection = this.inbound.find(candidate => candidate.parts.guid === guid);
        connection?.cancelUpdates(folder.core.config.guid, updates);
      };
    }
  }

  #pairs(): PairKey[] {
    const { name, group } = this.parts;
    return group.connections
      .filter(({ to }) => to === name)
      .flatMap(({ guid, from }) =>
        [...this.folders.values()]
          .filter(({ core }) => isSource(core.config, from))
          .map(({ core }) => ({ connection: guid, folder: core.config.guid })),
      );
  }

  /** A folder that was resynchronised over a connection that is no more: nobody can say any longer what was to give way. */
  async #endOrphanedYielding(): Promise<void> {
    const connections = new Set(this.orders.pairs().map(({ connection }) => connection));
    for (const { core } of this.folders.values()) {
      const { yielding } = core.memory;
      if (core.active && yielding && !connections.has(yielding.connection))
        await core.line.run(() => endYielding(core));
    }
  }

  #isFed(config: FolderConfig): boolean {
    const { name, group } = this.parts;
    return group.connections.some(({ enabled, from, to }) => enabled && to === name && isSource(config, from));
  }

  #feeders(folder: Folder): InboundConnection[] {
    return this.inbound.filter(
      connection => connection.parts.enabled && connection.sessions.some(session => session.folder === folder),
    );
  }

  #poke(partner: string): void {
    for (const connection of this.inbound) if (connection.parts.partner.name === partner) connection.poke();
  }
}

/** Whether anything of the folder is had from this partner. */
function isSource({ members, readOnly }: FolderConfig, partner: string): boolean {
  return members.has(partner) && !readOnly.includes(partner);
}
