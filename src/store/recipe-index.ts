/**
 * The index of chunks. A recipe can have half a million chunks, too many for one batch: large recipes enter the index
 * before the commit of their record and leave it after, a bounded number of chunks at a time. Meanwhile the index
 * names places where a chunk is not (any more) or misses some where it is; that is harmless, for whoever copies
 * a chunk verifies it. A marker, durable from before the first entry until after the last, lets the work be ended
 * after a crash.
 */
import type { Recipe } from '../model/recipe.ts';
import type { Uid } from '../model/version.ts';
import type { FolderSpace } from './folder-space.ts';
import type { KeyValue } from './kv.ts';
import { OwnerChanges } from './owner-lists.ts';
import { decodeRecipe, decodeRecord, encodeRecipe, NOTHING } from './values.ts';

export interface RecipeOfContent {
  readonly uid: Uid;
  readonly hash: string;
  readonly recipe: Recipe;
}

export interface PlacedChunk {
  readonly hash: bigint;
  readonly offset: number;
  readonly length: number;
}

/** Each chunk with its place. Where one comes several times, the last place is the one that the index keeps. */
export function* chunkPlaces(recipe: Recipe, first = 0, offset = 0): Generator<PlacedChunk, void, void> {
  for (let i = first; i < recipe.hashes.length; i++) {
    const length = recipe.lengths[i]!;
    yield { hash: recipe.hashes[i]!, offset, length };
    offset += length;
  }
}

export function countChunks(recipes: readonly RecipeOfContent[]): number {
  let chunks = 0;
  for (const { recipe } of recipes) chunks += recipe.hashes.length;
  return chunks;
}

/** Puts chunks into the index ahead of the commit, one bounded batch a step. Steps of all folders exclude each other. */
export class RecipeEntry {
  readonly #kv: KeyValue;
  readonly #space: FolderSpace;
  readonly #recipes: readonly RecipeOfContent[];
  #marked = false;
  #recipe = 0;
  #places: Generator<PlacedChunk, void, void> | null = null;

  constructor(kv: KeyValue, space: FolderSpace, recipes: readonly RecipeOfContent[]) {
    this.#kv = kv;
    this.#space = space;
    this.#recipes = recipes;
  }

  /** Enters at most so many chunks. True when the last one is in the index. */
  async step(chunksPerWrite: number): Promise<boolean> {
    const { keys } = this.#space;
    const owners = new OwnerChanges();
    const batch = new Map<string, Uint8Array | null>();
    if (!this.#marked) {
      for (const { uid, hash, recipe } of this.#recipes) {
        batch.set(keys.staleRecipe(uid, hash), NOTHING);
        batch.set(keys.recipe(uid, hash), encodeRecipe(recipe));
      }
      this.#marked = true;
    }
    let left = chunksPerWrite;
    while (left > 0 && this.#recipe < this.#recipes.length) {
      const { uid, recipe } = this.#recipes[this.#recipe]!;
      this.#places ??= chunkPlaces(recipe);
      const next = this.#places.next();
      if (next.done) {
        this.#places = null;
        this.#recipe++;
        continue;
      }
      owners.put(keys.chunk(next.value.hash), [uid, next.value.offset, next.value.length]);
      left--;
    }
    await owners.resolve(this.#kv, batch);
    await this.#kv.batch(batch, { sync: true });
    return this.#recipe >= this.#recipes.length;
  }
}

interface StaleRecipe {
  readonly space: FolderSpace;
  readonly uid: Uid;
  readonly hash: string;
}

/** Takes chunks of contents that are gone out of the index, one bounded batch a step, when nothing else is to be done. */
export class RecipeSweep {
  readonly #kv: KeyValue;
  readonly #waiting = new Map<string, StaleRecipe>();
  /** The recipe being taken out and the next of its chunks. */
  #current: { readonly key: string; readonly recipe: Recipe; next: number } | null = null;

  constructor(kv: KeyValue) {
    this.#kv = kv;
  }

  add(space: FolderSpace, uid: Uid, hash: string): void {
    this.#waiting.set(space.keys.staleRecipe(uid, hash), { space, uid, hash });
  }

  /** The content is wanted again: its recipe is written anew. */
  drop(space: FolderSpace, uid: Uid, hash: string): void {
    const key = space.keys.staleRecipe(uid, hash);
    this.#waiting.delete(key);
    if (this.#current?.key === key) this.#current = null;
  }

  clear(): void {
    this.#waiting.clear();
    this.#current = null;
  }

  /** Takes at most so many chunks out. False when there was nothing to do. No other batch may be on its way. */
  async step(chunksPerWrite: number): Promise<boolean> {
    const [key, stale] = this.#waiting.entries().next().value ?? [];
    if (key === undefined || stale === undefined) return false;
    const { space, uid, hash } = stale;
    const recipeKey = space.keys.recipe(uid, hash);
    const batch = new Map<string, Uint8Array | null>();
    if (this.#current?.key !== key) {
      const value = await this.#kv.get(recipeKey);
      const none = { lengths: new Uint32Array(0), hashes: new BigUint64Array(0) };
      this.#current = { key, recipe: value ? decodeRecipe(value) : none, next: 0 };
    }
    const { recipe, next } = this.#current;
    const end = Math.min(next + chunksPerWrite, recipe.hashes.length);
    await this.#takeOut(stale, new Set(recipe.hashes.subarray(next, end)), batch);
    if (end >= recipe.hashes.length) {
      batch.set(recipeKey, null);
      batch.set(key, null);
    }
    await this.#kv.batch(batch, { sync: false });
    this.#current.next = end;
    if (end >= recipe.hashes.length) {
      this.#waiting.delete(key);
      this.#current = null;
    }
    return true;
  }

  /** What the file's present content has of these chunks stays, at its present place. */
  async #takeOut(
    stale: StaleRecipe,
    hashes: ReadonlySet<bigint>,
    batch: Map<string, Uint8Array | null>,
  ): Promise<void> {
    const { keys } = stale.space;
    const owners = new OwnerChanges();
    const kept = new Map<bigint, PlacedChunk>();
    const present = await this.#presentRecipe(stale);
    if (present) for (const place of chunkPlaces(present)) if (hashes.has(place.hash)) kept.set(place.hash, place);
    for (const hash of hashes) {
      const place = kept.get(hash);
      if (place) owners.put(keys.chunk(hash), [stale.uid, place.offset, place.length]);
      else owners.remove(keys.chunk(hash), stale.uid);
    }
    await owners.resolve(this.#kv, batch);
  }

  async #presentRecipe({ space, uid, hash }: StaleRecipe): Promise<Recipe | null> {
    const value = await this.#kv.get(space.keys.record(uid));
    if (!value) return null;
    const record = decodeRecord(uid, value);
    if (!record.present || record.hash === hash) return null;
    const recipe = await this.#kv.get(space.keys.recipe(uid, record.hash));
    return recipe ? decodeRecipe(recipe) : null;
  }
}
