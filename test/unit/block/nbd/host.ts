/** A server for tests, with one device in memory unless told otherwise. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '../../../../src/base/clock.ts';
import { LIMITS } from '../../../../src/base/limits.ts';
import { type Log, silentLog } from '../../../../src/base/log.ts';
import { systemClock } from '../../../../src/base/system-clock.ts';
import { createExports, type ExportSpec, type Exports } from '../../../../src/block/nbd/exports.ts';
import { type NbdListen, type NbdServer, openNbdServer } from '../../../../src/block/nbd/nbd-server.ts';
import type { NbdTls } from '../../../../src/block/nbd/tls.ts';
import { createTraffic, type TrafficBounds } from '../../../../src/block/nbd/traffic.ts';
import { createMemoryDevice, type MemoryDevice } from '../memory-device.ts';
import { connectRaw, enter, type RawClient, type Wishes } from './nbd-client.ts';

export interface NbdHost {
  readonly directory: string;
  readonly server: NbdServer;
  readonly exports: Exports;
  /** Behind the export `v`. */
  readonly device: MemoryDevice;
  /** Why clients were cut off. */
  readonly complaints: string[];
  connect(flags?: number | null): Promise<RawClient>;
  /** A client of `v` in its transmission. */
  client(wishes?: Wishes): Promise<RawClient>;
  stop(): Promise<void>;
}

export interface HostOptions {
  readonly size?: number;
  readonly spec?: Partial<ExportSpec>;
  readonly listen?: NbdListen;
  readonly tls?: NbdTls;
  readonly clock?: Clock;
  readonly bounds?: Partial<TrafficBounds>;
}

export const USUAL_BOUNDS: TrafficBounds = {
  own: LIMITS.nbdOwnBytes,
  shared: LIMITS.nbdSharedBytes,
  client: LIMITS.nbdClientBytes,
};

export async function startNbdHost(options: HostOptions = {}): Promise<NbdHost> {
  const directory = mkdtempSync(join(tmpdir(), 'nbd-'));
  const device = createMemoryDevice(options.size ?? 1024 * 1024);
  const exports = createExports();
  exports.add({ name: 'v', device, readOnly: false, ...options.spec });
  const complaints: string[] = [];
  const log: Log = {
    ...silentLog,
    warn: fields => void complaints.push((fields as { reason: string }).reason),
    child: () => log,
  };
  const server = await openNbdServer({
    listen: options.listen ?? { kind: 'unix', path: join(directory, 'nbd.sock') },
    exports,
    traffic: createTraffic({ ...USUAL_BOUNDS, ...options.bounds }),
    tls: options.tls ?? null,
    clock: options.clock ?? systemClock,
    log,
  }).catch(error => {
    rmSync(directory, { recursive: true });
    throw error;
  });
  const clients = new Set<RawClient>();
  const host: NbdHost = {
    directory,
    server,
    exports,
    device,
    complaints,
    connect: async flags => {
      const client = await connectRaw(server.port ?? server.where, flags);
      clients.add(client);
      return client;
    },
    client: async wishes => {
      const client = await host.connect();
      await enter(client, 'v', wishes);
      return client;
    },
    stop: async () => {
      for (const client of clients) client.destroy();
      await server.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
  return host;
}
