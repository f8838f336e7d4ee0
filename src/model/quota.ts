/** Keeping within a quota: from 90 % on the oldest goes, down to 60 %; what is the only copy of something goes only where that is allowed. */

/** Shares of a quota at which cleaning begins and ends. [dfsr.md §6.3] */
export const CLEAN_FROM = 0.9;
export const CLEAN_TO = 0.6;

export interface KeptItem {
  readonly id: string;
  readonly bytes: number;
  /** Milliseconds since the Unix epoch. */
  readonly time: number;
}

export interface PurgeRules {
  readonly quotaBytes: number;
  /** Ids of items whose content is current content somewhere in the folder. */
  readonly copies: ReadonlySet<string>;
  /** Also what is the only copy may go. */
  readonly onlyCopies: boolean;
}

export interface Purge<Item extends KeptItem> {
  /** In the order in which they are to go: copies first, the oldest first. */
  readonly purge: readonly Item[];
  /** What is there afterwards. */
  readonly leftBytes: number;
  /** Nothing more may go, and it is still more than the quota. */
  readonly exceeded: boolean;
}

/** Whether items of so many bytes are to be cleaned up. */
export function needsCleaning(bytes: number, quotaBytes: number): boolean {
  return bytes >= CLEAN_FROM * quotaBytes;
}

export function planPurge<Item extends KeptItem>(items: readonly Item[], rules: PurgeRules): Purge<Item> {
  const { quotaBytes, copies, onlyCopies } = rules;
  let left = items.reduce((sum, item) => sum + item.bytes, 0);
  const purge: Item[] = [];
  if (needsCleaning(left, quotaBytes)) {
    const byAge = [...items].sort((a, b) => a.time - b.time || (a.id < b.id ? -1 : 1));
    const first = byAge.filter(item => copies.has(item.id));
    const rest = onlyCopies ? byAge.filter(item => !copies.has(item.id)) : [];
    for (const item of [...first, ...rest]) {
      if (left <= CLEAN_TO * quotaBytes) break;
      // It would free nothing.
      if (item.bytes === 0) continue;
      purge.push(item);
      left -= item.bytes;
    }
  }
  return { purge, leftBytes: left, exceeded: left > quotaBytes };
}
