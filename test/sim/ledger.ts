/** What users wrote, and which of it a user has overwritten or deleted with it in sight: the rest must never be lost. */

interface Written {
  readonly by: string;
  readonly path: string;
  readonly at: number;
}

export class Ledger {
  readonly #written = new Map<string, Written>();
  readonly #ended = new Map<string, string>();
  #counter = 0;

  /** A content that nobody ever wrote. */
  fresh(member: string, bytes: number): string {
    const line = `${member}#${++this.#counter};`;
    return bytes <= line.length ? line : line + filler(this.#counter, bytes - line.length);
  }

  wrote(content: string, written: Written): void {
    if (content === '') return;
    this.#written.set(content, written);
    this.#ended.delete(content);
  }

  /** A user took this content away, having it before their eyes. */
  ended(content: string, how: string): void {
    if (content !== '') this.#ended.set(content, how);
  }

  knows(content: string): boolean {
    return content === '' || this.#written.has(content);
  }

  /** What must still be somewhere, of all that is in neither of the given sets. */
  missing(present: ReadonlySet<string>): string[] {
    const lost: string[] = [];
    for (const [content, { by, path, at }] of this.#written) {
      if (present.has(content) || this.#ended.has(content)) continue;
      lost.push(`${content.slice(0, 40)} (written by the user of ${by} to “${path}” at ${at.toFixed(1)} ms)`);
    }
    return lost;
  }
}

/** Text that is no other content's, cut into lines so that chunks of it can be found again. */
function filler(seed: number, bytes: number): string {
  let text = '';
  let state = seed;
  while (text.length < bytes) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    text += `${state.toString(36)}\n`;
  }
  return text.slice(0, bytes);
}
