/** The answering side: what partners that call are told and given, and who they are. */
import { Bell } from '../base/bell.ts';
import type { Clock } from '../base/clock.ts';
import { TandemError } from '../base/errors.ts';
import { formatElapsed } from '../base/sizes-and-durations.ts';
import type { GroupConfig } from '../config/config.ts';
import type { Hash64 } from '../model/chunk-groups.ts';
import type { FileRecord, Update } from '../model/update.ts';
import { EMPTY_VECTOR, subtractVectors } from '../model/version-vector.ts';
import {
  CAPABILITIES,
  type CancelRequest,
  type ConnectivityRequest,
  type FolderGreeting,
  type FolderPeerService,
  type Hello,
  PROTOCOL,
  type RecordsRequest,
  type RecordVersion,
  type UpdatesAnswer,
  type UpdatesRequest,
  type VectorEvent,
  type WatchRequest,
  type Welcome,
} from '../peer/link.ts';
import { AskedContent } from './asked-content.ts';
import { serveContent } from './content-serving.ts';
import type { Folder } from './folder.ts';
import { OutboundConnection } from './outbound-connection.ts';
import type { SessionBook } from './session-book.ts';
import type { Closing } from './sync-session.ts';

export interface OutboundParts {
  readonly member: { readonly name: string; readonly guid: string };
  readonly group: GroupConfig;
  readonly software: string;
  readonly folders: ReadonlyMap<string, Folder>;
  readonly clock: Clock;
  readonly hash64: Hash64;
  readonly book: SessionBook;
  /** After so long without a word an outbound connection is taken for lost. */
  readonly idleMs: number;
  /** A partner called: connections to it need not wait any longer. */
  readonly heard: (partner: string) => void;
}

/** Vector movements are told at most this often, the first at once. */
const VECTOR_PAUSE_MS = 20;

export class Outbound implements FolderPeerService {
  readonly #parts: OutboundParts;
  readonly connections = new Map<string, OutboundConnection>();
  /** Streams end with it: whoever called calls again, and finds what has taken this one's place. */
  readonly #closed = new AbortController();
  #opened = false;
  readonly #idleTimers = new Map<OutboundConnection, () => void>();

  constructor(parts: OutboundParts) {
    this.#parts = parts;
  }

  async checkConnectivity(caller: string, request: ConnectivityRequest): Promise<void> {
    this.#assertOpen();
    this.#assertConnection(caller, request.group, request.connection);
  }

