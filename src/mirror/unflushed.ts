/**
 * What has arrived at the partner and is not known to be durable there. It stays dirty until a flush was answered that was sent
 * after it had arrived: a partner whose power fails in between lacks it. Clients' flushes do that, and a timer for who has none.
 */
import type { Clock } from '../base/clock.ts';
import { LIMITS } from '../base/limits.ts';
import { GroupCommit } from '../block/group-commit.ts';
import type { Outbox } from './outbox.ts';

export interface Unflushed {
  readonly bytes: number;
  /** The partner has it, durable. */
  readonly durable: () => void;
}

export class UnflushedWrites {
  readonly #outbox: Outbox;
  readonly #clock: Clock;
  #arrived: Unflushed[] = [];
  #bytes = 0;
  #timer: (() => void) | null = null;
  #running: Promise<void> | null = null;
  readonly #ended: (() => void)[] = [];
  #end = false;
  readonly #flushes = new GroupCommit(() => this.#flush());

  constructor(outbox: Outbox, clock: Clock) {
    this.#outbox = outbox;
    this.#clock = clock;
  }

  add(item: Unflushed): void {
    if (this.#end) return;
    this.#arrived.push(item);
    this.#bytes += item.bytes;
    if (this.#bytes >= LIMITS.mirrorWindowBytes) void this.#flushes.run();
    else this.#timer ??= this.#clock.after(LIMITS.mirrorFlushMs, () => void this.#flushes.run());
  }

  /** When what has arrived is durable there, or the flow has ended; null: it is. */
  flush(): Promise<void> | null {
    if (this.#end) return null;
    return this.#arrived.length > 0 ? this.#flushes.run() : this.#running;
  }

  /** Nothing is heard any more; whoever waits goes on. */
  end(): void {
    this.#end = true;
    this.#timer?.();
    for (const wake of this.#ended) wake();
  }

  async #flush(): Promise<void> {
    if (this.#end) return;
    this.#timer?.();
    this.#timer = null;
    const batch = this.#arrived;
    this.#arrived = [];
    this.#bytes = 0;
    const running = new Promise<void>(resolve => {
      this.#ended.push(resolve);
      this.#outbox.ask(seq => ({ kind: 'flush', seq }), resolve);
    });
    this.#running = running;
    await running;
    this.#ended.length = 0;
    this.#running = null;
    if (!this.#end) for (const { durable } of batch) durable();
  }
}
