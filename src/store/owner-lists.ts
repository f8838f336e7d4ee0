/**
 * Indexes from a key to those who own it: a name, an inode, a content, a chunk. Usually there is one; more while
 * something moves, for hard links and for copies. A list names exactly the records that have the key, the newest
 * owner last, whatever the order in which they came and went.
 */
import { LIMITS } from '../base/limits.ts';
import type { Uid } from '../model/version.ts';
import type { KeyValueReader } from './kv.ts';
import { decode, encode } from './values.ts';

/** Who, and what the index tells of it. */
export type Owner = readonly [uid: Uid, ...detail: readonly unknown[]];

interface OwnerChange {
  readonly uid: Uid;
  /** null: it owns the key no longer. */
  readonly owner: Owner | null;
  readonly limit: number;
}

const KEYS_PER_READ = 8192;

/** Changes to owner lists, gathered for one batch. */
export class OwnerChanges {
  readonly #changesByKey = new Map<string, OwnerChange[]>();

  /** Adds an owner, or renews what is told of it. Beyond `limit` owners the oldest is forgotten. */
  put(key: string, owner: Owner, limit: number = LIMITS.indexOwners): void {
    this.#add(key, { uid: owner[0], owner, limit });
  }

  remove(key: string, uid: Uid): void {
    this.#add(key, { uid, owner: null, limit: 0 });
  }

  /** Reads the lists as they are and puts the changed ones into `batch`. Nobody else may write them meanwhile. */
  async resolve(reader: KeyValueReader, batch: Map<string, Uint8Array | null>): Promise<void> {
    const keys = [...this.#changesByKey.keys()];
    for (let start = 0; start < keys.length; start += KEYS_PER_READ) {
      const some = keys.slice(start, start + KEYS_PER_READ);
      const values = await reader.getMany(some);
      some.forEach((key, index) => {
        const owners = ownersOf(values[index]);
        for (const change of this.#changesByKey.get(key)!) applyChange(owners, change);
        if (owners.length > 0) batch.set(key, encode(owners));
        else if (values[index] !== undefined) batch.set(key, null);
      });
    }
  }

  #add(key: string, change: OwnerChange): void {
    const known = this.#changesByKey.get(key);
    if (known) known.push(change);
    else this.#changesByKey.set(key, [change]);
  }
}

export function ownersOf(value: Uint8Array | undefined): Owner[] {
  return value === undefined ? [] : decode<Owner[]>(value);
}

function applyChange(owners: Owner[], { uid, owner, limit }: OwnerChange): void {
  const at = owners.findIndex(([other]) => other === uid);
  if (owner === null) {
    if (at >= 0) owners.splice(at, 1);
  } else if (at >= 0) {
    owners[at] = owner;
  } else {
    owners.push(owner);
    if (owners.length > limit) owners.shift();
  }
}
