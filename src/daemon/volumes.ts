/** The volumes of this member, served to NBD clients as long as the daemon runs. */
import { join } from 'node:path';
import type { Emit } from '../base/events.ts';
import { LIMITS } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import { systemClock } from '../base/system-clock.ts';
import { systemRandom } from '../base/system-random.ts';
import { createExports } from '../block/nbd/exports.ts';
import { type NbdServer, openNbdServer } from '../block/nbd/nbd-server.ts';
import type { NbdTls } from '../block/nbd/tls.ts';
import { createTraffic } from '../block/nbd/traffic.ts';
import { createNodeBlockFiles } from '../block/node-block-files.ts';
import type { LoadedMember } from '../config/member-file.ts';
import { VolumeShelf } from '../mirror/volume-shelf.ts';
import type { Identity } from '../peer/identity.ts';

export interface Volumes {
  readonly shelf: VolumeShelf;
  /** Null: NBD clients are not served. */
  readonly server: NbdServer | null;
  /** Sends all clients away; everything is durable then. */
  close(): Promise<void>;
}

export interface VolumesParts {
  readonly loaded: LoadedMember;
  readonly identity: Identity;
  readonly emit: Emit;
  readonly log: Log;
}

/** Opens the volumes, then lets clients in. As `openNbdServer`. */
export async function startVolumes({ loaded, identity, emit, log }: VolumesParts): Promise<Volumes> {
  const { home, nbd } = loaded.member;
  const exports = createExports();
  const shelf = new VolumeShelf({
    directory: join(home, 'volumes'),
    files: createNodeBlockFiles(),
    exports,
    uuid: () => systemRandom.guid(),
    clock: systemClock,
    emit,
    log,
  });
  await shelf.open();
  const end = new AbortController();
  const retries = shelf.run(end.signal);
  const closeShelf = async () => {
    end.abort();
    await retries;
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
