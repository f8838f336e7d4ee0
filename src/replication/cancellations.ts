/** Tells a partner which of its updates were put off: one call at a time, with all that came meanwhile in the next one. */
import type { Clock } from '../base/clock.ts';
import { LIMITS } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import type { CancelRequest, FolderLink } from '../peer/link.ts';

export class Cancellations {
  readonly #connection: string;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #waiting = new Map<string, CancelRequest['updates'][number][]>();
  #telling = false;

  constructor(connection: string, { clock, log }: { readonly clock: Clock; readonly log: Log }) {
    this.#connection = connection;
    this.#clock = clock;
    this.#log = log;
  }

  /** Only enqueues. What cannot be told is forgotten: the partner merely counts. */
  add(link: FolderLink, folder: string, updates: CancelRequest['updates']): void {
    const waiting = this.#waiting.get(folder) ?? [];
    this.#waiting.set(folder, waiting);
    waiting.push(...updates);
    if (!this.#telling) void this.#tell(link);
  }

  async #tell(link: FolderLink): Promise<void> {
    this.#telling = true;
    for (const [folder, updates] of this.#waiting) {
      this.#waiting.delete(folder);
      const end = new AbortController();
      const cancel = this.#clock.after(LIMITS.connectTimeoutMs, () => end.abort());
      try {
        await link.cancelUpdates({ connection: this.#connection, folder, updates }, end.signal);
      } catch (error) {
        this.#log.debug({ err: error }, 'the partner was not told of updates put off');
      }
      cancel();
    }
    this.#telling = false;
  }
}
