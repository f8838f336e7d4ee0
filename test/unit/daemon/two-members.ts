/** Two members in one process, joined in memory, each with the backend an administrator would ask. */
import type { FoldersBackend } from '../../../src/admin/backend.ts';
import { TandemError } from '../../../src/base/errors.ts';
import { silentLog } from '../../../src/base/log.ts';
import { systemClock } from '../../../src/base/system-clock.ts';
import { systemRandom } from '../../../src/base/system-random.ts';
import { loadXxh64 } from '../../../src/base/xxh64.ts';
import type { FolderConfig, GroupConfig } from '../../../src/config/config.ts';
import { createAdminBackend } from '../../../src/daemon/admin-backend.ts';
import { createEventFeed, type EventFeed } from '../../../src/daemon/event-feed.ts';
import { createPropagationAnswers } from '../../../src/daemon/propagation-answers.ts';
import { createLocalDisk } from '../../../src/disk/local-disk.ts';
import { compileFilter } from '../../../src/model/filters.ts';
import { ALWAYS } from '../../../src/model/schedule.ts';
import type { FolderLink, FolderPeerService } from '../../../src/peer/link.ts';
import { Member } from '../../../src/replication/member.ts';
import { SyncQueue, type SyncState } from '../../../src/replication/sync-queue.ts';
import { CONFIG_CHANGES } from '../../../src/replication/sync-session.ts';
import { openStore } from '../../../src/store/open-store.ts';
import { MemoryFileSystem } from '../../sim/memory-file-system.ts';
import { createMemoryKeyValue } from '../../sim/memory-kv.ts';
import type { MemoryUser } from '../../sim/memory-user.ts';

export const ROOT = '/srv/docs';
const FOLDER_GUID = 'b7aa0000-0000-4000-8000-000000000001';
const xxh64 = await loadXxh64();

export interface TestMember {
  readonly name: string;
  readonly backend: FoldersBackend;
  readonly member: Member;
  readonly events: EventFeed;
  readonly syncs: SyncQueue;
  /** What the queue of synchronisations keeps; `broken`: nothing can be kept. */
  readonly syncBook: { state: SyncState; broken: boolean };
  readonly user: MemoryUser;
  readonly files: MemoryFileSystem;
  /** As the watcher does after an edit. */
  hint(directory?: string): void;
  /** Another member takes over, as when group.yaml was read again. It can be called from the first moment on. */
  readAgain(whileItStarts?: () => Promise<void>): Promise<void>;
}

export interface Pair {
  readonly alpha: TestMember;
  readonly beta: TestMember;
  /** Calls to this member fail from now on, or no longer; it may still call others. */
  cut(name: string, cut: boolean): void;
  stop(): Promise<void>;
}

export const GROUP: GroupConfig = {
  name: 'projects',
  guid: '7c0e0000-0000-4000-8000-000000000001',
  tombstoneLifetimeMs: 60 * 86_400_000,
  members: new Map(
    ['alpha', 'beta', 'gamma'].map((name, i) => [
      name,
      { name, guid: `3f1b0000-0000-4000-8000-00000000000${i}`, host: `${name}.example`, port: 7420, certificate: '' },
    ]),
  ),
  connections: [
    { guid: 'c0000000-0000-4000-8000-000000000001', from: 'alpha', to: 'beta', enabled: true, schedule: ALWAYS },
    { guid: 'c0000000-0000-4000-8000-000000000002', from: 'beta', to: 'alpha', enabled: true, schedule: ALWAYS },
  ],
  folders: new Map([
    [
      'docs',
      {
        name: 'docs',
        guid: FOLDER_GUID,
        primary: null,
        members: new Map([
          ['alpha', ROOT],
          ['beta', ROOT],
        ]),
        readOnly: [],
        filters: { files: ['*.tmp'], directories: ['node_modules'] },
        quietMs: 0,
        quietLimitMs: 1000,
        rescanMs: 600_000,
        stagingQuotaBytes: 2 ** 30,
        conflictQuotaBytes: 2 ** 30,
        purgeOnlyCopies: false,
        brakes: { deletedShare: 0.5, changedShare: 2, minimumFiles: 3 },
      },
    ],
  ]),
  digest: 'd'.repeat(64),
};

/** The group with another folder configuration. */
export function groupWith(folder: Partial<FolderConfig>): GroupConfig {
  return { ...GROUP, folders: new Map([['docs', { ...GROUP.folders.get('docs')!, ...folder }]]) };
}

export interface PairOptions {
  /** PEM, by member. */
  readonly keys?: Readonly<Record<string, string>>;
  readonly spool?: string | null;
  /** Members to which calls fail from the start. */
  readonly cut?: readonly string[];
}

