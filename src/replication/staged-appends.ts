/** Appends to a staged file: while one batch is being written, the next one gathers. */
import type { Disk, StagePiece } from '../disk/disk.ts';

/** Bytes that may gather before whoever brings them has to wait. */
const GATHERED_BYTES = 4 * 1024 * 1024;

export class StagedAppends {
  readonly #disk: Disk;
  readonly #stagingId: string;
  #gathered: StagePiece[] = [];
  #gatheredBytes = 0;
  #writing: Promise<boolean> | null = null;

  constructor(disk: Disk, stagingId: string) {
    this.#disk = disk;
    this.#stagingId = stagingId;
  }

  /** Answers false when a copied piece did not hold what was expected; what came before it is there. */
  async add(piece: StagePiece, bytes: number): Promise<boolean> {
    this.#gathered.push(piece);
    this.#gatheredBytes += bytes;
    if (this.#writing === null) this.#begin();
    else if (this.#gatheredBytes >= GATHERED_BYTES) return this.#next();
    return true;
  }

  /** Resolves when everything added has been written; false as for `add`. */
  async end(): Promise<boolean> {
    while (this.#writing !== null || this.#gathered.length > 0) if (!(await this.#next())) return false;
    return true;
  }

  async #next(): Promise<boolean> {
    const good = this.#writing === null || (await this.#writing);
    this.#writing = null;
    if (good && this.#gathered.length > 0) this.#begin();
    return good;
  }

  #begin(): void {
    const pieces = this.#gathered;
    this.#gathered = [];
    this.#gatheredBytes = 0;
    this.#writing = this.#disk.stageAppend(this.#stagingId, pieces).then(({ failedPiece }) => failedPiece === null);
    // Whoever waits hears of a failure; nobody may be waiting yet.
    this.#writing.catch(() => {});
  }
}
