/** The stream of a mirror over gRPC: how one side opens it, and how the other answers. */
import type { Http2Session } from 'node:http2';
import { type ClientDuplexStream, Metadata, type ServerDuplexStream } from '@grpc/grpc-js';
import { TandemError } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import type { MirrorChannel, MirrorPeerService } from './link.ts';
import { createMirrorStream } from './mirror-stream.ts';
import { joinSignals } from './paced-stream.ts';
import type { OpenCall, PartnerChannel } from './partner-channel.ts';
import { type Malformed, peerCalls } from './proto-calls.ts';
import type { MirrorPacket } from './wire-mirror.ts';

export interface MirrorOpening {
  readonly channel: PartnerChannel;
  readonly association: string;
  readonly signal: AbortSignal;
  readonly closing: AbortSignal;
  /** What became of a call: an abort goes before whatever it brought about. */
  readonly explain: (failure: unknown, open: OpenCall, signal: AbortSignal) => Promise<TandemError>;
  /** The stream is over. */
  readonly ended: () => void;
}

export function openMirrorCall(opening: MirrorOpening): MirrorChannel {
  const { path, request, answer } = peerCalls().mirror;
  const { signal, release } = joinSignals(opening.signal, opening.closing);
  const open = opening.channel.open(() => stream.cancel());
  const stream: ClientDuplexStream<MirrorPacket, MirrorPacket | Malformed> = open.client.makeBidiStreamRequest(
    path,
    request.write,
    answer.read,
    new Metadata(),
  );
  const mirror = createMirrorStream({
    stream,
    explain: failure => opening.explain(failure, open, signal),
    abort: () => stream.cancel(),
    after: afterUnref,
  });
  const onAbort = (): void => {
    mirror.cancel();
    stream.cancel();
  };
  stream.on('metadata', open.answered);
  stream.on('error', error => mirror.fail(error));
  // The last that comes of any call, after its error.
  stream.on('status', () => {
    mirror.ended();
    open.ended();
    signal.removeEventListener('abort', onAbort);
    release();
    opening.ended();
  });
  stream.write({ kind: 'open', association: opening.association });
  // Until it is read for the first time, the library takes in whatever comes.
  stream.read(0);
  if (signal.aborted) onAbort();
  else signal.addEventListener('abort', onAbort);
  return mirror.channel;
}

export interface MirrorAnswer {
  readonly service: MirrorPeerService;
  /** PEER_UNTRUSTED. */
  readonly caller: () => string;
  /** This member stops. */
  readonly closing: AbortSignal;
  /** The status to be sent for an error. */
  readonly refuse: (error: unknown) => object;
}

export function answerMirrorCall(
  call: ServerDuplexStream<MirrorPacket | Malformed, MirrorPacket>,
  { service, caller, closing, refuse }: MirrorAnswer,
): void {
  widenWindow(call);
  const mirror = createMirrorStream({
    stream: call,
    explain: async failure =>
      failure instanceof TandemError ? failure : new TandemError('INTERNAL', 'the call failed', {}, failure),
    abort: error => {
      if (!call.cancelled) call.emit('error', refuse(error));
    },
    after: afterUnref,
  });
  call.on('cancelled', () => mirror.fail(callerGone()));
  closing.addEventListener('abort', mirror.cancel);
  (async () => service.mirror(caller(), await mirror.opening(), mirror.channel, mirror.signal))()
    .then(mirror.channel.close, mirror.fail)
    .finally(() => closing.removeEventListener('abort', mirror.cancel));
}

function callerGone(): TandemError {
  return new TandemError('PEER_UNREACHABLE', 'the caller has ended the stream of the mirror, or is out of reach');
}

/**
 * A caller takes the size of its window from its options, an answerer has none for it: with HTTP/2’s 64 KiB a mirror would
 * send that much in each round trip and no more.
 */
function widenWindow(call: object): void {
  const { session } = (call as { call?: { stream?: { session?: Http2Session } } }).call?.stream ?? {};
  if (!session || session.destroyed || widened.has(session)) return;
  widened.add(session);
  session.setLocalWindowSize(LIMITS.flowControlWindowBytes);
  session.settings({ initialWindowSize: LIMITS.flowControlWindowBytes });
}

const widened = new WeakSet<Http2Session>();

function afterUnref(ms: number, fire: () => void): () => void {
  const timer = setTimeout(fire, ms);
  timer.unref();
  return () => clearTimeout(timer);
}
