/**
 * One large file: its recipe (only the groups that are not known), a plan of what to copy from this host and what to
 * fetch, written front to back into staging, so that an interrupted transfer goes on where it ended.
 */
import { Bell } from '../base/bell.ts';
import {
  checkGroupChunks,
  checkRecipe,
  groupChunks,
  type Hash64,
  joinRecipes,
  sliceRecipe,
} from '../model/chunk-groups.ts';
import { type DeltaStep, planDelta } from '../model/delta-plan.ts';
import { type ChunkGroup, EMPTY_RECIPE, type Recipe } from '../model/recipe.ts';
import type { Uid } from '../model/version.ts';
import type { ContentAnswer, ContentRequest, FailureReason, Wanted } from '../peer/link.ts';
import type { FolderCore } from './folder-core.ts';
import type { LocalChunk } from './folder-parts.ts';
import { findChunks, ownChunks, stagingIdOf } from './local-content.ts';
import type { PendingUpdate, Staged } from './pending.ts';
import { StagedAppends } from './staged-appends.ts';

/** The part of the content stream that one file uses. */
export interface LargeFileChannel {
  /** A fresh id; what is answered to it goes to `receive`. */
  open(receive: (answer: ContentAnswer) => void): Wanted;
  send(request: ContentRequest): void;
  close(id: number): void;
  readonly signal: AbortSignal;
}

export type LargeFileOutcome =
  | { readonly kind: 'staged'; readonly staged: Staged; readonly recipe: Recipe }
  | { readonly kind: 'lost' | 'changed' | 'corrupt' | 'no-space' | 'failed'; readonly reason: string };

const WINDOW_BYTES = 8 * 1024 * 1024;
const RANGES_PER_REQUEST = 64;
const GROUPS_PER_REQUEST = 64;
const COPY_PIECE_CHUNKS = 512;
const CHUNKS_PER_LOOKUP = 8192;
const PLANS_PER_FILE = 4;

class Refusal extends Error {
  readonly outcome: Exclude<LargeFileOutcome, { kind: 'staged' }>;
  constructor(kind: Exclude<LargeFileOutcome['kind'], 'staged'>, reason: string) {
    super(reason);
    this.outcome = { kind, reason };
  }
}

export async function fetchLargeFile(
  core: FolderCore,
  item: PendingUpdate,
  channel: LargeFileChannel,
  hash64: Hash64,
): Promise<LargeFileOutcome> {
  try {
    const recipe = await obtainRecipe(core, item, channel, hash64);
    return await assemble(core, item, channel, recipe);
  } catch (error) {
    if (error instanceof Refusal) return error.outcome;
    throw error;
  }
}

async function obtainRecipe(
  core: FolderCore,
  item: PendingUpdate,
  channel: LargeFileChannel,
  hash64: Hash64,
): Promise<Recipe> {
  const { uid, size, hash } = item.update;
  const [twins] = await core.store.findByHash([hash]);
  const twin = item.forced || twins?.[0] === undefined ? undefined : await core.store.recipe(twins[0]);
  if (twin && checkRecipe(twin, size) === null) return twin;
  const outline = await ask(channel, wanted => ({ kind: 'outline', file: wanted }), 'outline');
  if (outline.recipe) return checked(outline.recipe, size);
  const before = await core.store.recipe(uid);
  const known = new Map(
    before ? groupChunks(before, hash64).map(group => [group.hash, sliceRecipe(before, group)] as const) : [],
  );
  const parts: (Recipe | undefined)[] = outline.groups.map(group => {
    const slice = known.get(group.hash);
    return slice && checkGroupChunks(group, slice, size, hash64) === null ? slice : undefined;
  });
  const missing = parts.flatMap((part, i) => (part ? [] : [i]));
  for (let from = 0; from < missing.length; from += GROUPS_PER_REQUEST) {
    await askChunks(channel, missing.slice(from, from + GROUPS_PER_REQUEST), (index, part) => {
      const group: ChunkGroup | undefined = outline.groups[index];
      const problem = group ? checkGroupChunks(group, part, size, hash64) : 'chunks of a group that does not exist';
      if (problem !== null) throw new Refusal('corrupt', problem);
      parts[index] = part;
    });
  }
  return checked(joinRecipes(parts.map(part => part ?? EMPTY_RECIPE)), size);
}

function checked(recipe: Recipe, size: number): Recipe {
  const problem = checkRecipe(recipe, size);
  if (problem !== null) throw new Refusal('corrupt', problem);
  return recipe;
}

