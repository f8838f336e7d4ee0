/** Tells of what was preserved: the loser of a conflict, or content that an update would have destroyed. */
import type { EventName } from '../base/events.ts';
import type { Preserved } from '../disk/disk.ts';
import type { FolderCore } from './folder-core.ts';

export function tellPreserved(core: FolderCore, preserved: readonly Preserved[]): void {
  for (const { path, id, area, reason, partner, conflictType } of preserved) {
    const sentence = `“${path}” was preserved in ${area}: ${reason}`;
    core.emit(eventOf(conflictType), sentence, { path, id, area, partner, conflictType });
  }
}

/** Up to 4 two members had changed the same file; what only lay in the way was no version of it. [dfsr.md §3.7] */
function eventOf(conflictType: Preserved['conflictType']): EventName {
  return conflictType <= 4 ? 'CONFLICT' : 'ITEM_PRESERVED';
}