  async establishConnection(caller: string, hello: Hello, address = ''): Promise<Welcome> {
    this.#assertOpen();
    const { member, group, software, clock, heard } = this.#parts;
    if (hello.protocol.major !== PROTOCOL.major) {
      throw new TandemError(
        'PEER_INCOMPATIBLE',
        `${member.name} speaks protocol ${PROTOCOL.major}.${PROTOCOL.minor}, ${caller} asked for ${hello.protocol.major}.${hello.protocol.minor}; update the older one`,
      );
    }
    this.#assertConnection(caller, hello.group, hello.connection, hello.forced);
    if (hello.member !== group.members.get(caller)?.guid) {
      throw new TandemError(
        'PEER_UNRECOGNIZED',
        `${caller} calls itself member ${hello.member}, group.yaml on ${member.name} says otherwise`,
      );
    }
    const now = clock.now();
    Object.assign(this.#open(hello, caller), { lastHeard: now, address });
    heard(caller);
    return {
      protocol: { major: PROTOCOL.major, minor: Math.min(PROTOCOL.minor, hello.protocol.minor) },
      capabilities: CAPABILITIES.filter(capability => hello.capabilities.includes(capability)),
      software,
      member: member.guid,
      configDigest: group.digest,
      now,
      folders: this.greetings(caller),
    };
  }

  /** All folders are there. Whoever called earlier would have had a link without some of them, for as long as it lasts. */
  open(): void {
    this.#opened = true;
  }

  /** Nothing is served any longer. */
  close(closing: Closing): void {
    this.#closed.abort();
    for (const cancel of this.#idleTimers.values()) cancel();
    this.#idleTimers.clear();
    for (const connection of this.connections.values()) connection.close(closing);
  }

  /** The folders shared with a member, as they are here. */
  greetings(partner: string): FolderGreeting[] {
    return [...this.#parts.folders.values()]
      .filter(({ core }) => core.config.members.has(partner) && !core.readOnly)
      .map(({ core }) => ({ folder: core.config.guid, state: core.publicState, database: core.members.database }));
  }

  async *watchVectors(caller: string, request: WatchRequest, signal: AbortSignal): AsyncGenerator<VectorEvent> {
    const connection = this.#connection(caller, request.connection);
    const folders = request.folders.map(guid => this.#folder(caller, guid));
    const told = new Map<Folder, number>();
    const stop = new AbortController();
    const both = AbortSignal.any([signal, stop.signal, this.#closed.signal]);
    const { bell, end } = listenAll(folders, both);
    const sessions = folders.map(({ core }) => connection.session(core));
    connection.streamOpened();
    for (const session of sessions) connection.watched(session);
    try {
      while (!both.aborted) {
        for (const folder of folders) {
          const { core } = folder;
          if (told.get(folder) === core.vectorGeneration) continue;
          told.set(folder, core.vectorGeneration);
          yield {
            folder: core.config.guid,
            state: core.publicState,
            vectorGeneration: core.vectorGeneration,
            vector: core.serving ? core.store.vector : EMPTY_VECTOR,
          };
        }
        await this.#parts.clock.sleep(VECTOR_PAUSE_MS, both).catch(() => {});
        await bell.heard(both);
        connection.lastHeard = this.#parts.clock.now();
      }
    } finally {
      for (const session of sessions) connection.unwatched(session);
      connection.streamClosed(this.#parts.clock.now());
      stop.abort();
      end();
    }
  }

  async *requestUpdates(caller: string, request: UpdatesRequest, signal: AbortSignal): AsyncGenerator<UpdatesAnswer> {
    const connection = this.#connection(caller, request.connection);
    const { core } = this.#folder(caller, request.folder);
    if (!core.serving)
      throw new TandemError(
        'FOLDER_NOT_READY',
        `folder ${core.config.name} on ${core.member.name} is ${core.publicState}`,
      );
    const view = core.store.view();
    const difference = subtractVectors(view.vector, request.have);
    if (request.countOnly) {
      try {
        yield { kind: 'vector', vector: view.vector, updates: await view.countUpdates(difference) };
      } finally {
        await view.close();
      }
      return;
    }
    const of = connection.session(core);
    const updates = view.countUpdates(difference);
    const telling = connection.tell(of, { difference, view, since: this.#parts.clock.now(), updates });
    try {
      yield { kind: 'vector', vector: view.vector, updates: await updates };
      for (const pass of ['tombstones', 'live'] as const) {
        for await (const records of view.updates(difference, pass)) {
          if (signal.aborted) return;
          this.#assertOpen();
          telling.sent += records.length;
          of.session.updatesTransferred += records.length;
          yield { kind: 'updates', updates: records.map(updateOf) };
        }
      }
    } finally {
      of.tellings.delete(telling);
      await view.close();
    }
  }

  async cancelUpdates(caller: string, request: CancelRequest): Promise<void> {
    this.#connection(caller, request.connection).cancelled += request.updates.length;
  }

  async *requestRecords(caller: string, request: RecordsRequest, signal: AbortSignal): AsyncGenerator<RecordVersion[]> {
    this.#connection(caller, request.connection);
    const { core } = this.#folder(caller, request.folder);
    if (!core.serving)
      throw new TandemError(
        'FOLDER_NOT_READY',
        `folder ${core.config.name} on ${core.member.name} is ${core.publicState}`,
      );
    for await (const records of core.store.everyRecord()) {
      if (signal.aborted) return;
      yield records.filter(record => record.present && !record.provisional).map(({ uid, gvsn }) => ({ uid, gvsn }));
    }
  }

  async *fetchContent(
    caller: string,
    requests: Parameters<FolderPeerService['fetchContent']>[1],
    connectionGuid: string,
    signal: AbortSignal,
  ): ReturnType<FolderPeerService['fetchContent']> extends AsyncIterable<infer A> ? AsyncGenerator<A> : never {
    const connection = this.#connection(caller, connectionGuid);
    const folderOf = (guid: string) => {
      const folder = this.#parts.folders.get(guid);
      if (!folder?.core.config.members.has(caller)) return undefined;
      const tally = connection.session(folder.core).session;
      return { core: folder.core, hint: (directory: string) => folder.scanner.hint(directory), tally };
    };
    const asked = new AskedContent(this.#parts.clock);
    connection.streamOpened();
    connection.asked.add(asked);
    try {
      const either = AbortSignal.any([signal, this.#closed.signal]);
      yield* serveContent(folderOf, requests, { hash64: this.#parts.hash64, asked, signal: either });
    } finally {
      connection.asked.delete(asked);
      connection.streamClosed(this.#parts.clock.now());
    }
  }

  #open({ connection: guid, member }: Hello, caller: string): OutboundConnection {
    const known = this.connections.get(guid);
    if (known) return known;
    const { book, clock } = this.#parts;
    const partner = { name: caller, guid: member };
    const connection = new OutboundConnection({ guid, partner, book, now: clock.now() });
    this.connections.set(guid, connection);
    this.#watchIdle(connection, this.#parts.idleMs);
    return connection;
  }

  #watchIdle(connection: OutboundConnection, ms: number): void {
    const { clock, idleMs } = this.#parts;
    const look = () => {
      const left = connection.used ? idleMs : connection.lastHeard + idleMs - clock.now();
      // Where the clock was set back, the silence is counted from now.
      if (left > 0) return this.#watchIdle(connection, Math.min(left, idleMs));
      this.#idleTimers.delete(connection);
      this.connections.delete(connection.guid);
      const note = `${connection.partner.name} did not call for ${formatElapsed(idleMs)}`;
      connection.close({ cause: 'schedule-off', note });
    };
    this.#idleTimers.set(connection, clock.after(ms, look));
  }

  #assertConnection(caller: string, groupGuid: string, guid: string, forced = false): void {
    const { group, member } = this.#parts;
    const connection = group.connections.find(candidate => candidate.guid === guid);
    const problem =
      groupGuid !== group.guid
        ? `${member.name} is in group ${group.guid}, not ${groupGuid}`
        : !connection || connection.from !== member.name || connection.to !== caller
          ? `${member.name} knows no connection ${guid} to ${caller}`
          : null;
    if (problem !== null)
      throw new TandemError('PEER_UNRECOGNIZED', `${problem}; group.yaml must be the same on both hosts`);
    if (connection && !connection.enabled && !forced)
      throw new TandemError(
        'PEER_DISABLED',
        `the connection to ${caller} is disabled in group.yaml on ${member.name}; group.yaml must be the same on both hosts`,
      );
  }

  #assertOpen(): void {
    if (!this.#opened || this.#closed.signal.aborted)
      throw new TandemError('PEER_UNREACHABLE', `${this.#parts.member.name} is stopping, or starting again`);
  }

  #connection(caller: string, guid: string): OutboundConnection {
    this.#assertOpen();
    const connection = this.connections.get(guid);
    if (connection?.partner.name !== caller)
      throw new TandemError('PEER_UNRECOGNIZED', `connection ${guid} has not been established`);
    connection.lastHeard = this.#parts.clock.now();
    return connection;
  }

  #folder(caller: string, guid: string): Folder {
    const folder = this.#parts.folders.get(guid);
    if (!folder?.core.config.members.has(caller))
      throw new TandemError(
        'FOLDER_NOT_READY',
        `folder ${guid} is not replicated between ${this.#parts.member.name} and ${caller}`,
      );
    if (folder.core.readOnly)
      throw new TandemError(
        'FOLDER_NOT_READY',
        `folder ${folder.core.config.name} is read-only on ${this.#parts.member.name}: nothing is had from there`,
      );
    return folder;
  }
}

/** What of a record goes to partners. */
export function updateOf(record: FileRecord): Update {
  const { disk: _disk, provisional: _provisional, contentSince: _since, ...update } = record;
  return update;
}

function listenAll(
  folders: readonly Folder[],
  signal: AbortSignal,
): { bell: { heard(signal: AbortSignal): Promise<void> }; end: () => void } {
  const listeners = folders.map(({ core }) => core.listen());
  // Where no folder is shared the signals alone end the wait.
  const silent = new Bell();
  const heard = async (until: AbortSignal): Promise<void> => {
    const done = new AbortController();
    const either = AbortSignal.any([until, signal, done.signal]);
    await Promise.race([silent, ...listeners.map(({ bell }) => bell)].map(bell => bell.heard(either)));
    done.abort();
  };
  const end = () => {
    for (const listener of listeners) listener.stop();
  };
  return { bell: { heard }, end };
}
