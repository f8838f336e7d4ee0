/** Where a file is or was below the root, as far as records and updates on their way tell. */
import { LIMITS } from '../base/limits.ts';
import type { Uid } from '../model/version.ts';
import type { FolderCore } from '../replication/folder-core.ts';
import { join } from '../replication/paths.ts';

export interface Place {
  readonly parent: Uid;
  readonly name: string;
}

/** Stands for directories nobody has told of yet. */
const UNKNOWN = '…';

/**
 * A function from places to paths, for one answer: it remembers the directories it met. A directory that is gone gives
 * its last known name. `told` knows directories that have no record here.
 */
export function createKnownPaths(
  core: FolderCore,
  told: (uid: Uid) => Place | undefined = uid => core.pending.ofUid(uid)[0]?.update,
): (place: Place) => Promise<string> {
  const pathByDirectory = new Map<Uid, string>([[core.root, '']]);

  async function placeOf(uid: Uid): Promise<Place | undefined> {
    const [record] = await core.store.records([uid]);
    return record ?? told(uid);
  }

  return async ({ parent, name }) => {
    const chain: { readonly uid: Uid; readonly name: string }[] = [];
    let at = parent;
    let base = pathByDirectory.get(at);
    while (base === undefined) {
      const place = await placeOf(at);
      // A circle of tombstones is possible; no path is longer than this.
      if (place === undefined || chain.length > LIMITS.depthLevels) {
        base = UNKNOWN;
        break;
      }
      chain.push({ uid: at, name: place.name });
      at = place.parent;
      base = pathByDirectory.get(at);
    }
    for (const directory of chain.reverse()) {
      base = join(base, directory.name);
      pathByDirectory.set(directory.uid, base);
    }
    return join(base, name);
  };
}
