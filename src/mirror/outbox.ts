/**
 * Everything that goes to the partner of a mirrored pair passes here, in one order. It counts the messages that have a number and
 * knows who waits for their answers.
 */
import { TandemError } from '../base/errors.ts';
import type { ByteRange } from '../model/dirty-map.ts';
import type { CopyMessage, DataMessage } from '../model/mirror-message.ts';

export type FlowMessage = DataMessage | CopyMessage;

/** Of one stream, in both directions, from its beginning to its end: whoever takes over the flow on it counts on. */
export interface StreamNumbers {
  sent: number;
  received: number;
  sentEpoch: number;
  receivedEpoch: number;
}

export type Answer =
  | { readonly kind: 'arrived' }
  | { readonly kind: 'differing'; readonly ranges: readonly ByteRange[] };

export interface OutboxParts {
  /** Messages go out in the order of the calls; resolves when there is room for more. */
  readonly send: (message: FlowMessage) => Promise<void>;
  readonly numbers: StreamNumbers;
  /** Asked before changes of an epoch, for which no client waits; they go when it settles, null: at once. */
  readonly pass?: ((bytes: number) => Promise<void> | null) | undefined;
  /** The stream does not take anything any more. */
  readonly lost: () => void;
}

interface Asked {
  readonly kind: Answer['kind'];
  readonly answered: (answer: Answer) => void;
}

/** It gets its number when it goes out: what never does leaves no gap. */
interface Queued {
  readonly make: (seq: number) => FlowMessage;
  readonly counted: boolean;
  readonly asked: Asked | null;
}

/** What a message takes beside its data. */
export const MESSAGE_BYTES = 64;

export function createStreamNumbers(): StreamNumbers {
  return { sent: 0, received: 0, sentEpoch: 0, receivedEpoch: 0 };
}

export class Outbox {
  readonly #parts: OutboxParts;
  #queue: Queued[] = [];
  #sending = false;
  #ended = false;
  readonly #asked = new Map<number, Asked>();
  /** Answers to messages before it are for whoever had the stream before. */
  readonly #first: number;

  constructor(parts: OutboxParts) {
    this.#parts = parts;
    this.#first = parts.numbers.sent + 1;
  }

  /** Without an answer. */
  say(message: FlowMessage): void {
    this.#post({ make: () => message, counted: false, asked: null });
  }

  /** As `say`, with the next number. */
  count(make: (seq: number) => FlowMessage): void {
    this.#post({ make, counted: true, asked: null });
  }

  /** `answered` is called once, never after `end`. */
  ask(make: (seq: number) => FlowMessage, answered: () => void): void {
    this.#post({ make, counted: true, asked: { kind: 'arrived', answered } });
  }

  askDiffering(make: (seq: number) => FlowMessage, answered: (ranges: readonly ByteRange[]) => void): void {
    const take = (answer: Answer): void => answered(answer.kind === 'differing' ? answer.ranges : []);
    this.#post({ make, counted: true, asked: { kind: 'differing', answered: take } });
  }

  /** PEER_VIOLATION for an answer to what was not asked. */
  answer(seq: number, answer: Answer): void {
    if (seq < this.#first) return;
    const asked = this.#asked.get(seq);
    if (asked?.kind !== answer.kind) {
      throw new TandemError('PEER_VIOLATION', `the partner answers message ${seq}, which does not wait for that`);
    }
    this.#asked.delete(seq);
    asked.answered(answer);
  }

  /** PEER_VIOLATION for a number that was never sent. */
  check(seq: number): void {
    if (seq > this.#parts.numbers.sent) throw new TandemError('PEER_VIOLATION', `message ${seq} was never sent`);
  }

  /** Nothing goes out any more, and nobody hears an answer. */
  end(): void {
    this.#ended = true;
    this.#queue = [];
    this.#asked.clear();
  }

  #post(queued: Queued): void {
    if (this.#ended) return;
    this.#queue.push(queued);
    if (!this.#sending) void this.#send();
  }

  async #send(): Promise<void> {
    this.#sending = true;
    try {
      while (this.#queue.length > 0) {
        const batch = this.#queue;
        this.#queue = [];
        for (const { make, counted, asked } of batch) {
          const { numbers, pass, send } = this.#parts;
          const seq = numbers.sent + 1;
          const message = make(seq);
          const wait = message.kind === 'epoch-changes' ? (pass?.(bytesOf(message)) ?? null) : null;
          if (wait !== null) await wait;
          if (this.#ended) return;
          if (counted) numbers.sent = seq;
          if (asked !== null) this.#asked.set(seq, asked);
          await send(message);
        }
      }
    } catch {
      // Why a stream ended is told to whoever reads it.
      if (!this.#ended) this.#parts.lost();
    } finally {
      this.#sending = false;
    }
  }
}

/** About what it takes on the line. */
export function bytesOf(message: FlowMessage): number {
  switch (message.kind) {
    case 'write':
      return MESSAGE_BYTES + message.data.length;
    case 'epoch-changes':
      return MESSAGE_BYTES + message.packed.length;
    case 'digests':
    case 'compare':
      return message.pieces.reduce((sum, { blocks }) => sum + MESSAGE_BYTES + blocks.length * 8, MESSAGE_BYTES);
    default:
      return MESSAGE_BYTES;
  }
}
