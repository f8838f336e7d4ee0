/** What a target answers, in order; what has arrived while a message went out is told in one. */

import type { FlowMessage } from './outbox.ts';
import { Outbox, type OutboxParts } from './outbox.ts';

export class AnswerLine {
  readonly #outbox: Outbox;
  #arrived: number[] = [];
  #soon = false;

  constructor({ send, numbers }: Pick<OutboxParts, 'send' | 'numbers'>) {
    // Whoever reads the stream learns that it has ended.
    this.#outbox = new Outbox({ send, numbers, lost: () => this.#outbox.end() });
  }

  arrived(seq: number): void {
    this.#arrived.push(seq);
    if (this.#soon) return;
    this.#soon = true;
    queueMicrotask(() => this.#tell());
  }

  say(message: FlowMessage): void {
    this.#tell();
    this.#outbox.say(message);
  }

  #tell(): void {
    this.#soon = false;
    if (this.#arrived.length === 0) return;
    const seqs = this.#arrived;
    this.#arrived = [];
    this.#outbox.say({ kind: 'arrived', seqs });
  }
}
