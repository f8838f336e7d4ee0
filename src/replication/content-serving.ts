/**
 * Answers a partner's wishes for content, in the order they come and within the credit it gives. A file that no
 * longer looks as its record says is not sent: its directory is looked at again instead, and a newer update follows.
 */
import { Bell } from '../base/bell.ts';
import { TandemError } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import { groupChunks, type Hash64, sliceRecipe } from '../model/chunk-groups.ts';
import type { Recipe } from '../model/recipe.ts';
import type { FileRecord } from '../model/update.ts';
import type { ContentAnswer, ContentRequest, Wanted } from '../peer/link.ts';
import type { AskedContent } from './asked-content.ts';
import type { FolderCore } from './folder-core.ts';
import { parentOf } from './paths.ts';

type Work = Exclude<ContentRequest, { kind: 'credit' | 'abandon' }>;

export interface ServedFolder {
  readonly core: FolderCore;
  /** Asks for a new look at a directory. */
  hint(directory: string): void;
  /** Where the bytes of content that are sent are counted. */
  readonly tally: { bytesTransferred: number };
}

export async function* serveContent(
  folderOf: (guid: string) => ServedFolder | undefined,
  requests: AsyncIterable<ContentRequest>,
  { hash64, asked, signal }: { readonly hash64: Hash64; readonly asked: AskedContent; readonly signal: AbortSignal },
): AsyncGenerator<ContentAnswer[]> {
  const desk = new Desk(folderOf, { hash64, asked });
  void desk.readRequests(requests);
  for (;;) {
    const work = await desk.nextWork(signal);
    if (work === null) break;
    const tally = folderOf(folderOfWork(work))?.tally;
    asked.begun(work);
    for await (const answers of desk.answer(work)) {
      const bytes = answers.reduce((sum, answer) => sum + (answer.kind === 'data' ? answer.data.length : 0), 0);
      if (!(await desk.spend(bytes, signal))) return;
      if (tally) tally.bytesTransferred += bytes;
      asked.sent(answers);
      yield answers;
    }
    asked.answered(work);
  }
}

class Desk {
  readonly #folderOf: (guid: string) => ServedFolder | undefined;
  readonly #hash64: Hash64;
  readonly #asked: AskedContent;
  readonly #work: Work[] = [];
  readonly #abandoned = new Set<number>();
  readonly #bell = new Bell();
  #credit = 0;
  #closed = false;
  #failure: unknown = null;

  constructor(
    folderOf: (guid: string) => ServedFolder | undefined,
    { hash64, asked }: { readonly hash64: Hash64; readonly asked: AskedContent },
  ) {
    this.#folderOf = folderOf;
    this.#hash64 = hash64;
    this.#asked = asked;
  }

  /** Never rejects: a violation comes out of `nextWork`. */
  async readRequests(requests: AsyncIterable<ContentRequest>): Promise<void> {
    try {
      for await (const request of requests) {
        if (request.kind === 'credit')
          this.#credit = Math.min(this.#credit + request.bytes, LIMITS.contentCreditBytes * 2);
        else if (request.kind === 'abandon') for (const id of request.ids) this.#abandoned.add(id);
        else {
          const works = onePerFolder(request);
          for (const work of works) this.#asked.asked(work);
          this.#work.push(...works);
        }
        if (this.#work.length > LIMITS.contentRequestsOnTheWay) {
          throw new TandemError(
            'PEER_VIOLATION',
            `more than ${LIMITS.contentRequestsOnTheWay} requests for content are waiting`,
          );
        }
        this.#bell.ring();
      }
    } catch (error) {
      this.#failure = error;
    } finally {
      this.#closed = true;
      this.#bell.ring();
    }
  }