/** `alphaGroup`: what alpha believes, where its group.yaml differs from beta's. */
export async function startPair(
  group: GroupConfig = GROUP,
  alphaGroup: GroupConfig = group,
  { keys = {}, spool = null, cut = [] }: PairOptions = {},
): Promise<Pair> {
  const services = new Map<string, FolderPeerService>();
  const cutOff = new Set<string>(cut);
  const stop = new AbortController();
  const stopping: Promise<void>[] = [];
  const links = new Set<{ readonly target: string; readonly end: AbortController }>();

  function dial(caller: string, target: string): FolderLink {
    const end = new AbortController();
    links.add({ target, end });
    const service = (): FolderPeerService => {
      const found = services.get(target);
      if (!found || cutOff.has(target)) {
        throw new TandemError('PEER_UNREACHABLE', `${target} does not answer`);
      }
      return found;
    };
    const either = (signal: AbortSignal) => AbortSignal.any([signal, end.signal]);
    return {
      checkConnectivity: async request => service().checkConnectivity(caller, request),
      establishConnection: async hello => service().establishConnection(caller, hello),
      watchVectors: (request, signal) => service().watchVectors(caller, request, either(signal)),
      requestUpdates: (request, signal) => service().requestUpdates(caller, request, either(signal)),
      cancelUpdates: async request => service().cancelUpdates(caller, request),
      requestRecords: (request, signal) => service().requestRecords(caller, request, either(signal)),
      fetchContent: (requests, connection, signal) =>
        service().fetchContent(caller, requests, connection, either(signal)),
      close: () => end.abort(),
    };
  }

  async function start(name: string): Promise<TestMember> {
    const files = new MemoryFileSystem({ clock: () => BigInt(Date.now()) * 1_000_000n });
    files.user.makeDirectory(ROOT);
    const store = await openStore({ kv: createMemoryKeyValue(), random: systemRandom });
    const events = createEventFeed({ journal: store.events, clock: systemClock, log: silentLog });
    const now = () => Date.now();
    let hint: (directory: string) => void = () => {};
    const build = (takesOver: boolean) =>
      new Member({
        name,
        group: name === 'alpha' ? alphaGroup : group,
        software: 'test',
        store,
        takesOver,
        openDisk: (folder, root) =>
          createLocalDisk({
            files,
            root,
            filter: compileFilter(folder.filters),
            xxh64,
            now,
            pause: () => {},
            giveWay: () => new Promise(resolve => setImmediate(resolve)),
          }),
        dial: partner => dial(name, partner.name),
        watch: (_folder, _root, tell) => {
          hint = tell;
          return { ready: Promise.resolve(), close: async () => {} };
        },
        clock: systemClock,
        zone: () => 0,
        forces: new Map(),
        random: systemRandom,
        hash64: xxh64,
        outboundIdleMs: 12 * 3_600_000,
        log: silentLog,
        emit: events.emit,
        brought: answers.brought,
        fail: error => {
          throw error;
        },
      });
    const answers = createPropagationAnswers({ member: () => member, clock: systemClock, log: silentLog });
    let member = build(false);
    await member.start();
    services.set(name, member.service);
    const syncBook: TestMember['syncBook'] = { state: { nextSerial: 1, queue: [], sources: [] }, broken: false };
    const syncs = new SyncQueue({
      book: {
        load: () => syncBook.state,
        save: state => {
          if (syncBook.broken) throw new TandemError('STORE_FAILED', 'the disk is full');
          syncBook.state = structuredClone(state);
        },
      },
      clock: systemClock,
      member: () => member,
      emit: events.emit,
      log: silentLog,
      spool,
      key: keys[name] ?? '',
    });
    stopping.push(syncs.run(stop.signal));
    const backend = createAdminBackend({
      member: () => member,
      store,
      events,
      syncs,
      answers,
      home: `/home/${name}/.tandem`,
      memberConfig: {
        member: name,
        home: `/home/${name}/.tandem`,
        groupFile: `/home/${name}/.tandem/group.yaml`,
        listen: { host: '0.0.0.0', port: 7420 },
        adminSocket: `/home/${name}/.tandem/admin.sock`,
        nbd: null,
        nbdTls: 'off',
        outboundIdleMs: 12 * 3_600_000,
        spool,
        logLevel: 'info',
      },
      key: keys[name] ?? '',
      startedAt: now(),
      configuration: () => ({ readAt: now(), changedAt: now(), problem: null }),
      stopping: () => false,
      clock: systemClock,
    });
    return {
      name,
      backend,
      get member() {
        return member;
      },
      events,
      syncs,
      syncBook,
      user: files.user,
      files,
      hint: (directory = '') => hint(directory),
      readAgain: async (whileItStarts = async () => {}) => {
        await member.stop(CONFIG_CHANGES);
        member = build(true);
        services.set(name, member.service);
        await Promise.all([member.start(), whileItStarts()]);
      },
    };
  }

  const [alpha, beta] = await Promise.all([start('alpha'), start('beta')]);
  return {
    alpha,
    beta,
    cut(name, cut) {
      if (!cut) return void cutOff.delete(name);
      cutOff.add(name);
      for (const link of links) if (link.target === name) link.end.abort();
    },
    stop: async () => {
      stop.abort();
      await Promise.all(stopping);
      for (const each of [alpha, beta]) await each.member.stop();
    },
  };
}
