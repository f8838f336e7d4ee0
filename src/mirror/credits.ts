/** Bytes that may be on their way at once; who wants more waits in the order of asking. */
export class Credits {
  readonly #most: number;
  #used = 0;
  #waiting: { readonly bytes: number; readonly go: () => void }[] = [];

  constructor(most: number) {
    this.#most = most;
  }

  get used(): number {
    return this.#used;
  }

  /** Takes them if nobody has to wait; what is larger than all of them goes alone. */
  tryTake(bytes: number): boolean {
    if (this.#waiting.length > 0 || !this.#fits(bytes)) return false;
    this.#used += bytes;
    return true;
  }

  /** After `tryTake` said no. */
  take(bytes: number): Promise<void> {
    return new Promise(go => this.#waiting.push({ bytes, go }));
  }

  give(bytes: number): void {
    this.#used -= bytes;
    while (this.#waiting.length > 0 && this.#fits(this.#waiting[0]!.bytes)) {
      const { bytes: next, go } = this.#waiting.shift()!;
      this.#used += next;
      go();
    }
  }

  /** Nothing is on its way any more: nobody waits. */
  open(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { go } of waiting) go();
  }

  #fits(bytes: number): boolean {
    return this.#used === 0 || this.#used + bytes <= this.#most;
  }
}
