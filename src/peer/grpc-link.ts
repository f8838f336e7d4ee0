/** `PeerLink` over gRPC: the calling side. Bulk content and mirrors have channels of their own, so that they do not delay the rest. */
import { setMaxListeners } from 'node:events';
import {
  type CallOptions,
  type ClientDuplexStream,
  type ClientReadableStream,
  Metadata,
  type ServiceError,
} from '@grpc/grpc-js';
import type { TandemError } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import type { Identity } from './identity.ts';
import type { ContentAnswer, ContentRequest, PeerLink } from './link.ts';
import { openMirrorCall } from './mirror-call.ts';
import { cancelled, joinSignals, readAll, throwIfAborted, writeAll } from './paced-stream.ts';
import type { Pacer } from './pacer.ts';
import { createPartnerChannel, type OpenCall, type PartnerChannel } from './partner-channel.ts';
import { type Malformed, type PeerCall, peerCalls, unwrap } from './proto-calls.ts';
import type { Partner } from './trust-probe.ts';
import type { ContentCall } from './wire-content.ts';

export interface PeerLinkOptions {
  readonly partner: Partner;
  readonly identity: Identity;
  readonly log: Log;
  /** Keeps the rate of all that the link takes in; without it nothing is held back. */
  readonly pacer?: Pacer | null;
}

/** Connects when it is first used, and again after each failure when it is next used. Never tries again by itself. */
export function createPeerLink({ partner, identity, log, pacer = null }: PeerLinkOptions): PeerLink {
  const calls = peerCalls();
  const metadataChannel = createPartnerChannel(partner, identity, pacer);
  const contentChannel = createPartnerChannel(partner, identity, pacer);
  const mirrorChannels: { readonly channel: PartnerChannel; mirrors: number }[] = [];
  const closing = new AbortController();
  // As many listen as there are calls.
  setMaxListeners(0, closing.signal);
  const ask = { channel: metadataChannel, closing: closing.signal };

  function placeForMirror(): (typeof mirrorChannels)[number] {
    const free = mirrorChannels.find(({ mirrors }) => mirrors < LIMITS.mirrorsPerChannel);
    if (free) return free;
    const place = { channel: createPartnerChannel(partner, identity, pacer), mirrors: 0 };
    mirrorChannels.push(place);
    return place;
  }

  return {
    checkConnectivity: async (request, signal) => {
      await callOnce(calls.checkConnectivity, request, { ...ask, signal });
    },
    establishConnection: (hello, signal) => callOnce(calls.establishConnection, hello, { ...ask, signal }),
    watchVectors: (request, signal) => callStream(calls.watchVectors, request, { ...ask, signal }),
    requestUpdates: (request, signal) => callStream(calls.requestUpdates, request, { ...ask, signal }),
    cancelUpdates: async (request, signal) => {
      // In parts: a caller need not know how many fit into a message.
      for (let at = 0; at < request.updates.length; at += LIMITS.updatesPerBatch) {
        const updates = request.updates.slice(at, at + LIMITS.updatesPerBatch);
        await callOnce(calls.cancelUpdates, { ...request, updates }, { ...ask, signal });
      }
    },
    requestRecords: (request, signal) => callStream(calls.requestRecords, request, { ...ask, signal }),
    fetchContent: (requests, connection, signal) => {
      const context = { channel: contentChannel, closing: closing.signal, signal };
      return exchange(calls.fetchContent, contentCalls(requests, connection), context);
    },
    offerReplica: async (offer, signal) => {
      await callOnce(calls.offerReplica, offer, { ...ask, signal });
    },
    listTargets: (asked, signal) => callOnce(calls.listTargets, asked, { ...ask, signal }),
    openMirror: (association, signal) => {
      const place = placeForMirror();
      place.mirrors++;
      const ended = (): void => {
        place.mirrors--;
      };
      return openMirrorCall({ association, signal, closing: closing.signal, channel: place.channel, explain, ended });
    },
    close: () => {
      if (closing.signal.aborted) return;
      closing.abort();
      metadataChannel.close();
      contentChannel.close();
      for (const { channel } of mirrorChannels) channel.close();
      log.debug({ partner: partner.name }, 'link closed');
    },
  };
}

