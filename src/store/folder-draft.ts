/** What a group of commits changes in one folder: from records before and after to the keys of one batch. */
import { chunkPlaces } from '../model/recipe.ts';
import type { FileRecord } from '../model/update.ts';
import type { Uid } from '../model/version.ts';
import type { VersionVector } from '../model/version-vector.ts';
import type { FolderSpace } from './folder-space.ts';
import { contentOf, countChunks, hasRecipe, type RecipeOfContent } from './kept-recipes.ts';
import { folderNumberKey } from './keys.ts';
import type { KeyValueReader } from './kv.ts';
import { OwnerChanges } from './owner-lists.ts';
import type { Commit, Counts } from './store.ts';
import {
  encode,
  encodeCounts,
  encodeIntent,
  encodeRecipe,
  encodeRecord,
  encodeVector,
  NOTHING,
  statToTuple,
} from './values.ts';

type MutableCounts = { -readonly [Key in keyof Counts]: Counts[Key] };

export class FolderDraft {
  readonly space: FolderSpace;
  /** Recipes whose chunks enter the index after the batch, or leave it. */
  readonly unindexed = new Map<string, { readonly uid: Uid; readonly hash: string }>();
  readonly #owners = new OwnerChanges();
  readonly #batch: Map<string, Uint8Array | null>;
  readonly #counts: MutableCounts;
  /** Records as the commits of this draft left them; undefined: forgotten. */
  readonly #latest = new Map<Uid, FileRecord | undefined>();
  #vector: VersionVector | undefined;
  #state: Readonly<Record<string, unknown>> | undefined;

  /** `batch`: where the changes go, with those of other folders. */
  constructor(space: FolderSpace, batch: Map<string, Uint8Array | null>) {
    this.space = space;
    this.#batch = batch;
    this.#counts = { ...space.counts };
  }

  /** Adds a commit on top of those before. Where its recipes have more than `chunks`, they enter the index later. */
  add(commit: Commit, recipes: readonly RecipeOfContent[], chunks: number): void {
    const { keys } = this.space;
    for (const record of commit.forget ?? []) this.#replace(record.uid, record, undefined);
    for (const { before, after } of commit.put ?? []) this.#replace(after.uid, before, after);
    const later = countChunks(recipes) > chunks;
    for (const { uid, hash, recipe } of recipes) {
      this.#batch.set(keys.recipe(uid, hash), encodeRecipe(recipe));
      this.#markUnindexed(uid, hash, later);
      if (later) continue;
      for (const place of chunkPlaces(recipe)) {
        this.#owners.put(keys.chunk(place.hash), [uid, place.offset, place.length]);
      }
    }
    if (commit.addIntent) this.#batch.set(keys.intent(commit.addIntent.id), encodeIntent(commit.addIntent.body));
    for (const id of commit.removeIntents ?? []) this.#batch.set(keys.intent(id), null);
    if (commit.vector) this.#vector = commit.vector;
    if (commit.state) this.#state = commit.state;
  }

  /** Completes what goes into the batch. Reads the indexes as they are: no batch may be on its way. */
  async resolve(reader: KeyValueReader): Promise<void> {
    const batch = this.#batch;
    const { keys, folder, number } = this.space;
    if (!this.space.numbered) batch.set(folderNumberKey(folder), encode(number));
    await this.#owners.resolve(reader, batch);
    if (this.#latest.size > 0) batch.set(keys.counts, encodeCounts(this.#counts));
    if (this.#vector) batch.set(keys.vector, encodeVector(this.#vector));
    if (this.#state) batch.set(keys.state, encode(this.#state));
  }

  /** The batch is durable: makes vector, counts and state visible. */
  publish(): void {
    const { space } = this;
    space.numbered = true;
    if (this.#latest.size > 0) space.counts = this.#counts;
    if (this.#vector) space.vector = this.#vector;
    if (this.#state) space.state = this.#state;
  }

  #replace(uid: Uid, given: FileRecord | undefined, after: FileRecord | undefined): void {
    const { keys } = this.space;
    const before = this.#latest.has(uid) ? this.#latest.get(uid) : given;
    this.#latest.set(uid, after);
    if (before) {
      countRecord(this.#counts, before, -1);
      if (!before.provisional) this.#batch.set(keys.version(before), null);
    }
    if (after) {
      countRecord(this.#counts, after, 1);
      this.#batch.set(keys.record(uid), encodeRecord(after));
      if (!after.provisional) this.#batch.set(keys.version(after), after.size > 0 ? encode(after.size) : NOTHING);
    } else {
      this.#batch.set(keys.record(uid), null);
    }
    this.#moveSlot(uid, before, after);
    this.#moveInode(uid, before, after);
    this.#moveContent(uid, before, after);
  }

  #moveSlot(uid: Uid, before: FileRecord | undefined, after: FileRecord | undefined): void {
    const { keys } = this.space;
    const oldKey = before?.present ? keys.slot(before.parent, before.name) : null;
    const newKey = after?.present ? keys.slot(after.parent, after.name) : null;
    if (oldKey !== null && oldKey !== newKey) this.#owners.remove(oldKey, uid);
    if (newKey === null) return;
    const owner = [uid, after!.disk && statToTuple(after!.disk)] as const;
    // Nobody who has a name is forgotten: a scan must meet everyone.
    this.#owners.put(newKey, owner, Number.POSITIVE_INFINITY);
  }

  #moveInode(uid: Uid, before: FileRecord | undefined, after: FileRecord | undefined): void {
    const oldInode = before?.disk?.ino;
    const newInode = after?.disk?.ino;
    if (oldInode === newInode) return;
    if (oldInode !== undefined) this.#owners.remove(this.space.keys.inode(oldInode), uid);
    if (newInode !== undefined) this.#owners.put(this.space.keys.inode(newInode), [uid]);
  }

  #moveContent(uid: Uid, before: FileRecord | undefined, after: FileRecord | undefined): void {
    const { keys } = this.space;
    const oldHash = contentOf(before);
    const newHash = contentOf(after);
    if (oldHash === newHash) return;
    if (oldHash !== null) {
      this.#owners.remove(keys.content(oldHash), uid);
      if (hasRecipe(before!)) this.#markUnindexed(uid, oldHash, true);
    }
    if (newHash !== null) this.#owners.put(keys.content(newHash), [uid]);
  }

  #markUnindexed(uid: Uid, hash: string, unindexed: boolean): void {
    const key = this.space.keys.unindexedRecipe(uid, hash);
    this.#batch.set(key, unindexed ? NOTHING : null);
    if (unindexed) this.unindexed.set(key, { uid, hash });
    else this.unindexed.delete(key);
  }
}

function countRecord(counts: MutableCounts, record: FileRecord, sign: 1 | -1): void {
  if (!record.present) {
    counts.tombstones += sign;
    return;
  }
  switch (record.kind) {
    case 'file':
      counts.files += sign;
      counts.bytes += sign * record.size;
      break;
    case 'directory':
      counts.directories += sign;
      break;
    case 'symlink':
      counts.symlinks += sign;
      break;
  }
}
