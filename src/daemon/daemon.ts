/** The composition root: configuration, identity, database, disks, member, servers, in this order; and back on a stop. */
import { hostname } from 'node:os';
import { join } from 'node:path';
import { createAdminServer } from '../admin/server.ts';
import { messageOf, TandemError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { systemClock } from '../base/system-clock.ts';
import { systemRandom } from '../base/system-random.ts';
import { VERSION } from '../base/version.ts';
import type { GroupConfig } from '../config/config.ts';
import { type LoadedMember, loadMember } from '../config/member-file.ts';
import { createDirectoryWatcher } from '../disk/directory-watcher.ts';
import { createWorkerDisks } from '../disk/worker-disk.ts';
import { loadXxh64 } from '../disk/xxh64.ts';
import { createPeerLink } from '../peer/grpc-link.ts';
import { createPeerServer } from '../peer/grpc-server.ts';
import { loadIdentity } from '../peer/identity.ts';
import type { PeerService } from '../peer/link.ts';
import { Member } from '../replication/member.ts';
import { openStore } from '../store/open-store.ts';
import { createAdminBackend } from './admin-backend.ts';
import { createEventFeed, type EventFeed } from './event-feed.ts';
import { lockHome } from './home-lock.ts';

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
  let loaded = await loadMember(home, identity);
  const lock = await lockHome(home);
  const end = stop ? { signal: stop, dispose: () => {} } : signals();
  let failure: unknown = null;
  const fault = new AbortController();
  const fail = (error: unknown) => {
    failure ??= error;
    log.error({ error }, 'the member stops');
    fault.abort();
  };
  try {
    const store = await openStore({ directory: join(home, 'database'), random: systemRandom });
    const feed = createEventFeed({ journal: store.events, clock: systemClock, log });
    const disks = createWorkerDisks({ onFailure: fail });
    let readAt = Date.now();
    let member = await startMember(loaded);
    const server = await createPeerServer({
      listen: loaded.member.listen,
      identity,
      members: () => partnersOf(loaded),
      service: forwardTo(() => member.service),
      onStranger: stranger => reportStranger(feed, stranger),
      log,
    }).catch(error => {
      feed.emit('LISTENER_ERROR', messageOf(error));
      throw error;
    });
    const backend = createAdminBackend({
      member: () => member,
      store,
      events: feed,
      home,
      memberConfig: loaded.member,
      startedAt: systemClock.now(),
      configReadAt: () => readAt,
      clock: systemClock,
    });
    const admin = await createAdminServer({ socketPath: loaded.member.adminSocket, backend, log });
    feed.emit('SERVICE_STARTED', `member ${loaded.member.member} started, Tandem ${VERSION}`, {
      host: hostname(),
      version: VERSION,
    });

    async function startMember({ member: own, group }: LoadedMember): Promise<Member> {
      const started = new Member({
        name: own.member,
        group,
        software: `tandem/${VERSION}`,
        store,
        openDisk: (folder, root) => disks.open({ root, filters: folder.filters }),
        dial: partner => createPeerLink({ partner, identity, log }),
        watch: (folder, root, hint) =>
          createDirectoryWatcher({
            root,
            filters: folder.filters,
            onHint: hint,
            onDegraded: (reason: string) =>
              feed.emit('WATCH_DEGRADED', `changes in folder ${folder.name} are found by scans only: ${reason}`, {
                folder: folder.name,
              }),
          }),
        clock: systemClock,
        random: systemRandom,
        hash64: await loadXxh64(),
        log,
        emit: feed.emit,
        fail,
      });
      await started.start();
      return started;
    }

    async function reload(): Promise<void> {
      try {
        const next = await loadMember(home, identity);
        readAt = Date.now();
        if (next.group.digest === loaded.group.digest) return;
        await member.stop();
        loaded = next;
        member = await startMember(loaded);
        server.refresh();
        feed.emit('CONFIG_LOADED', `group.yaml was read again`, { digest: next.group.digest });
      } catch (error) {
        if (!(error instanceof TandemError) || !error.code.startsWith('CONFIG')) return fail(error);
        feed.emit(
          'CONFIG_INVALID',
          `group.yaml was read again and is not usable; the former one stays in force: ${error.message}`,
        );
      }
    }
    const onHangup = () => void reload();
    process.on('SIGHUP', onHangup);

    await aborted(AbortSignal.any([end.signal, fault.signal]));
    process.off('SIGHUP', onHangup);
    feed.emit('SERVICE_STOPPING', `member ${loaded.member.member} stops`);
    await admin.close();
    await server.close(CLOSE_GRACE_MS);
    await member.stop();
    await disks.close();
    feed.emit('SERVICE_STOPPED', `member ${loaded.member.member} stopped`);
    await feed.flush();
    await store.close();
  } finally {
    end.dispose();
    await lock.release();
  }
  if (failure !== null) throw failure;
}

function partnersOf({ member, group }: { member: LoadedMember['member']; group: GroupConfig }) {
  return [...group.members.values()].filter(partner => partner.name !== member.member);
}

/** The member changes when group.yaml is read again; the server stays. */
function forwardTo(service: () => PeerService): PeerService {
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

function reportStranger(feed: EventFeed, stranger: { readonly reason?: string; readonly address?: string }): void {
  feed.emit(
    'PEER_REFUSED',
    `somebody at ${stranger.address ?? 'an unknown address'} was refused: ${stranger.reason ?? 'not a pinned certificate'}`,
    {},
  );
}

function signals(): { signal: AbortSignal; dispose: () => void } {
  const controller = new AbortController();
  const stop = () => controller.abort();
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  return {
    signal: controller.signal,
    dispose: () => {
      process.off('SIGTERM', stop);
      process.off('SIGINT', stop);
    },
  };
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
