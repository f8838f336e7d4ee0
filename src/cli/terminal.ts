/** Where a command writes, and reads. */
import { once } from 'node:events';

export interface Terminal {
  out(text: string): void;
  err(text: string): void;
  /** Resolves when there is room for more. */
  outBytes(bytes: Uint8Array): Promise<void>;
  input(): AsyncIterable<Uint8Array>;
  /** Width for tables; null where the output is not a terminal: nothing is shortened then. */
  readonly columns: number | null;
}

export function processTerminal(): Terminal {
  return {
    out: text => process.stdout.write(text),
    err: text => process.stderr.write(text),
    outBytes: async bytes => {
      if (!process.stdout.write(bytes)) await once(process.stdout, 'drain');
    },
    input: () => process.stdin,
    columns: process.stdout.isTTY ? process.stdout.columns || 80 : null,
  };
}

/** Control characters made visible, so that a file's name cannot draw on the terminal. */
export function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, character => {
    const code = character.codePointAt(0)!;
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16)}`;
  });
}

/** Columns that `text` takes on a terminal. */
export function displayWidth(text: string): number {
  let width = 0;
  for (const character of text) width += characterWidth(character.codePointAt(0)!);
  return width;
}

/** Keeps the head: `a long sente…` */
export function shortenEnd(text: string, width: number): string {
  if (displayWidth(text) <= width) return text;
  return `${takeWidth([...text], width - 1)}…`;
}

/** Keeps both ends, which tell most of a path: `projects/…/report.txt` */
export function shortenMiddle(text: string, width: number): string {
  if (displayWidth(text) <= width) return text;
  const head = Math.floor((width - 1) / 3);
  const characters = [...text];
  const tail = [...takeWidth(characters.reverse(), width - 1 - head)].reverse().join('');
  return `${takeWidth([...text], head)}…${tail}`;
}

function takeWidth(characters: readonly string[], width: number): string {
  let taken = '';
  let used = 0;
  for (const character of characters) {
    used += characterWidth(character.codePointAt(0)!);
    if (used > width) break;
    taken += character;
  }
  return taken;
}

function characterWidth(code: number): number {
  if ((code >= 0x300 && code <= 0x36f) || code === 0x200b || code === 0x200d || (code >= 0xfe00 && code <= 0xfe0f))
    return 0;
  const wide =
    (code >= 0x1100 && code <= 0x115f) ||
    (code >= 0x2e80 && code <= 0xa4cf) ||
    (code >= 0xac00 && code <= 0xd7a3) ||
    (code >= 0xf900 && code <= 0xfaff) ||
    (code >= 0xfe30 && code <= 0xfe6f) ||
    (code >= 0xff00 && code <= 0xff60) ||
    (code >= 0xffe0 && code <= 0xffe6) ||
    (code >= 0x1f300 && code <= 0x1faff) ||
    (code >= 0x20000 && code <= 0x3fffd);
  return wide ? 2 : 1;
}
