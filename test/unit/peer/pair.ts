/** Two members with real identities on loopback, for the tests of the link and the server. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog } from '../../../src/base/log.ts';
import type { Update } from '../../../src/model/update.ts';
import { makeVersion, rootUid } from '../../../src/model/version.ts';
import { createPeerLink } from '../../../src/peer/grpc-link.ts';
import { createPeerServer, type PeerServer } from '../../../src/peer/grpc-server.ts';
import { createIdentity, type Identity } from '../../../src/peer/identity.ts';
import type { PeerLink, PeerService } from '../../../src/peer/link.ts';
import type { Pacer } from '../../../src/peer/pacer.ts';
import type { PinnedMember, Stranger } from '../../../src/peer/tls-door.ts';

export const GROUP = '11111111-1111-4111-8111-111111111111';
export const CONNECTION = '22222222-2222-4222-8222-222222222222';
export const FOLDER = '33333333-3333-4333-8333-333333333333';
export const MEMBER = '44444444-4444-4444-8444-444444444444';
export const DATABASE = 'ab'.repeat(16);
export const OTHER_DATABASE = 'cd'.repeat(16);
export const HASH = '0f'.repeat(32);

export const never = new AbortController().signal;

export function update(number: number, changes: Partial<Update> = {}): Update {
  return {
    uid: makeVersion(DATABASE, number),
    gvsn: makeVersion(DATABASE, number + 1),
    parent: rootUid(FOLDER),
    name: `file ${number}`,
    kind: 'file',
    present: true,
    nameConflict: false,
    mergedInto: null,
    fence: 3,
    clock: 1_790_000_000_000_000 + number,
    createTime: 1_790_000_000_000,
    mode: 0o644,
    mtimeNs: 1_790_000_000_123_456_789n,
    size: 8192,
    hash: HASH,
    target: '',
    ancestry: [makeVersion(OTHER_DATABASE, 77)],
    ...changes,
  };
}

/** Answers nothing; tests replace what they ask for. */
export const quietService: PeerService = {
  checkConnectivity: async () => {},
  establishConnection: () => Promise.reject(new Error('not asked for')),
  watchVectors: async function* () {},
  requestUpdates: async function* () {},
  cancelUpdates: async () => {},
  requestRecords: async function* () {},
  fetchContent: async function* () {},
  offerReplica: async () => {},
  listTargets: async () => ({ targets: [], nameFree: true }),
  mirror: async () => {},
};

const identities = new Map<string, Promise<Identity>>();

/** Made once: a key takes its time. */
export function identityOf(name: string): Promise<Identity> {
  let identity = identities.get(name);
  if (!identity) {
    identity = (async () => {
      const directory = await mkdtemp(join(tmpdir(), 'tandem-identity-'));
      try {
        return await createIdentity(join(directory, 'identity'), name);
      } finally {
        await rm(directory, { recursive: true });
      }
    })();
    identities.set(name, identity);
  }
  return identity;
}

export interface Pair {
  readonly link: PeerLink;
  readonly server: PeerServer;
  readonly strangers: Stranger[];
  stop(): Promise<void>;
}

export interface PairOptions {
  /** Who beta lets in; alpha if not given. */
  readonly members?: () => readonly PinnedMember[];
  /** Whom alpha calls itself by. */
  readonly caller?: Identity;
  /** Who answers as beta. */
  readonly answerer?: Identity;
  /** What alpha pins for beta. */
  readonly pin?: string;
  /** The rate that alpha keeps. */
  readonly pacer?: Pacer;
  /** Where alpha calls, given where beta listens: a proxy between them. */
  readonly through?: (port: number) => Promise<number>;
}

/** alpha calls, beta answers. */
export async function startPair(service: Partial<PeerService>, options: PairOptions = {}): Promise<Pair> {
  const alpha = await identityOf('alpha');
  const beta = await identityOf('beta');
  const strangers: Stranger[] = [];
  const server = await createPeerServer({
    listen: { host: '127.0.0.1', port: 0 },
    identity: options.answerer ?? beta,
    members: options.members ?? (() => [{ name: 'alpha', certificate: alpha.certificate }]),
    service: { ...quietService, ...service },
    onStranger: stranger => strangers.push(stranger),
    log: silentLog,
  });
  const port = (await options.through?.(server.port)) ?? server.port;
  const link = linkTo(port, {
    identity: options.caller ?? alpha,
    pin: options.pin ?? beta.certificate,
    ...(options.pacer && { pacer: options.pacer }),
  });
  return {
    link,
    server,
    strangers,
    stop: async () => {
      link.close();
      await server.close(100);
    },
  };
}

export function linkTo(
  port: number,
  as: { readonly identity: Identity; readonly pin: string; readonly pacer?: Pacer },
): PeerLink {
  return createPeerLink({
    partner: { name: 'beta', host: '127.0.0.1', port, certificate: as.pin },
    identity: as.identity,
    log: silentLog,
    pacer: as.pacer ?? null,
  });
}

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}
