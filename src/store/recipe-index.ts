/**
 * The index of chunks. A recipe can have half a million chunks, too many for one batch and long to write: large recipes
 * enter the index and leave it after the commit of their record, a bounded number of chunks at a time. Meanwhile the
 * index names places where a chunk is not (any more) or misses some where it is; that is harmless, for whoever copies
 * a chunk verifies it. A marker, written with the record and deleted with the last chunk, lets the work be ended after a
 * crash.
 */
import { chunkPlaces, EMPTY_RECIPE, type PlacedChunk, type Recipe } from '../model/recipe.ts';
import type { Uid } from '../model/version.ts';
import type { FolderSpace } from './folder-space.ts';
import { contentOf } from './kept-recipes.ts';
import type { KeyValue } from './kv.ts';
import { OwnerChanges } from './owner-lists.ts';
import { decodeRecipe, decodeRecord } from './values.ts';

interface RecipeOfRecord {
  readonly space: FolderSpace;
  readonly uid: Uid;
  readonly hash: string;
}

interface Current {
  readonly key: string;
  readonly recipe: Recipe;
  /** Whether its chunks enter; otherwise they leave. */
  readonly enters: boolean;
  next: number;
  /** Where in the file that is. */
  offset: number;
}

/**
 * Recipes that are not in the index as they should be, and the work on it when nothing else is to be done: one bounded
 * batch a step. Chunks of a content that a record has enter, those of one that is gone leave.
 */
export class RecipeIndexing {
  readonly #kv: KeyValue;
  readonly #waiting = new Map<string, RecipeOfRecord>();
  /** The recipe that is worked on and the next of its chunks. */
  #current: Current | null = null;

  constructor(kv: KeyValue) {
    this.#kv = kv;
  }

  get idle(): boolean {
    return this.#waiting.size === 0;
  }

  /** Its marker is durable. What was done for it before is begun anew. */
  add(space: FolderSpace, uid: Uid, hash: string): void {
    this.drop(space, uid, hash);
    this.#waiting.set(space.keys.unindexedRecipe(uid, hash), { space, uid, hash });
  }

  /** The recipe and its chunks are written at once, without a marker. */
  drop(space: FolderSpace, uid: Uid, hash: string): void {
    const key = space.keys.unindexedRecipe(uid, hash);
    this.#waiting.delete(key);
    if (this.#current?.key === key) this.#current = null;
  }

  clear(): void {
    this.#waiting.clear();
    this.#current = null;
  }

  /** Enters or takes out at most so many chunks, if there are any. No other batch may be on its way. */
  async step(chunksPerWrite: number): Promise<void> {
    const [key, one] = this.#waiting.entries().next().value ?? [];
    if (key === undefined || one === undefined) return;
    const batch = new Map<string, Uint8Array | null>();
    if (this.#current?.key !== key) this.#current = await this.#begin(key, one);
    const current = this.#current;
    const { recipe, enters, next } = current;
    const end = Math.min(next + chunksPerWrite, recipe.hashes.length);
    const owners = new OwnerChanges();
    if (enters) {
      for (const place of chunkPlaces(recipe, next, current.offset, end)) {
        owners.put(one.space.keys.chunk(place.hash), [one.uid, place.offset, place.length]);
        current.offset += place.length;
      }
    } else await this.#takeOut(one, new Set(recipe.hashes.subarray(next, end)), owners);
    await owners.resolve(this.#kv, batch);
    const done = end >= recipe.hashes.length;
    if (done) batch.set(key, null);
    if (done && !enters) batch.set(one.space.keys.recipe(one.uid, one.hash), null);
    await this.#kv.batch(batch, { sync: false });
    current.next = end;
    if (done) this.drop(one.space, one.uid, one.hash);
  }

  async #begin(key: string, { space, uid, hash }: RecipeOfRecord): Promise<Current> {
    const [record, recipe] = await this.#kv.getMany([space.keys.record(uid), space.keys.recipe(uid, hash)]);
    const enters = record !== undefined && contentOf(decodeRecord(uid, record)) === hash;
    return { key, recipe: recipe ? decodeRecipe(recipe) : EMPTY_RECIPE, enters, next: 0, offset: 0 };
  }

  /** What the file's present content has of these chunks stays, at its present place. */
  async #takeOut(gone: RecipeOfRecord, hashes: ReadonlySet<bigint>, owners: OwnerChanges): Promise<void> {
    const { keys } = gone.space;
    const kept = new Map<bigint, PlacedChunk>();
    const present = await this.#presentRecipe(gone);
    if (present) for (const place of chunkPlaces(present)) if (hashes.has(place.hash)) kept.set(place.hash, place);
    for (const hash of hashes) {
      const place = kept.get(hash);
      if (place) owners.put(keys.chunk(hash), [gone.uid, place.offset, place.length]);
      else owners.remove(keys.chunk(hash), gone.uid);
    }
  }

  async #presentRecipe({ space, uid, hash }: RecipeOfRecord): Promise<Recipe | null> {
    const value = await this.#kv.get(space.keys.record(uid));
    if (!value) return null;
    const record = decodeRecord(uid, value);
    if (!record.present || record.hash === hash) return null;
    const recipe = await this.#kv.get(space.keys.recipe(uid, record.hash));
    return recipe ? decodeRecipe(recipe) : null;
  }
}
