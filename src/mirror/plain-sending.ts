/** Writes of clients that the partner carries out at once, each answered by itself. What is on its way is bounded. */
import type { Clock } from '../base/clock.ts';
import { LIMITS } from '../base/limits.ts';
import type { RangeChange } from '../block/write-guard.ts';
import { messagesOf, weightOf } from './change-messages.ts';
import { Credits } from './credits.ts';
import type { Lacking } from './lacking.ts';
import type { Outbox } from './outbox.ts';
import type { UnflushedWrites } from './unflushed.ts';

/** A change that was sent. */
export interface SentChange {
  /** All of it has arrived. */
  arrived: boolean;
  /** Called once: it has arrived, or the flow has ended. */
  wake: (() => void) | null;
  /** When it was sent, milliseconds. */
  readonly since: number;
}

export interface PlainParts {
  readonly outbox: Outbox;
  readonly lacking: Lacking;
  readonly unflushed: UnflushedWrites;
  readonly clock: Clock;
}

export class PlainSending {
  readonly #parts: PlainParts;
  readonly #credits = new Credits(LIMITS.mirrorWindowBytes);
  readonly #sent = new Set<SentChange>();
  #ended = false;

  constructor(parts: PlainParts) {
    this.#parts = parts;
  }

  get bytes(): number {
    return this.#credits.used;
  }

  /** How long the oldest change has been on its way. */
  ageMs(now: number): number {
    const [oldest] = this.#sent;
    return oldest === undefined ? 0 : Math.max(0, now - oldest.since);
  }

  /** Whether it can be sent at once; then it has to be. */
  tryTake(change: RangeChange, length: number): boolean {
    return this.#credits.tryTake(weightOf(change, length));
  }

  /** When it may be sent, or the flow has ended. */
  take(change: RangeChange, length: number): Promise<void> {
    return this.#credits.take(weightOf(change, length));
  }

  /** What was taken is not sent. */
  give(change: RangeChange, length: number): void {
    this.#credits.give(weightOf(change, length));
  }

  send(offset: number, length: number, change: RangeChange): SentChange {
    const { outbox, lacking, unflushed, clock } = this.#parts;
    const way = lacking.begin(offset, length);
    const sent: SentChange = { arrived: false, wake: null, since: clock.now() };
    this.#sent.add(sent);
    const messages = messagesOf({ offset, length, change });
    const bytes = weightOf(change, length);
    let open = messages.length;
    const answered = (): void => {
      if (--open > 0) return;
      this.#sent.delete(sent);
      this.#credits.give(bytes);
      unflushed.add({ bytes, durable: () => lacking.durable(way, { offset, length }) });
      sent.arrived = true;
      sent.wake?.();
    };
    for (const message of messages) outbox.ask(message, answered);
    return sent;
  }

  /** When it has arrived, or the flow has ended; null: at once. */
  settled(sent: SentChange): Promise<void> | null {
    if (sent.arrived || this.#ended) return null;
    return new Promise(resolve => {
      const others = sent.wake;
      sent.wake = () => {
        others?.();
        resolve();
      };
    });
  }

  /** When all that was sent before has arrived, or the flow has ended. */
  async drain(): Promise<void> {
    await Promise.all([...this.#sent].map(sent => this.settled(sent)));
  }

  end(): void {
    this.#ended = true;
    this.#credits.open();
    for (const { wake } of this.#sent) wake?.();
  }
}