async function assemble(
  core: FolderCore,
  item: PendingUpdate,
  channel: LargeFileChannel,
  recipe: Recipe,
): Promise<LargeFileOutcome> {
  const { size, hash, mode, mtimeNs } = item.update;
  const stagingId = stagingIdOf(item);
  for (let attempt = 1; attempt <= PLANS_PER_FILE; attempt++) {
    let { bytes } = await core.disk.stageOpen(stagingId);
    if (bytes > size) {
      await core.disk.stageDrop([stagingId]);
      bytes = (await core.disk.stageOpen(stagingId)).bytes;
    }
    item.receivedBytes = bytes;
    // Whatever goes wrong with copies, the last attempt takes every byte from the partner.
    const places = attempt < PLANS_PER_FILE && !item.forced ? await findPlaces(core, item.update.uid, recipe) : [];
    const steps = planDelta({ recipe, size, stagedBytes: bytes }, index => places[index]);
    if (!(await carryOut(core, item, channel, recipe, steps))) continue;
    const answer = await core.disk.stageSeal({ stagingId, size, hash, mode, mtimeNs });
    if (answer.kind === 'staged')
      return { kind: 'staged', staged: { stagingId, ino: answer.ino, mode: answer.mode }, recipe };
    if (answer.kind !== 'mismatch') return { kind: answer.kind, reason: answer.detail };
  }
  return { kind: 'corrupt', reason: 'its SHA-256 is not the announced one' };
}

interface Place {
  readonly uid: string;
  readonly offset: number;
  readonly length: number;
}

/** Where each chunk lies on this host; `uid` stands for root and path. */
async function findPlaces(core: FolderCore, uid: Uid, recipe: Recipe): Promise<(Place | undefined)[]> {
  const own = await ownChunks(core, uid);
  const chunks: (LocalChunk | undefined)[] = Array.from(recipe.hashes, hash => own.get(hash));
  const elsewhere = [...chunks.keys()].filter(index => chunks[index] === undefined);
  for (let from = 0; from < elsewhere.length; from += CHUNKS_PER_LOOKUP) {
    const some = elsewhere.slice(from, from + CHUNKS_PER_LOOKUP);
    const found = await findChunks(
      core,
      BigUint64Array.from(some, index => recipe.hashes[index]!),
    );
    for (const [at, index] of some.entries()) chunks[index] = found[at];
  }
  return chunks.map(
    chunk => chunk && { uid: `${chunk.root}\0${chunk.path}`, offset: chunk.offset, length: chunk.length },
  );
}

/** Answers false when a copy did not hold what was expected: the rest is to be planned again. */
async function carryOut(
  core: FolderCore,
  item: PendingUpdate,
  channel: LargeFileChannel,
  recipe: Recipe,
  steps: readonly DeltaStep[],
): Promise<boolean> {
  const stagingId = stagingIdOf(item);
  const fetches = new RangeReader(
    channel,
    steps.filter(step => step.kind === 'fetch'),
  );
  const appends = new StagedAppends(core.disk, stagingId);
  try {
    for (const step of steps) {
      if (channel.signal.aborted) throw new Refusal('lost', 'the connection broke off');
      if (step.kind === 'copy') {
        if (!(await copy(appends, recipe, step))) return false;
      } else {
        for await (const data of fetches.read(step.length)) {
          // The bytes are the disk's then.
          const { length } = data;
          if (!(await appends.add({ kind: 'data', data }, length))) return false;
          item.receivedBytes += length;
          item.round.tally.bytesTransferred += length;
        }
      }
    }
    return await appends.end();
  } finally {
    fetches.stop();
    await appends.end().catch(() => {});
  }
}

async function copy(
  appends: StagedAppends,
  recipe: Recipe,
  step: Extract<DeltaStep, { kind: 'copy' }>,
): Promise<boolean> {
  const [root, path] = step.uid.split('\0') as [string, string];
  let offset = step.sourceOffset;
  for (let from = step.firstChunk; from < step.firstChunk + step.chunks; from += COPY_PIECE_CHUNKS) {
    const part = sliceRecipe(recipe, {
      firstChunk: from,
      chunks: Math.min(COPY_PIECE_CHUNKS, step.firstChunk + step.chunks - from),
    });
    const lengths = [...part.lengths];
    const bytes = lengths.reduce((sum, length) => sum + length, 0);
    const piece = { kind: 'copy', root, path, offset, lengths, hashes: [...part.hashes] } as const;
    if (!(await appends.add(piece, bytes))) return false;
    offset += bytes;
  }
  return true;
}

/** Reads fetch steps one after the other while asking ahead for the next ones. */
class RangeReader {
  readonly #channel: LargeFileChannel;
  readonly #steps: readonly Extract<DeltaStep, { kind: 'fetch' }>[];
  readonly #open: { readonly id: number; readonly inbox: Inbox }[] = [];
  #asked = 0;
  #ahead = 0;
  #left: Uint8Array | null = null;

  constructor(channel: LargeFileChannel, steps: readonly Extract<DeltaStep, { kind: 'fetch' }>[]) {
    this.#channel = channel;
    this.#steps = steps;
  }