  async nextWork(signal: AbortSignal): Promise<Work | null> {
    for (;;) {
      if (this.#failure) throw this.#failure;
      const next = this.#work.shift();
      if (next) return next;
      if (this.#closed || signal.aborted) return null;
      await this.#bell.heard(signal);
    }
  }

  /** Waits for credit. False: the stream ended. */
  async spend(bytes: number, signal: AbortSignal): Promise<boolean> {
    while (this.#credit < bytes && bytes > 0) {
      if (this.#closed || signal.aborted) return false;
      await this.#bell.heard(signal);
    }
    this.#credit -= bytes;
    return true;
  }

  async *answer(work: Work): AsyncGenerator<ContentAnswer[]> {
    switch (work.kind) {
      case 'whole':
        return yield* this.#whole(work.files);
      case 'outline':
        return yield [await this.#outline(work.file)];
      case 'chunks':
        return yield await this.#chunks(work.file, work.groups);
      case 'ranges':
        return yield* this.#ranges(work.file, work.ranges);
    }
  }

  /** Files of one folder. */
  async *#whole(files: readonly Wanted[]): AsyncGenerator<ContentAnswer[]> {
    const folder = this.#folderOf(files[0]!.folder);
    const records = folder?.core.serving ? await folder.core.store.records(files.map(file => file.uid)) : [];
    let batch: Wanted[] = [];
    let held: FileRecord[] = [];
    let bytes = 0;
    for (const [i, file] of files.entries()) {
      const record = records[i];
      const refusal = !folder?.core.serving ? 'not-ready' : refuse(file, record);
      if (refusal || !record?.disk || record.size > LIMITS.wholeFileBytes) {
        yield [{ kind: 'failed', id: file.id, reason: refusal ?? 'changed' }];
        continue;
      }
      if (bytes + record.size > LIMITS.contentMessageBytes && batch.length > 0) {
        yield await this.#readBatch(folder!, batch, held);
        [batch, held, bytes] = [[], [], 0];
      }
      batch.push(file);
      held.push(record);
      bytes += record.size;
    }
    if (batch.length > 0) yield await this.#readBatch(folder!, batch, held);
  }

  async #readBatch(
    folder: ServedFolder,
    files: readonly Wanted[],
    records: readonly FileRecord[],
  ): Promise<ContentAnswer[]> {
    const paths = await folder.core.paths.ofMany(records);
    const known = files.flatMap((_, i) => (paths[i] === undefined ? [] : [i]));
    const contents = await folder.core.disk.readWhole(known.map(i => ({ path: paths[i]!, stat: records[i]!.disk! })));
    const answers: ContentAnswer[] = [];
    files.forEach((file, i) => {
      const at = known.indexOf(i);
      const data = at === -1 ? 'gone' : contents[at]!;
      if (typeof data === 'string') {
        this.#doubt(folder, paths[i]);
        answers.push({ kind: 'failed', id: file.id, reason: data });
      } else {
        answers.push({ kind: 'data', id: file.id, offset: 0, data, last: true });
      }
    });
    return answers;
  }

  async #outline(file: Wanted): Promise<ContentAnswer> {
    const found = await this.#recipe(file);
    if (typeof found === 'string') return { kind: 'failed', id: file.id, reason: found };
    const groups = groupChunks(found, this.#hash64);
    return { kind: 'outline', id: file.id, groups, recipe: groups.length === 1 ? found : null };
  }

  async #chunks(file: Wanted, indexes: readonly number[]): Promise<ContentAnswer[]> {
    const found = await this.#recipe(file);
    if (typeof found === 'string') return [{ kind: 'failed', id: file.id, reason: found }];
    const groups = groupChunks(found, this.#hash64);
    return indexes.map((index, i) => {
      const group = groups[index];
      if (!group) return { kind: 'failed', id: file.id, reason: 'changed' };
      return {
        kind: 'chunks',
        id: file.id,
        group: index,
        recipe: sliceRecipe(found, group),
        last: i === indexes.length - 1,
      };
    });
  }

  async *#ranges(file: Wanted, ranges: readonly { offset: number; length: number }[]): AsyncGenerator<ContentAnswer[]> {
    const folder = this.#folderOf(file.folder);
    const [record] = folder?.core.serving ? await folder.core.store.records([file.uid]) : [];
    const refusal = folder?.core.serving ? refuse(file, record) : 'not-ready';
    const path = refusal || !record ? undefined : await folder!.core.paths.of(record);
    if (refusal || !record?.disk || path === undefined)
      return yield [{ kind: 'failed', id: file.id, reason: refusal ?? 'gone' }];
    const pieces = ranges.flatMap(range => split(range));
    const read = (i: number) => {
      const piece = pieces[i];
      const reading = piece && folder!.core.disk.readRange({ path, stat: record.disk! }, piece.offset, piece.length);
      // Whoever goes away meanwhile does not wait for what was read ahead.
      reading?.catch(() => {});
      return reading;
    };
    let ahead = read(0);
    for (const [i, piece] of pieces.entries()) {
      if (this.#abandoned.delete(file.id)) return;
      const data = await ahead!;
      ahead = read(i + 1);
      if (typeof data === 'string') {
        this.#doubt(folder!, path);
        return yield [{ kind: 'failed', id: file.id, reason: data }];
      }
      yield [{ kind: 'data', id: file.id, offset: piece.offset, data, last: i === pieces.length - 1 }];
    }
  }

  async #recipe(file: Wanted): Promise<Recipe | 'changed' | 'gone' | 'not-ready' | 'unreadable'> {
    const folder = this.#folderOf(file.folder);
    if (!folder?.core.serving) return 'not-ready';
    const [record] = await folder.core.store.records([file.uid]);
    const refusal = refuse(file, record);
    if (refusal || !record?.disk) return refusal ?? 'gone';
    const recipe = await folder.core.store.recipe(file.uid);
    if (recipe) return recipe;
    const path = await folder.core.paths.of(record);
    const hashed = path === undefined ? 'gone' : await folder.core.disk.hash(path, record.disk);
    if (typeof hashed === 'string' || hashed.hash !== file.hash || !hashed.recipe) {
      this.#doubt(folder, path);
      return 'changed';
    }
    return hashed.recipe;
  }

  #doubt(folder: ServedFolder, path: string | undefined): void {
    if (path !== undefined) folder.hint(parentOf(path));
  }
}

function refuse(file: Wanted, record: FileRecord | undefined): 'changed' | 'gone' | null {
  if (!record?.present || record.provisional || record.kind !== 'file') return 'gone';
  return record.hash === file.hash ? null : 'changed';
}

function folderOfWork(work: Work): string {
  return work.kind === 'whole' ? (work.files[0]?.folder ?? '') : work.file.folder;
}

function onePerFolder(work: Work): readonly Work[] {
  if (work.kind !== 'whole') return [work];
  return [...groupByFolder(work.files).values()].map(files => ({ kind: 'whole', files }));
}

function split({
  offset,
  length,
}: {
  readonly offset: number;
  readonly length: number;
}): { offset: number; length: number }[] {
  const pieces: { offset: number; length: number }[] = [];
  for (let at = 0; at < length; at += LIMITS.contentMessageBytes) {
    pieces.push({ offset: offset + at, length: Math.min(LIMITS.contentMessageBytes, length - at) });
  }
  return pieces;
}

function groupByFolder(files: readonly Wanted[]): Map<string, Wanted[]> {
  const groups = new Map<string, Wanted[]>();
  for (const file of files) {
    const group = groups.get(file.folder);
    if (group) group.push(file);
    else groups.set(file.folder, [file]);
  }
  return groups;
}
