/** `PeerService` over gRPC: the answering side. Thin: reads the request, knows who calls, passes on what the service answers. */
import { setMaxListeners } from 'node:events';
import {
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceDefinition,
  type sendUnaryData,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { formatAddress } from '../base/address.ts';
import { messageOf, TandemError } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import { discard, isAlone, own } from '../base/owned-blocks.ts';
import { statusOf } from './call-status.ts';
import type { Identity } from './identity.ts';
import type { ContentAnswer, ContentRequest, PeerService } from './link.ts';
import { answerMirrorCall } from './mirror-call.ts';
import { readAll, writeAll } from './paced-stream.ts';
import { type Malformed, type PeerCall, type PeerCalls, peerCalls, unwrap } from './proto-calls.ts';
import { openTlsDoor, type PinnedMember, type Stranger } from './tls-door.ts';
import { type ContentCall, splitAnswers } from './wire-content.ts';
import { splitRecords } from './wire-greeting.ts';
import type { MirrorPacket } from './wire-mirror.ts';
import { violation } from './wire-parts.ts';
import { splitUpdates } from './wire-update.ts';

export interface PeerServerOptions {
  readonly listen: { readonly host: string; readonly port: number };
  readonly identity: Identity;
  /** The present partners. Asked at every new connection, so that a re-read group.yaml holds at once. */
  readonly members: () => readonly PinnedMember[];
  readonly service: PeerService;
  /** Somebody was refused. May be called often: whoever makes events of it bounds their number. */
  readonly onStranger: (stranger: Stranger) => void;
  readonly log: Log;
}

export interface PeerServer {
  /** The port listened on; of use where 0 was asked for. */
  readonly port: number;
  /** Ends the connections of members that are no longer pinned. To be called when the members have changed. */
  refresh(): void;
  /** Stops accepting, aborts the signals of all calls, and ends what is still open after `graceMs`. */
  close(graceMs: number): Promise<void>;
}

const OPTIONS = {
  'grpc.max_receive_message_length': LIMITS.requestBytes,
  'grpc.max_send_message_length': LIMITS.messageBytes,
  'grpc.max_concurrent_streams': LIMITS.callsPerChannel,
  'grpc.keepalive_time_ms': LIMITS.keepaliveMs,
  'grpc.keepalive_timeout_ms': LIMITS.keepaliveTimeoutMs,
  'grpc.enable_channelz': 0,
} as const;

type Unary = ServerUnaryCall<unknown, unknown>;
type Streaming = ServerWritableStream<unknown, unknown> | ServerDuplexStream<unknown, unknown>;

/** ADDRESS_IN_USE or CONFIG_INVALID if it cannot listen. */
export async function createPeerServer(options: PeerServerOptions): Promise<PeerServer> {
  const { service, log } = options;
  const server = new Server(OPTIONS);
  // TLS ends at the door; what is let in goes on as plain HTTP/2 over the TLS socket.
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  const closing = new AbortController();
  // As many listen as there are calls.
  setMaxListeners(0, closing.signal);
  const door = await openTlsDoor({ ...options, onMember: socket => injector.injectConnection(socket) });

  function callerOf(call: Unary | Streaming): string {
    const certificate = call.getAuthContext().sslPeerCertificate?.raw;
    const name = certificate && door.memberOf(certificate);
    if (name === undefined) {
      throw new TandemError(
        'PEER_UNTRUSTED',
        'the certificate of this connection is no longer pinned in group.yaml here',
      );
    }
    return name;
  }

  function refuse(error: unknown, path: string, call: Unary | Streaming): ReturnType<typeof statusOf> {
    const expected = error instanceof TandemError && error.code !== 'INTERNAL';
    const fields = { call: path, from: call.getPeer(), reason: messageOf(error), ...(!expected && { error }) };
    if (expected) log.debug(fields, 'a call was refused');
    else log.error(fields, 'a call failed');
    return statusOf(error);
  }

  function answerOnce<Request, Answer>(
    { path }: PeerCall<Request, Answer>,
    answer: (caller: string, request: Request, address: string) => Promise<Answer>,
  ) {
    return (call: Unary, callback: sendUnaryData<unknown>): void => {
      (async () =>
        answer(callerOf(call), unwrap<Request>(call.request as Request | Malformed), addressOf(call)))().then(
        value => callback(null, value),
        error => callback(refuse(error, path, call)),
      );
    };
  }

  /** Runs a streaming call to its end; `items` are made once the caller is known. */
  function answerAll<Item, Message>(
    path: string,
    call: Streaming,
    items: (
      caller: string,
      signal: AbortSignal,
      fail: (error: unknown) => void,
    ) => Promise<AsyncIterable<Item>> | AsyncIterable<Item>,
    split: (item: Item) => readonly Message[],
  ): void {
    const ended = new AbortController();
    let failure: unknown;
    const abort = (): void => ended.abort();
    const fail = (error: unknown): void => {
      failure ??= error;
      abort();
    };
    call.on('cancelled', abort);
    closing.signal.addEventListener('abort', abort);
    (async () => writeAll(await items(callerOf(call), ended.signal, fail), call, split, ended.signal))()
      .then(
        () => call.end(),
        error => {
          if (!call.cancelled) call.emit('error', refuse(failure ?? error, path, call));
        },
      )
      .finally(() => {
        abort();
        closing.signal.removeEventListener('abort', abort);
      });
  }

  function answerStream<Request, Item>(
    { path }: PeerCall<Request, Item>,
    answer: (caller: string, request: Request, signal: AbortSignal) => AsyncIterable<Item>,
    split: (item: Item) => readonly Item[],
  ) {
    return (call: ServerWritableStream<unknown, unknown>): void => {
      const items = (caller: string, signal: AbortSignal): AsyncIterable<Item> =>
        answer(caller, unwrap<Request>(call.request as Request | Malformed), signal);
      answerAll(path, call, items, split);
    };
  }

  const calls = peerCalls();
  const implementation: UntypedServiceImplementation = {
    checkConnectivity: answerOnce(calls.checkConnectivity, async (caller, request) => {
      await service.checkConnectivity(caller, request);
      return {};
    }),
    establishConnection: answerOnce(calls.establishConnection, (caller, hello, address) =>
      service.establishConnection(caller, hello, address),
    ),
    watchVectors: answerStream(calls.watchVectors, (...args) => service.watchVectors(...args), one),
    requestUpdates: answerStream(calls.requestUpdates, (...args) => service.requestUpdates(...args), splitUpdates),
    cancelUpdates: answerOnce(calls.cancelUpdates, async (caller, request) => {
      await service.cancelUpdates(caller, request);
      return {};
    }),
    requestRecords: answerStream(calls.requestRecords, (...args) => service.requestRecords(...args), splitRecords),
    fetchContent: (call: ServerDuplexStream<ContentCall | Malformed, ContentAnswer[]>) => {
      const { path } = calls.fetchContent;
      const items = async (caller: string, signal: AbortSignal, fail: (error: unknown) => void) => {
        const incoming = readAll<ContentCall>(call);
        const first = await incoming.next();
        if (first.done || first.value.kind !== 'open')
          throw violation('request', 'must begin with the opening of the stream');
        return service.fetchContent(caller, contentRequests(incoming, fail), first.value.connection, signal);
      };
      answerAll(path, call as ServerDuplexStream<unknown, unknown>, items, splitAnswers);
    },
    offerReplica: answerOnce(calls.offerReplica, async (caller, offer) => {
      await service.offerReplica(caller, offer);
      return {};
    }),
    listTargets: answerOnce(calls.listTargets, (caller, asked) => service.listTargets(caller, asked)),
    mirror: (call: ServerDuplexStream<MirrorPacket | Malformed, MirrorPacket>) => {
      const streaming = call as ServerDuplexStream<unknown, unknown>;
      answerMirrorCall(call, {
        service,
        closing: closing.signal,
        caller: () => callerOf(streaming),
        refuse: error => refuse(error, calls.mirror.path, streaming),
      });
    },
  };
  server.addService(definitionOf(calls), implementation);

  return {
    port: door.port,
    refresh: door.refresh,
    close: async graceMs => {
      door.stopListening();
      closing.abort();
      await new Promise<void>(resolve => {
        const timer = setTimeout(() => {
          server.forceShutdown();
          resolve();
        }, graceMs);
        server.tryShutdown(() => {
          clearTimeout(timer);
          resolve();
        });
      });
      await door.destroy();
    },
  };
}

/** `host:port` of the socket's other end; '' when it has gone. IPv4 that came through an IPv6 socket is shown as IPv4. */
function addressOf(call: Unary): string {
  const [, host, port] = /^(.+):(\d+)$/.exec(call.getPeer()) ?? [];
  return host === undefined ? '' : formatAddress({ host: host.replace(/^::ffff:(?=\d+\.)/, ''), port: Number(port) });
}

/**
 * The requests of an opened stream. Never throws, as nobody may be reading just then: where the caller goes away or
 * breaks the protocol they end, and `fail` has aborted the signal of the call and keeps the reason.
 */
async function* contentRequests(
  incoming: AsyncIterable<ContentCall>,
  fail: (error: unknown) => void,
): AsyncGenerator<ContentRequest, void, undefined> {
  try {
    for await (const request of incoming) {
      if (request.kind === 'open') throw violation('request', 'opens the stream a second time');
      yield request;
    }
  } catch (error) {
    fail(error);
  }
}

function definitionOf(calls: PeerCalls): ServiceDefinition {
  return Object.fromEntries(
    Object.entries(calls).map(([name, { path, requestStream, responseStream, request, answer }]) => [
      name,
      {
        path,
        requestStream,
        responseStream,
        requestSerialize: request.write,
        requestDeserialize: request.read,
        responseSerialize: freeingTheLast(answer.write),
        responseDeserialize: answer.read,
      },
    ]),
  );
}

/** Frees the memory of each message with the next one: gRPC has copied it into its frame before it asks for that. */
function freeingTheLast<T>(write: (value: T) => Buffer): (value: T) => Buffer {
  let last: Buffer | undefined;
  return value => {
    if (last !== undefined) discard([last]);
    const bytes = write(value);
    last = isAlone(bytes, 0) ? bytes : undefined;
    if (last !== undefined) own([last]);
    return bytes;
  };
}

function one<T>(item: T): readonly T[] {
  return [item];
}
