/** Of which contents the database keeps recipes. */
import { LIMITS } from '../base/limits.ts';
import type { Recipe } from '../model/recipe.ts';
import type { FileRecord } from '../model/update.ts';
import type { Uid } from '../model/version.ts';
import type { Commit } from './store.ts';

export interface RecipeOfContent {
  readonly uid: Uid;
  readonly hash: string;
  readonly recipe: Recipe;
}

/** Of files that travel whole no recipe is kept. */
export function recipesToKeep(change: Commit): RecipeOfContent[] {
  const recipes: RecipeOfContent[] = [];
  if (!change.recipes || change.recipes.size === 0) return recipes;
  const latest = new Map((change.put ?? []).map(({ after }) => [after.uid, after]));
  for (const [uid, recipe] of change.recipes) {
    const record = latest.get(uid);
    if (record && hasRecipe(record)) recipes.push({ uid, hash: record.hash, recipe });
  }
  return recipes;
}

export function countChunks(recipes: readonly RecipeOfContent[]): number {
  let chunks = 0;
  for (const { recipe } of recipes) chunks += recipe.hashes.length;
  return chunks;
}

/** Whether a recipe of this record's content is kept. */
export function hasRecipe(record: FileRecord): boolean {
  return contentOf(record) !== null && record.size > LIMITS.wholeFileBytes;
}

/** The hash under which the record's content can be found; null: it has none that is worth finding. */
export function contentOf(record: FileRecord | undefined): string | null {
  return record?.present && record.kind === 'file' && record.size > 0 ? record.hash : null;
}
