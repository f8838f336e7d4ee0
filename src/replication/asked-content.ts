/** Content that a partner has asked for over one stream and has not been sent yet. */
import type { Clock } from '../base/clock.ts';
import type { ContentAnswer, ContentRequest, Wanted } from '../peer/link.ts';

type Work = Exclude<ContentRequest, { kind: 'credit' | 'abandon' }>;

export interface AskedFile {
  readonly wanted: Wanted;
  /** Since when it waits, or is being sent. */
  since: number;
  /** Being read and sent; otherwise it waits for its turn. */
  sending: boolean;
  bytesSent: number;
  /** Requests for it that have not been answered. */
  requests: number;
}

export class AskedContent {
  readonly #clock: Clock;
  readonly #files = new Map<number, AskedFile>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** In the order in which they were asked for. */
  list(): readonly AskedFile[] {
    return [...this.#files.values()];
  }

  asked(work: Work): void {
    for (const wanted of filesOf(work)) {
      const known = this.#files.get(wanted.id);
      if (known) known.requests++;
      else {
        const since = this.#clock.now();
        this.#files.set(wanted.id, { wanted, since, sending: false, bytesSent: 0, requests: 1 });
      }
    }
  }

  begun(work: Work): void {
    for (const { id } of filesOf(work)) {
      const file = this.#files.get(id);
      if (!file || file.sending) continue;
      file.sending = true;
      file.since = this.#clock.now();
    }
  }

  sent(answers: readonly ContentAnswer[]): void {
    for (const answer of answers) {
      const file = this.#files.get(answer.id);
      if (!file) continue;
      if (answer.kind === 'data') file.bytesSent += answer.data.length;
    }
  }

  answered(work: Work): void {
    for (const { id } of filesOf(work)) {
      const file = this.#files.get(id);
      if (file && --file.requests === 0) this.#files.delete(id);
    }
  }
}

function filesOf(work: Work): readonly Wanted[] {
  return work.kind === 'whole' ? work.files : [work.file];
}
