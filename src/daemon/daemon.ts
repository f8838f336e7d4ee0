/** The composition root: configuration, identity, database, disks, member, servers, in this order; and back on a stop. */
import { hostname } from 'node:os';
import { join } from 'node:path';
import { createAdminServer } from '../admin/server.ts';
import { messageOf, TandemError } from '../base/errors.ts';
import type { EventName } from '../base/events.ts';
import type { Log } from '../base/log.ts';
import { systemClock, systemZone } from '../base/system-clock.ts';
import { systemRandom } from '../base/system-random.ts';
import { TaskLine } from '../base/task-line.ts';
import { VERSION } from '../base/version.ts';
import { loadXxh64 } from '../base/xxh64.ts';
import { watchGroupFile } from '../config/group-watch.ts';
import { type LoadedMember, loadMember } from '../config/member-file.ts';
import { createWorkerDisks } from '../disk/worker-disk.ts';
import type { SyncRequest } from '../model/sync-order.ts';
import { createPeerLink } from '../peer/grpc-link.ts';
import { createPeerServer } from '../peer/grpc-server.ts';
import { type Identity, loadIdentity } from '../peer/identity.ts';
import type { FolderPeerService, MirrorPeerService } from '../peer/link.ts';
import { createPacer } from '../peer/pacer.ts';
import type { Stranger } from '../peer/tls-door.ts';
import type { ForceBook } from '../replication/connection-window.ts';
import { Member } from '../replication/member.ts';
import { watchSpool } from '../replication/spool-watch.ts';
import { SyncQueue } from '../replication/sync-queue.ts';
import { CONFIG_CHANGES } from '../replication/sync-session.ts';
import { openStore } from '../store/open-store.ts';
import type { Store } from '../store/store.ts';
import { createAdminBackend } from './admin-backend.ts';
import { createEventFeed, type EventFeed } from './event-feed.ts';
import { createFolderOrders } from './folder-orders.ts';
import { createFolderPairs } from './folder-pairs.ts';
import { createForceFile } from './force-file.ts';
import { lockHome } from './home-lock.ts';
import { createPropagationAnswers, type PropagationAnswers } from './propagation-answers.ts';
import { createReplicaMethods } from './replica-methods.ts';
import { createReplicaQueries } from './replica-queries.ts';
import { settledBackend } from './settled-backend.ts';
import { hintsOfSpool } from './spool-hints.ts';
import type { ConfigurationFacts } from './status-records.ts';
import { stopSignals } from './stop-signals.ts';
import { createSyncFile } from './sync-file.ts';
import { tellTakenOut } from './taken-out.ts';
import { createVolumeMethods } from './volume-methods.ts';
import { createVolumePartners } from './volume-partners.ts';
import { startVolumes, type Volumes } from './volumes.ts';

export interface DaemonOptions {
  readonly home: string;
  readonly log: Log;
  /** Ends the daemon; without it, SIGTERM and SIGINT do. */
  readonly stop?: AbortSignal;
}

const CLOSE_GRACE_MS = 1000;

/** Runs until it is told to stop. Rejects with what kept it from starting or made it give up. */
export async function runDaemon({ home, log, stop }: DaemonOptions): Promise<void> {
  const identity = await loadIdentity(join(home, 'identity'));
  const loaded = await loadMember(home, identity);
  const undo: (() => Promise<void>)[] = [];
  try {
    const lock = await lockHome(home);
    undo.push(() => lock.release());
    const signals = stopSignals(stop);
    undo.push(async () => signals.dispose());
    await new Running({ home, log, identity, undo }, loaded).run(signals.signal);
  } finally {
    for (const step of undo.reverse()) await step().catch(error => log.warn({ error }, 'stopping went wrong'));
  }
}

interface Surroundings {
  readonly home: string;
  readonly log: Log;
  readonly identity: Identity;
  /** What is to be undone at the end, in reverse. */
  readonly undo: (() => Promise<void>)[];
}

class Running {
  readonly #around: Surroundings;
  readonly #fault = new AbortController();
  #loaded: LoadedMember;
  #member: Member | null = null;
  #volumes: Volumes | null = null;
  #failure: unknown = null;
  #configuration: ConfigurationFacts = { readAt: systemClock.now(), changedAt: systemClock.now(), problem: null };
  #stopping = false;

  constructor(around: Surroundings, loaded: LoadedMember) {
    this.#around = around;
    this.#loaded = loaded;
  }