  async *read(length: number): AsyncGenerator<Uint8Array> {
    let missing = length;
    while (missing > 0) {
      this.#askAhead();
      const data = this.#left ?? (await this.#next());
      this.#left = data.length > missing ? data.subarray(missing) : null;
      const part = data.length > missing ? data.subarray(0, missing) : data;
      missing -= part.length;
      this.#ahead -= part.length;
      yield part;
    }
  }

  stop(): void {
    const ids = this.#open.map(({ id }) => id);
    if (ids.length > 0 && !this.#channel.signal.aborted) this.#channel.send({ kind: 'abandon', ids });
    for (const id of ids) this.#channel.close(id);
    this.#open.length = 0;
  }

  #askAhead(): void {
    while (this.#asked < this.#steps.length && this.#ahead < WINDOW_BYTES) {
      const ranges: { offset: number; length: number }[] = [];
      let bytes = 0;
      while (this.#asked < this.#steps.length && ranges.length < RANGES_PER_REQUEST && bytes < WINDOW_BYTES / 4) {
        const { offset, length } = this.#steps[this.#asked++]!;
        ranges.push({ offset, length });
        bytes += length;
      }
      this.#ahead += bytes;
      const inbox = new Inbox(this.#channel.signal);
      const file = this.#channel.open(answer => inbox.put(answer));
      this.#open.push({ id: file.id, inbox });
      this.#channel.send({ kind: 'ranges', file, ranges });
    }
  }

  async #next(): Promise<Uint8Array> {
    const current = this.#open[0];
    if (!current) throw new Refusal('failed', 'more bytes were needed than asked for');
    const answer = await current.inbox.take();
    if (answer.kind === 'failed') throw refusalFor(answer);
    if (answer.kind !== 'data') throw new Refusal('corrupt', `an answer of kind ${answer.kind} came for bytes`);
    if (answer.last) {
      this.#channel.close(current.id);
      this.#open.shift();
    }
    return answer.data;
  }
}

/** Answers to one id, in order. Bounded by what was asked for: `ask-ahead` limits the bytes. */
class Inbox {
  readonly #signal: AbortSignal;
  readonly #answers: ContentAnswer[] = [];
  readonly #bell = new Bell();

  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  put(answer: ContentAnswer): void {
    this.#answers.push(answer);
    this.#bell.ring();
  }

  async take(): Promise<ContentAnswer> {
    while (this.#answers.length === 0) {
      if (this.#signal.aborted) throw new Refusal('lost', 'the connection broke off');
      await this.#bell.heard(this.#signal);
    }
    return this.#answers.shift()!;
  }
}

async function ask<K extends 'outline'>(
  channel: LargeFileChannel,
  request: (wanted: Wanted) => ContentRequest,
  kind: K,
): Promise<Extract<ContentAnswer, { kind: K }>> {
  const inbox = new Inbox(channel.signal);
  const wanted = channel.open(answer => inbox.put(answer));
  channel.send(request(wanted));
  try {
    const answer = await inbox.take();
    if (answer.kind === 'failed') throw refusalFor(answer);
    if (answer.kind !== kind)
      throw new Refusal('corrupt', `an answer of kind ${answer.kind} came for a question of kind ${kind}`);
    return answer as Extract<ContentAnswer, { kind: K }>;
  } finally {
    channel.close(wanted.id);
  }
}

async function askChunks(
  channel: LargeFileChannel,
  groups: readonly number[],
  accept: (group: number, recipe: Recipe) => void,
): Promise<void> {
  const inbox = new Inbox(channel.signal);
  const file = channel.open(answer => inbox.put(answer));
  channel.send({ kind: 'chunks', file, groups });
  try {
    for (;;) {
      const answer = await inbox.take();
      if (answer.kind === 'failed') throw refusalFor(answer);
      if (answer.kind !== 'chunks') throw new Refusal('corrupt', `an answer of kind ${answer.kind} came for chunks`);
      accept(answer.group, answer.recipe);
      if (answer.last) return;
    }
  } finally {
    channel.close(file.id);
  }
}

function refusalFor(answer: Extract<ContentAnswer, { kind: 'failed' }>): Refusal {
  const changed = movedOn(answer.reason);
  return new Refusal(changed ? 'changed' : 'failed', reasonText(answer.reason));
}

/** Nothing is to be had of just this: the source has to say something newer. */
export function movedOn(reason: FailureReason): boolean {
  return reason === 'changed' || reason === 'gone' || reason === 'left-out';
}

export function reasonText(reason: FailureReason): string {
  switch (reason) {
    case 'changed':
    case 'gone':
      return 'it changed at the source; a newer update follows';
    case 'not-ready':
      return 'the source is not ready';
    case 'unreadable':
      return 'the source cannot read it';
    case 'left-out':
      return 'the bundle has not its content: it changed while that was made, or this member was known to have it; the next one, or one made with --full, has it';
  }
}
