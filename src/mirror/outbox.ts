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
  /** Asked before each message; the message goes when it settles, null: at once. */
  readonly pass?: ((bytes: number) => Promise<void> | null) | undefined;
  /** The stream does not take anything any more. */
  readonly lost: () => void;
}

interface Asked {
  readonly kind: Answer['kind'];
  readonly answered: (answer: Answer) => void;
}

/** What a message takes beside its data. */
export const MESSAGE_BYTES = 64;

export function createStreamNumbers(): StreamNumbers {
  return { sent: 0, received: 0, sentEpoch: 0, receivedEpoch: 0 };
}

export class Outbox {
  readonly #parts: OutboxParts;
  #queue: FlowMessage[] = [];
  #sending = false;
  #ended = false;
  readonly #asked = new Map<number, Asked>();

  constructor(parts: OutboxParts) {
    this.#parts = parts;
  }

  /** Without an answer. */
  say(message: FlowMessage): void {
    if (this.#ended) return;
    this.#queue.push(message);
    if (!this.#sending) void this.#send();
  }

  /** As `say`, with the next number. */
  count(make: (seq: number) => FlowMessage): void {
    if (!this.#ended) this.say(make(++this.#parts.numbers.sent));
  }

  /** `answered` is called once, never after `end`. */
  ask(make: (seq: number) => FlowMessage, answered: () => void): void {
    this.#ask(make, { kind: 'arrived', answered });
  }

  askDiffering(make: (seq: number) => FlowMessage, answered: (ranges: readonly ByteRange[]) => void): void {
    this.#ask(make, {
      kind: 'differing',
      answered: answer => answered(answer.kind === 'differing' ? answer.ranges : []),
    });
  }

  /** PEER_VIOLATION for an answer to what was not asked. */
  answer(seq: number, answer: Answer): void {
    const asked = this.#asked.get(seq);
    if (asked?.kind !== answer.kind) {
      throw new TandemError('PEER_VIOLATION', `the partner answers message ${seq}, which does not wait for that`);
    }
    this.#asked.delete(seq);
    asked.answered(answer);
  }

  /** Nothing goes out any more, and nobody hears an answer. */
  end(): void {
    this.#ended = true;
    this.#queue = [];
    this.#asked.clear();
  }

  #ask(make: (seq: number) => FlowMessage, asked: Asked): void {
    if (this.#ended) return;
    const seq = ++this.#parts.numbers.sent;
    this.#asked.set(seq, asked);
    this.say(make(seq));
  }

  async #send(): Promise<void> {
    this.#sending = true;
    try {
      while (this.#queue.length > 0) {
        const batch = this.#queue;
        this.#queue = [];
        for (const message of batch) {
          const wait = this.#parts.pass?.(bytesOf(message)) ?? null;
          if (wait !== null) await wait;
          if (this.#ended) return;
          await this.#parts.send(message);
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
    case 'digests':
      return message.pieces.reduce((sum, { blocks }) => sum + MESSAGE_BYTES + blocks.length * 8, MESSAGE_BYTES);
    default:
      return MESSAGE_BYTES;
  }
}
