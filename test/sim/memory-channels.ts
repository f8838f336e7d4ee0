/**
 * Two members' ends of one mirror's stream without a network. Messages pass through the same queue, encoder and decoder as
 * over gRPC, in order; a reader that does not read makes the other side wait.
 */
import { TandemError } from '../../src/base/errors.ts';
import type { MirrorChannel } from '../../src/peer/link.ts';
import { createMirrorStream, type MirrorStream, type PacketStream } from '../../src/peer/mirror-stream.ts';
import { type Malformed, peerCalls } from '../../src/peer/proto-calls.ts';
import type { MirrorPacket } from '../../src/peer/wire-mirror.ts';

/** Packets that have arrived and are not read, beyond which the other side waits. */
const UNREAD_PACKETS = 4;

export interface MemoryChannelOptions {
  /** A clock, or simulated time; without it messages arrive in the next turn. */
  readonly time?: { after(ms: number, fire: () => void): () => void };
  /** How long each packet is on its way; one never overtakes another. */
  readonly delayMs?: () => number;
}

export type MemoryChannels = readonly [MirrorChannel, MirrorChannel] & {
  /** The link breaks: what is on its way is lost, both ends fail with PEER_UNREACHABLE. */
  cut(): void;
};

export function createMemoryChannels({ time, delayMs = () => 0 }: MemoryChannelOptions = {}): MemoryChannels {
  const after = time === undefined ? nextTurn : time.after.bind(time);
  const [ab, ba] = [createWay(), createWay()];
  const streams: MirrorStream[] = [];

  function cut(): void {
    for (const way of [ab, ba]) way.break();
    for (const stream of streams) stream.fail(new TandemError('PEER_UNREACHABLE', 'the link to the partner broke'));
  }

  function createWay(): Way {
    return new Way(act => after(delayMs(), act));
  }

  function createEnd(out: Way, back: Way): MirrorStream {
    const stream: PacketStream = {
      write: (packet, done) => out.send(peerCalls().mirror.request.write(packet), done),
      end: () => {
        out.send(null, () => {});
      },
      iterator: () => back,
    };
    const end = createMirrorStream({
      stream,
      abort: error => {
        // As gRPC does it: the other side learns that the call was ended, and at most why.
        const told = error.code === 'PEER_VIOLATION' ? error : new TandemError('PEER_UNREACHABLE', error.message);
        for (const way of [ab, ba]) way.break();
        for (const other of streams) other.fail(told);
      },
      explain: async failure =>
        failure instanceof TandemError ? failure : new TandemError('PEER_UNREACHABLE', String(failure)),
      after: time === undefined ? () => () => {} : after,
    });
    streams.push(end);
    return end;
  }

  const ends = [createEnd(ab, ba), createEnd(ba, ab)] as const;
  const whenBothEnded = (): void => {
    if (ab.finished && ba.finished) for (const end of ends) end.ended();
  };
  ab.onFinished = whenBothEnded;
  ba.onFinished = whenBothEnded;
  return Object.assign([ends[0].channel, ends[1].channel] as const, { cut });
}

/** One direction. */
class Way implements AsyncIterator<MirrorPacket | Malformed> {
  readonly #deliver: (act: () => void) => void;
  readonly #onTheWay: { arrived: boolean; readonly bytes: Buffer | null; readonly done: () => void }[] = [];
  readonly #unread: { readonly bytes: Buffer | null; readonly done: () => void }[] = [];
  #wake: (() => void) | null = null;
  #broken = false;
  finished = false;
  onFinished: () => void = () => {};

  constructor(deliver: (act: () => void) => void) {
    this.#deliver = deliver;
  }

  send(bytes: Buffer | null, done: () => void): void {
    const packet = { arrived: false, bytes, done };
    this.#onTheWay.push(packet);
    this.#deliver(() => {
      packet.arrived = true;
      while (this.#onTheWay[0]?.arrived && !this.#broken) this.#arrive(this.#onTheWay.shift()!);
    });
  }

  break(): void {
    this.#broken = true;
    this.#wake?.();
  }

  async next(): Promise<IteratorResult<MirrorPacket | Malformed>> {
    while (this.#unread.length === 0 && !this.#broken && !this.finished) {
      await new Promise<void>(resolve => {
        this.#wake = resolve;
      });
    }
    const packet = this.#unread.shift();
    this.#unread[UNREAD_PACKETS - 1]?.done();
    if (packet?.bytes) return { done: false, value: peerCalls().mirror.request.read(packet.bytes) };
    if (packet) {
      this.finished = true;
      this.onFinished();
    }
    return { done: true, value: undefined };
  }

  #arrive(packet: { readonly bytes: Buffer | null; readonly done: () => void }): void {
    if (this.#unread.push(packet) <= UNREAD_PACKETS) packet.done();
    this.#wake?.();
  }
}

function nextTurn(_ms: number, fire: () => void): () => void {
  let wanted = true;
  queueMicrotask(() => wanted && fire());
  return () => {
    wanted = false;
  };
}
