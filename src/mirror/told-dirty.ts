/** What the partner tells of its own map before a copy that counts on it: that is to be copied as well. */
import type { DirtyMapFile } from '../block/dirty-map-file.ts';
import { rangesOfRuns } from '../model/dirty-map.ts';
import type { FlowMessage } from './outbox.ts';
import { violation } from './violation.ts';

type Told = Extract<FlowMessage, { kind: 'dirty' }>;

export class ToldDirty {
  readonly #map: DirtyMapFile;
  readonly #mark: (offset: number, length: number) => void;
  #whole = false;
  #wake: (() => void) | null = null;

  constructor(map: DirtyMapFile, mark: (offset: number, length: number) => void) {
    this.#map = map;
    this.#mark = mark;
  }

  /** A page of it. PEER_VIOLATION */
  take({ range: page, runs, last }: Told): void {
    const { size, dirty } = this.#map;
    const fits = page.offset >= 0 && page.length >= 0 && page.offset + page.length <= size;
    const ranges = fits && page.offset % dirty.granuleBytes === 0 ? rangesOfRuns(dirty, page, runs) : null;
    if (ranges === null) throw violation('tells of dirty blocks that are not there');
    for (const { offset, length } of ranges) this.#mark(offset, length);
    if (!last) return;
    this.#whole = true;
    this.#wake?.();
  }

  /** Calls once everything was told. */
  whenWhole(wake: () => void): void {
    if (this.#whole) wake();
    else this.#wake = wake;
  }
}
