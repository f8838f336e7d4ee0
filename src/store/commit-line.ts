/**
 * The one writer of folders: commits that wait while a batch is being synced go together into the next one, and those of
 * one folder are applied in the order they were made. Records, vector, counts and state of a commit become visible when
 * its batch is durable. Large recipes enter the index of chunks and leave it when nothing waits, and now and then between.
 */
import { messageOf, TandemError } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import { FolderDraft } from './folder-draft.ts';
import type { FolderSpace } from './folder-space.ts';
import { type RecipeOfContent, recipesToKeep } from './kept-recipes.ts';
import type { KeyValue } from './kv.ts';
import { RecipeIndexing } from './recipe-index.ts';
import { SharedSnapshot } from './shared-snapshot.ts';
import type { Commit } from './store.ts';

interface WaitingCommit {
  readonly change: Commit;
  readonly recipes: readonly RecipeOfContent[];
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Where commits never cease, the index of chunks is worked on once in so many writes. */
const WRITES_PER_INDEXING = 4;

interface LoneTask {
  readonly run: () => Promise<void>;
  readonly reject: (error: unknown) => void;
}

export class CommitLine {
  readonly indexing: RecipeIndexing;
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
    this.indexing = new RecipeIndexing(kv);
  }

  commit(space: FolderSpace, change: Commit): Promise<void> {
    if (this.#failure) return Promise.reject(this.#failure);
    if (this.#closing) return Promise.reject(closed());
    return new Promise((resolve, reject) => {
      const commit = { change, recipes: recipesToKeep(change), resolve, reject };
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

  /** Takes the work on the index of chunks up again. */
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
      for (let writes = 1; ; writes++) {
        const batch = new Map<string, Uint8Array | null>();
        const drafts = this.#gather(batch);
        if (drafts.length > 0) await this.#write(drafts, batch);
        else if (this.#tasks.length > 0) await this.#tasks.shift()!.run();
        else if (this.#closing || this.indexing.idle) return;
        if (drafts.length === 0 || writes % WRITES_PER_INDEXING === 0) await this.indexing.step(this.#chunksPerWrite);
      }
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Takes as many of the commits that wait as go into one batch, and has each folder begin once. */
  #gather(batch: Map<string, Uint8Array | null>): FolderDraft[] {
    const drafts: FolderDraft[] = [];
    let records = 0;
    for (const [space, queue] of [...this.#waiting]) {
      if (records >= LIMITS.commitGroupRecords) break;
      this.#waiting.delete(space);
      this.#waiting.set(space, queue);
      const draft = new FolderDraft(space, batch);
      while (queue.length > 0 && records < LIMITS.commitGroupRecords) {
        const commit = queue.shift()!;
        this.#group.push(commit);
        for (const { uid, hash } of commit.recipes) this.indexing.drop(space, uid, hash);
        draft.add(commit.change, commit.recipes, this.#chunksPerWrite);
        records += commit.change.put?.length ?? 0;
      }
      if (queue.length === 0) this.#waiting.delete(space);
      drafts.push(draft);
    }
    return drafts;
  }

  async #write(drafts: readonly FolderDraft[], batch: ReadonlyMap<string, Uint8Array | null>): Promise<void> {
    for (const draft of drafts) await draft.resolve(this.#kv);
    const before = new SharedSnapshot(this.#kv.snapshot());
    this.#before = before;
    await this.#kv.batch(batch, { sync: true });
    this.#before = null;
    for (const draft of drafts) {
      draft.publish();
      for (const { uid, hash } of draft.unindexed.values()) this.indexing.add(draft.space, uid, hash);
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

function asStoreFailure(error: unknown): TandemError {
  if (error instanceof TandemError) return error;
  return new TandemError('STORE_FAILED', `The database cannot be used: ${messageOf(error)}.`, {}, error);
}

function closed(): TandemError {
  return new TandemError('STORE_FAILED', 'The database is closed: the member stops.');
}