  async run(stop: AbortSignal): Promise<void> {
    const { home, log, identity, undo } = this.#around;
    const own = this.#loaded.member;
    // Before the file is watched there is nothing to do: the watch begins with reading it again.
    let reload = () => {};
    const onHangUp = () => reload();
    process.on('SIGHUP', onHangUp);
    undo.push(async () => void process.off('SIGHUP', onHangUp));
    const store = await openStore({ directory: join(home, 'database'), random: systemRandom }).catch(error => {
      // There is no journal to write it into.
      log.error({ event: 'DATABASE_ERROR' satisfies EventName }, messageOf(error));
      throw error;
    });
    undo.push(() => store.close());
    const feed = createEventFeed({ journal: store.events, clock: systemClock, log });
    undo.push(async () => {
      if (this.#member) feed.emit('SERVICE_STOPPED', `member ${own.member} stopped`);
      await feed.flush();
    });
    const disks = createWorkerDisks({ onFailure: error => this.#fail(error) });
    undo.push(() => disks.close());
    const hash64 = await loadXxh64();
    const forces = createForceFile({ home, log });
    const answers = createPropagationAnswers({ member: () => this.#current(), clock: systemClock, log });
    const build = (loaded: LoadedMember) => this.#build(loaded, { store, feed, disks, hash64, forces, answers });
    this.#member = build(this.#loaded);
    // What the member does while it stops can be asked to the end.
    let closeAdmin = async () => {};
    undo.push(() => closeAdmin());
    const reloads = new TaskLine();
    undo.push(async () => {
      await reloads.idle();
      await this.#member?.stop();
    });
    await this.#member.start();
    const server = await createPeerServer({
      listen: own.listen,
      identity,
      members: () => this.#partners(),
      service: { ...forwardTo(() => this.#current().service), ...mirrorsOf(() => this.#volumes) },
      onStranger: strangerReports(feed),
      log,
    }).catch(error => {
      feed.emit('LISTENER_ERROR', messageOf(error));
      throw error;
    });
    undo.push(() => server.close(CLOSE_GRACE_MS));
    const syncs = this.#runSyncs(feed);
    const partners = createVolumePartners({ loaded: () => this.#loaded, identity, log });
    undo.push(async () => partners.close());
    const volumes = await startVolumes({
      loaded: this.#loaded,
      identity,
      partners,
      xxh64: hash64,
      table: store.table('replicas'),
      emit: feed.emit,
      log,
    });
    this.#volumes = volumes;
    undo.push(() => volumes.close());
    const pairs = createFolderPairs({ member: () => this.#current() });
    const folderOrders = createFolderOrders({ folders: pairs, jobs: volumes.replicas.jobs, clock: systemClock });
    undo.push(this.#until(signal => folderOrders.run(signal)));
    const folders = createAdminBackend({
      member: () => this.#current(),
      store,
      events: feed,
      syncs,
      answers,
      home,
      memberConfig: own,
      key: identity.key,
      startedAt: systemClock.now(),
      configuration: () => this.#configuration,
      stopping: () => this.#stopping,
      clock: systemClock,
    });
    const asked = {
      ...settledBackend(folders, () => reloads.idle()),
      ...createVolumeMethods(own.member, volumes),
      ...createReplicaQueries({ member: own.member, volumes, partners }),
      ...createReplicaMethods({ ...volumes, folders: pairs, folderOrders }),
    };
    const admin = await createAdminServer({ socketPath: own.adminSocket, backend: asked, log });
    closeAdmin = () => admin.close();
    reload = () => void reloads.run(() => this.#reload(build, feed, () => server.refresh()));
    const groupWatch = watchGroupFile(own.groupFile, {
      onChanged: reload,
      onDegraded: reason => log.warn({ reason }, 'changes of group.yaml go unnoticed; SIGHUP has it read again'),
    });
    undo.push(() => groupWatch.close());
    feed.emit('SERVICE_STARTED', `member ${own.member} started, Tandem ${VERSION}`, {
      host: hostname(),
      version: VERSION,
    });
    await aborted(AbortSignal.any([stop, this.#fault.signal]));
    this.#stopping = true;
    feed.emit('SERVICE_STOPPING', `member ${own.member} stops`);
    this.#member.tellStopping();
    if (this.#failure !== null) {
      const ofDatabase = this.#failure instanceof TandemError && this.#failure.code === 'STORE_FAILED';
      feed.emit(ofDatabase ? 'DATABASE_ERROR' : 'SERVICE_INTERNAL_ERROR', messageOf(this.#failure));
      throw this.#failure;
    }
  }

  /** Ordered synchronisations have their turns until the end. */
  #runSyncs({ emit }: EventFeed): SyncQueue {
    const { home, log, undo, identity } = this.#around;
    const book = createSyncFile({ home, log });
    const { spool } = this.#loaded.member;
    const member = () => this.#current();
    const { key } = identity;
    const syncs = new SyncQueue({ book, clock: systemClock, member, emit, log, spool, key });
    undo.push(this.#until(signal => syncs.run(signal)));
    if (spool !== null) {
      const hints = hintsOfSpool(spool, log);
      const order = (request: SyncRequest): void => void syncs.order(request);
      undo.push(this.#until(signal => watchSpool({ spool, clock: systemClock, member, order, hints, log }, signal)));
    }
    return syncs;
  }

  /** Runs a loop; the answer ends it. */
  #until(loop: (signal: AbortSignal) => Promise<void>): () => Promise<void> {
    const end = new AbortController();
    const running = loop(end.signal).catch(error => this.#fail(error));
    return async () => {
      end.abort();
      await running;
    };
  }

  #current(): Member {
    if (!this.#member) throw new TandemError('FOLDER_NOT_READY', 'the member is just starting');
    return this.#member;
  }

  #fail(error: unknown): void {
    this.#failure ??= error;
    this.#around.log.error({ error }, 'the member stops');
    this.#fault.abort();
  }

  #partners() {
    const { member, group } = this.#loaded;
    return [...group.members.values()].filter(partner => partner.name !== member.member);
  }

  #build(loaded: LoadedMember, parts: Parts): Member {
    const { log, identity } = this.#around;
    const { store, feed, disks, hash64, forces, answers } = parts;
    return new Member({
      name: loaded.member.member,
      group: loaded.group,
      software: `tandem/${VERSION}`,
      store,
      takesOver: this.#member !== null,
      openDisk: (folder, root) => disks.open({ root, filters: folder.filters }),
      dial: (partner, rate) =>
        createPeerLink({ partner, identity, log, pacer: rate === null ? null : createPacer(rate, systemClock) }),
      watch: (folder, root, onHint) => {
        const onDegraded = (reason: string) =>
          feed.emit('WATCH_DEGRADED', `changes in folder ${folder.name} are found by scans only: ${reason}`, {
            folder: folder.name,
          });
        return disks.watch({ root, filters: folder.filters }, { onHint, onDegraded });
      },
      clock: systemClock,
      zone: systemZone,
      forces,
      random: systemRandom,
      hash64,
      outboundIdleMs: loaded.member.outboundIdleMs,
      log,
      emit: feed.emit,
      brought: answers.brought,
      fail: error => this.#fail(error),
    });
  }

  /** Reads group.yaml again; what is not usable leaves the former one in force. */
  async #reload(build: (loaded: LoadedMember) => Member, feed: EventFeed, changed: () => void): Promise<void> {
    if (this.#stopping) return;
    const { home, identity } = this.#around;
    try {
      const next = await loadMember(home, identity);
      this.#configuration = { ...this.#configuration, readAt: systemClock.now(), problem: null };
      if (next.group.digest === this.#loaded.group.digest) return;
      await this.#current().stop(CONFIG_CHANGES);
      tellTakenOut({ member: next.member.member, before: this.#loaded.group, after: next.group }, feed.emit);
      this.#loaded = next;
      this.#member = build(next);
      await this.#member.start();
      this.#configuration = { ...this.#configuration, changedAt: systemClock.now() };
      changed();
      feed.emit('CONFIG_LOADED', 'group.yaml was read again', { digest: next.group.digest });
    } catch (error) {
      if (!(error instanceof TandemError) || !error.code.startsWith('CONFIG')) return this.#fail(error);
      this.#configuration = { ...this.#configuration, readAt: systemClock.now(), problem: error.message };
      feed.emit('CONFIG_INVALID', `group.yaml is not usable, the former one stays in force: ${error.message}`);
    }
  }
}

interface Parts {
  readonly store: Store;
  readonly feed: EventFeed;
  readonly disks: ReturnType<typeof createWorkerDisks>;
  readonly hash64: Awaited<ReturnType<typeof loadXxh64>>;
  readonly forces: ForceBook;
  readonly answers: PropagationAnswers;
}

/** The member changes when group.yaml is read again; the server stays. */
function forwardTo(service: () => FolderPeerService): FolderPeerService {
  return {
    checkConnectivity: (...args) => service().checkConnectivity(...args),
    establishConnection: (...args) => service().establishConnection(...args),
    watchVectors: (...args) => service().watchVectors(...args),
    requestUpdates: (...args) => service().requestUpdates(...args),
    cancelUpdates: (...args) => service().cancelUpdates(...args),
    requestRecords: (...args) => service().requestRecords(...args),
    fetchContent: (...args) => service().fetchContent(...args),
  };
}

/** There are no mirrors before the volumes are open. */
function mirrorsOf(volumes: () => Volumes | null): MirrorPeerService {
  const links = () => {
    const open = volumes();
    if (open === null) throw new TandemError('FOLDER_NOT_READY', 'the member is just starting');
    return open.replicas.links;
  };
  return {
    offerReplica: async (...args) => await links().offerReplica(...args),
    listTargets: async (...args) => await links().listTargets(...args),
    mirror: async (...args) => await links().mirror(...args),
  };
}

const STRANGERS_TOLD_AN_HOUR = 100;

/** Whoever knocks without end must not fill the journal. */
function strangerReports(feed: EventFeed): (stranger: Stranger) => void {
  let told = 0;
  let since = systemClock.now();
  return ({ address, reason }) => {
    if (systemClock.now() - since > 3_600_000) [told, since] = [0, systemClock.now()];
    if (told++ < STRANGERS_TOLD_AN_HOUR) feed.emit('PEER_REFUSED', `${address} was refused: ${reason}`, { address });
  };
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
