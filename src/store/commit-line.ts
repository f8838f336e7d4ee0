/**
 * The one writer of folders: commits that wait while a batch is being synced go together into the next one. Those of
 * one folder are applied in the order they were made; a folder that has a large recipe to index first lets the others
 * pass. Records, vector, counts and state of a commit become visible when its batch is durable.
 */
import { messageOf, TandemError } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import { FolderDraft, hasRecipe } from './folder-draft.ts';
import type { FolderSpace } from './folder-space.ts';
import type { KeyValue } from './kv.ts';
import { countChunks, RecipeEntry, type RecipeOfContent, RecipeSweep } from './recipe-index.ts';
import { SharedSnapshot } from './shared-snapshot.ts';
import type { Commit } from './store.ts';

interface WaitingCommit {
  readonly change: Commit;
  readonly recipes: readonly RecipeOfContent[];
  /** Work to be done before the commit; null: none. */
  entry: RecipeEntry | null;
  /** Whether its chunks are in the index already. */
  readonly indexed: boolean;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

interface LoneTask {
  readonly run: () => Promise<void>;
  readonly reject: (error: unknown) => void;
}

export class CommitLine {
  readonly sweep: RecipeSweep;
  readonly #kv: KeyValue;
  readonly #chunksPerWrite: number;
  readonly #waiting = new Map<FolderSpace, WaitingCommit[]>();
  readonly #tasks: LoneTask[] = [];
  /** The commits of the batch being made. */
  #group: WaitingCommit[] = [];
  #running: Promise<void> | null = null;
  /** The state before the batch on its way. */
  #before: SharedSnapshot | null = null;
  #failure: TandemError | null = null;
  #closing = false;

  constructor(kv: KeyValue, chunksPerWrite: number) {
    this.#kv = kv;
    this.#chunksPerWrite = chunksPerWrite;
    this.sweep = new RecipeSweep(kv);
  }

  commit(space: FolderSpace, change: Commit): Promise<void> {
    if (this.#failure) return Promise.reject(this.#failure);
    if (this.#closing) return Promise.reject(closed());
    return new Promise((resolve, reject) => {
      const recipes = recipesToKeep(change);
      const large = countChunks(recipes) > this.#chunksPerWrite;
      const entry = large ? new RecipeEntry(this.#kv, space, recipes) : null;
      const commit = { change, recipes, entry, indexed: entry !== null, resolve, reject };
      const queue = this.#waiting.get(space);
      if (queue) queue.push(commit);
      else this.#waiting.set(space, [commit]);
      this.#wake();
    });
  }

  /** Runs `task` when no commit waits and no batch is on its way. */
  alone(task: () => Promise<void>): Promise<void> {
    if (this.#failure) return Promise.reject(this.#failure);
    if (this.#closing) return Promise.reject(closed());
    return new Promise((resolve, reject) => {
      this.#tasks.push({ run: () => task().then(resolve, reject), reject });
      this.#wake();
    });
  }

  /** The state that belongs to what the folders' spaces show now. The caller releases it. */
  snapshot(): SharedSnapshot {
    return this.#before?.hold() ?? new SharedSnapshot(this.#kv.snapshot());
  }

  /** Takes the sweep up again. */
  resume(): void {
    this.#wake();
  }

  /** Resolves when everything that waits is written. */
  async close(): Promise<void> {
    this.#closing = true;
    while (this.#running) await this.#running;
  }

  #wake(): void {
    if (this.#running || this.#failure) return;
    this.#running = this.#run().finally(() => {
      this.#running = null;
      // What came between the last look and now.
      if (this.#waiting.size > 0 || this.#tasks.length > 0) this.#wake();
    });
  }

  async #run(): Promise<void> {
    // Commits made in the same turn of the event loop go together.
    await null;
    try {
      for (;;) {
        const drafts = await this.#gather();
        if (drafts.length > 0) await this.#write(drafts);
        else if (this.#waiting.size > 0) continue;
        else if (this.#tasks.length > 0) await this.#tasks.shift()!.run();
        else if (this.#closing || !(await this.sweep.step(this.#chunksPerWrite))) return;
      }
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Takes the commits that can be written now, and does one step for each folder whose next commit cannot. */
  async #gather(): Promise<FolderDraft[]> {
    const drafts: FolderDraft[] = [];
    let records = 0;
    for (const [space, queue] of [...this.#waiting]) {
      if (records >= LIMITS.commitGroupRecords) break;
      this.#waiting.delete(space);
      this.#waiting.set(space, queue);
      const first = queue[0]!;
      if (first.entry) {
        for (const { uid, hash } of first.recipes) this.sweep.drop(space, uid, hash);
        if (!(await first.entry.step(this.#chunksPerWrite))) continue;
        first.entry = null;
      }
      const draft = new FolderDraft(space);
      while (queue.length > 0 && queue[0]!.entry === null && records < LIMITS.commitGroupRecords) {
        const commit = queue.shift()!;
        this.#group.push(commit);
        for (const { uid, hash } of commit.recipes) this.sweep.drop(space, uid, hash);
        draft.add(commit.change, commit.recipes, commit.indexed);
        records += commit.change.put?.length ?? 0;
      }
      if (queue.length === 0) this.#waiting.delete(space);
      drafts.push(draft);
    }
    return drafts;
  }

  async #write(drafts: readonly FolderDraft[]): Promise<void> {
    const batch = new Map<string, Uint8Array | null>();
    for (const draft of drafts) await draft.resolve(this.#kv, batch);
    const before = new SharedSnapshot(this.#kv.snapshot());
    this.#before = before;
    await this.#kv.batch(batch, { sync: true });
    this.#before = null;
    for (const draft of drafts) {
      draft.publish();
      for (const { uid, hash } of draft.stale.values()) this.sweep.add(draft.space, uid, hash);
    }
    for (const commit of this.#group.splice(0)) commit.resolve();
    await before.release();
  }

  /** Nobody knows what the database holds now: nothing more is written. */
  #fail(error: unknown): void {
    this.#failure = asStoreFailure(error);
    const commits = [...this.#group.splice(0), ...[...this.#waiting.values()].flat()];
    this.#waiting.clear();
    for (const waiting of [...commits, ...this.#tasks.splice(0)]) waiting.reject(this.#failure);
  }
}

/** Of files that travel whole no recipe is kept. */
function recipesToKeep(change: Commit): RecipeOfContent[] {
  const recipes: RecipeOfContent[] = [];
  if (!change.recipes || change.recipes.size === 0) return recipes;
  const latest = new Map((change.put ?? []).map(({ after }) => [after.uid, after]));
  for (const [uid, recipe] of change.recipes) {
    const record = latest.get(uid);
    if (record && hasRecipe(record)) recipes.push({ uid, hash: record.hash, recipe });
  }
  return recipes;
}

function asStoreFailure(error: unknown): TandemError {
  if (error instanceof TandemError) return error;
  return new TandemError('STORE_FAILED', `The database cannot be used: ${messageOf(error)}.`, {}, error);
}

function closed(): TandemError {
  return new TandemError('STORE_FAILED', 'The database is closed: the member stops.');
}
