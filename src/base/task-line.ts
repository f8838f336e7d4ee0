/** Runs tasks one at a time, in the order they were given. A failing task fails only its own promise. */
export class TaskLine {
  #last: Promise<unknown> = Promise.resolve();
  #length = 0;

  /** Tasks waiting or running. */
  get length(): number {
    return this.#length;
  }

  run<T>(task: () => Promise<T>): Promise<T> {
    this.#length++;
    const result = this.#last.then(task, task).finally(() => {
      this.#length--;
    });
    this.#last = result.catch(() => {});
    return result;
  }

  /** Resolves when everything given so far has ended. */
  async idle(): Promise<void> {
    await this.#last;
  }
}
