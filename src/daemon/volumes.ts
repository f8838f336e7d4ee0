/** The volumes of this member, served to NBD clients as long as the daemon runs. */
import { join } from 'node:path';
import type { Emit } from '../base/events.ts';
import { createIdleGauge } from '../base/idle-gauge.ts';
import { LIMITS } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import { systemClock } from '../base/system-clock.ts';
import { systemRandom } from '../base/system-random.ts';
import { optimiseSoon } from '../base/v8-tuning.ts';
import type { Xxh64 } from '../base/xxh64.ts';
import { createExports, type Exports } from '../block/nbd/exports.ts';
import { type NbdServer, openNbdServer } from '../block/nbd/nbd-server.ts';
import type { NbdTls } from '../block/nbd/tls.ts';
import { createTraffic } from '../block/nbd/traffic.ts';
import { createNodeBlockFiles } from '../block/node-block-files.ts';
import type { LoadedMember } from '../config/member-file.ts';
import { Elements } from '../mirror/elements.ts';
import { PairSet } from '../mirror/pair-set.ts';
import { openReplicaBook } from '../mirror/replica-book.ts';
import { Replicas } from '../mirror/replicas.ts';
import { VolumeShelf } from '../mirror/volume-shelf.ts';
import { VolumeTrackers } from '../mirror/volume-trackers.ts';
import type { Identity } from '../peer/identity.ts';
import type { DurableTable } from '../store/store.ts';
import type { VolumePartners } from './volume-partners.ts';

export interface Volumes {
  readonly shelf: VolumeShelf;
  readonly pairs: PairSet;
  readonly elements: Elements;
  readonly replicas: Replicas;
  /** Null: NBD clients are not served. */
  readonly server: NbdServer | null;
  /** Sends all clients away; everything is durable then. */
  close(): Promise<void>;
}

export interface VolumesParts {
  readonly loaded: LoadedMember;
  readonly identity: Identity;
  /** The other members, as they are now. */
  readonly partners: VolumePartners;
  readonly xxh64: Xxh64;
  /** Where the replicas are kept. */
  readonly table: DurableTable;
  readonly emit: Emit;
  readonly log: Log;
}

/** Opens the volumes, then lets clients in. As `openNbdServer`. */
export async function startVolumes({
  loaded,
  identity,
  partners,
  xxh64,
  table,
  emit,
  log,
}: VolumesParts): Promise<Volumes> {
  const { home, nbd } = loaded.member;
  const exported = createExports();
  const exports: Exports = {
    ...exported,
    add: spec => {
      optimiseSoon();
      exported.add(spec);
    },
  };
  const files = createNodeBlockFiles();
  const uuid = () => systemRandom.guid();
  const book = await openReplicaBook(table);
  // Before a volume is opened it is known who may write to it.
  const pairs = new PairSet({ book, clock: systemClock });
  const common = { files, exports, uuid, clock: systemClock, emit, log };
  const mapsOf = (volume: string) => pairs.mapsOf(volume);
  const trackers = new VolumeTrackers({ files, mapsOf });
  const shelf = new VolumeShelf({ ...common, directory: join(home, 'volumes'), rules: pairs, trackers });
  await shelf.open();
  const elements = new Elements({ ...common, shelf, rules: pairs, idle: createIdleGauge() });
  const replicas = new Replicas({
    ...common,
    member: loaded.member.member,
    members: () => [...loaded.group.members.keys()],
    book,
    pairs,
    elements,
    shelf,
    trackers,
    linkTo: partners.linkTo,
    levelTo: partners.levelTo,
    xxh64,
  });
  await replicas.start();
  const end = new AbortController();
  const loops = Promise.all([shelf.run(end.signal), replicas.run(end.signal)]);
  const closeShelf = async () => {
    end.abort();
    await loops;
    await replicas.close();
    await shelf.close();
  };
  const traffic = createTraffic({
    own: LIMITS.nbdOwnBytes,
    shared: LIMITS.nbdSharedBytes,
    client: LIMITS.nbdClientBytes,
  });
  const tls = tlsOf(loaded, identity);
  const server =
    nbd &&
    (await openNbdServer({ listen: nbd, exports, traffic, tls, clock: systemClock, log }).catch(async error => {
      await closeShelf();
      throw error;
    }));
  return {
    shelf,
    pairs,
    elements,
    replicas,
    server,
    close: async () => {
      await server?.close();
      await closeShelf();
    },
  };
}

/** Clients show the certificate of a member: there is no other authority in a group. */
function tlsOf({ member, group }: LoadedMember, { key, certificate }: Identity): NbdTls | null {
  if (member.nbdTls === 'off') return null;
  const clientAuthorities = [...group.members.values()].map(other => other.certificate);
  return { required: member.nbdTls === 'required', key, certificate, clientAuthorities };
}