interface CallContext {
  readonly channel: PartnerChannel;
  readonly signal: AbortSignal;
  readonly closing: AbortSignal;
}

async function callOnce<Request, Answer>(
  call: PeerCall<Request, Answer>,
  request: Request,
  context: CallContext,
): Promise<Answer> {
  const { signal, release } = joinSignals(context.signal, context.closing);
  let cancel = (): void => {};
  const open = context.channel.open(() => cancel());
  const onAbort = (): void => cancel();
  signal.addEventListener('abort', onAbort);
  const options: CallOptions = { deadline: Date.now() + LIMITS.connectTimeoutMs + LIMITS.callTimeoutMs };
  try {
    throwIfAborted(signal);
    const answer = await new Promise<Answer | Malformed>((resolve, reject) => {
      const { write } = call.request;
      const { read } = call.answer;
      const callback = (error: ServiceError | null, value?: Answer | Malformed): void =>
        error ? reject(error) : resolve(value!);
      const unary = open.client.makeUnaryRequest(call.path, write, read, request, new Metadata(), options, callback);
      unary.on('metadata', open.answered);
      cancel = () => unary.cancel();
    });
    return unwrap<Answer>(answer);
  } catch (error) {
    throw await explain(error, open, signal);
  } finally {
    open.ended();
    release();
  }
}

async function* callStream<Request, Answer>(
  call: PeerCall<Request, Answer>,
  request: Request,
  context: CallContext,
): AsyncGenerator<Answer, void, undefined> {
  const { signal, release } = joinSignals(context.signal, context.closing);
  try {
    yield* receive(context.channel, signal, ({ client }) =>
      client.makeServerStreamRequest(call.path, call.request.write, call.answer.read, request, new Metadata()),
    );
  } finally {
    release();
  }
}

async function* exchange(
  call: PeerCall<ContentCall, ContentAnswer[]>,
  requests: AsyncIterable<ContentCall>,
  context: CallContext,
): AsyncGenerator<ContentAnswer[], void, undefined> {
  const { signal, release } = joinSignals(context.signal, context.closing);
  const ended = new AbortController();
  const sending = joinSignals(signal, ended.signal);
  let failure: unknown;

  function start({ client }: OpenCall): ClientDuplexStream<ContentCall, ContentAnswer[] | Malformed> {
    const stream = client.makeBidiStreamRequest(call.path, call.request.write, call.answer.read, new Metadata());
    writeAll(requests, stream, item => [item], sending.signal).then(
      () => stream.end(),
      error => {
        if (!sending.signal.aborted) failure = error;
        stream.cancel();
      },
    );
    return stream;
  }

  try {
    yield* receive(context.channel, signal, start);
  } catch (error) {
    // Where the requests failed by themselves, that is the reason, not the cancellation that followed.
    throw failure ?? error;
  } finally {
    ended.abort();
    sending.release();
    release();
  }
}

/** Answers as they are pulled. However the reading ends, the call ends too. */
async function* receive<Answer>(
  channel: PartnerChannel,
  signal: AbortSignal,
  start: (open: OpenCall) => ClientReadableStream<Answer | Malformed>,
): AsyncGenerator<Answer, void, undefined> {
  throwIfAborted(signal);
  let cancel = (): void => {};
  const open = channel.open(() => cancel());
  const stream = start(open);
  cancel = () => stream.cancel();
  // The status that follows a cancellation comes when nobody listens any more.
  stream.on('error', () => {});
  stream.on('metadata', open.answered);
  signal.addEventListener('abort', cancel);
  try {
    for await (const answer of readAll<Answer>(stream)) {
      throwIfAborted(signal);
      yield answer;
    }
    throwIfAborted(signal);
  } catch (error) {
    throw await explain(error, open, signal);
  } finally {
    open.ended();
    signal.removeEventListener('abort', cancel);
    stream.cancel();
  }
}

async function* contentCalls(requests: AsyncIterable<ContentRequest>, connection: string): AsyncGenerator<ContentCall> {
  yield { kind: 'open', connection };
  yield* requests;
}

/** An abort goes before whatever it brought about. */
async function explain(error: unknown, open: OpenCall, signal: AbortSignal): Promise<TandemError> {
  const explained = signal.aborted ? cancelled() : await open.explain(error);
  return signal.aborted ? cancelled() : explained;
}
