/**
 * Ranges of a device that may not be used at the same time. Who asks first has it first: overlapping ranges are granted in the
 * order of the calls, others do not wait for each other.
 */
import { TandemError } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';

export interface RangeLock {
  /** null: the range is ours already. */
  readonly granted: Promise<void> | null;
  /** Once, when the range is ours and the work is over. */
  release(): void;
}

interface Holder {
  readonly from: number;
  readonly to: number;
  /** Holders before this one that it waits for. */
  waitsFor: number;
  grant: (() => void) | null;
}

export class RangeLocks {
  /** In the order of the calls. */
  readonly #holders = new Set<Holder>();

  /** Ranges held or waited for. */
  get size(): number {
    return this.#holders.size;
  }

  /** REFUSED where too many wait already. */
  acquire(from: number, to: number): RangeLock {
    if (this.#holders.size >= LIMITS.blockRequests) {
      throw new TandemError(
        'REFUSED',
        `${LIMITS.blockRequests} requests wait for this volume; let some of them settle first`,
      );
    }
    let waitsFor = 0;
    for (const other of this.#holders) if (other.from < to && from < other.to) waitsFor++;
    const holder: Holder = { from, to, waitsFor, grant: null };
    this.#holders.add(holder);
    const granted = waitsFor === 0 ? null : new Promise<void>(resolve => (holder.grant = resolve));
    return { granted, release: () => this.#release(holder) };
  }

  #release(holder: Holder): void {
    let after = false;
    for (const other of this.#holders) {
      if (other === holder) after = true;
      else if (after && other.from < holder.to && holder.from < other.to && --other.waitsFor === 0) other.grant?.();
    }
    this.#holders.delete(holder);
  }
}
