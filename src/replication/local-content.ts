/** Content that is already on this host, in this folder or another one: copied, never fetched. */
import { TandemError } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import { chunkPlaces } from '../model/recipe.ts';
import type { Uid } from '../model/version.ts';
import type { FolderCore } from './folder-core.ts';
import type { ContentHolder, LocalChunk, LocalFile } from './folder-parts.ts';
import type { PendingUpdate } from './pending.ts';

/** Stages small files from equal ones on this host; answers those it could. */
export async function copyWhole(core: FolderCore, items: readonly PendingUpdate[]): Promise<PendingUpdate[]> {
  if (items.length === 0) return [];
  const sources = await findByHash(
    core,
    items.map(item => item.update.hash),
  );
  const done: PendingUpdate[] = [];
  for (const [i, item] of items.entries()) {
    const source = item.update.size === 0 ? null : sources[i];
    if (source === undefined) continue;
    const data = source === null ? new Uint8Array() : await source.read();
    if (data === undefined) continue;
    const { size, hash, mode, mtimeNs } = item.update;
    const staging = core.disk.stageWhole([{ stagingId: stagingIdOf(item), data, size, hash, mode, mtimeNs }]);
    const [answer] = await staging.catch(leaveToFetching);
    if (answer?.kind !== 'staged') continue;
    item.staged = { stagingId: stagingIdOf(item), ino: answer.ino, mode: answer.mode };
    done.push(item);
  }
  return done;
}

/** What the disk refuses now it refuses once more to what is fetched, which waits with a reason. */
function leaveToFetching(error: unknown): [] {
  if (error instanceof TandemError && error.reaction === 'retry-later') return [];
  throw error;
}

/** Deterministic, so that an interrupted transfer is found again. */
export function stagingIdOf(item: PendingUpdate): string {
  return `in-${item.update.gvsn}`;
}

async function findByHash(core: FolderCore, hashes: readonly string[]): Promise<(LocalFile | undefined)[]> {
  const found: (LocalFile | undefined)[] = hashes.map(() => undefined);
  for (const holder of core.siblings()) {
    const here = await holder.findByHash(hashes);
    here.forEach((file, i) => {
      found[i] ??= file;
    });
  }
  return found;
}

export async function findChunks(core: FolderCore, hashes: BigUint64Array): Promise<(LocalChunk | undefined)[]> {
  const found: (LocalChunk | undefined)[] = Array.from({ length: hashes.length });
  for (const holder of core.siblings()) {
    (await holder.findChunks(hashes)).forEach((chunk, i) => {
      found[i] ??= chunk;
    });
  }
  return found;
}

/** The chunks of the content that a file has now; they need not be in the index yet. */
export async function ownChunks(core: FolderCore, uid: Uid): Promise<Map<bigint, LocalChunk>> {
  const chunks = new Map<bigint, LocalChunk>();
  const [record] = await core.store.records([uid]);
  const path = record?.present && record.disk ? await core.paths.of(record) : undefined;
  const recipe = path === undefined ? undefined : await core.store.recipe(uid);
  if (path === undefined || !recipe) return chunks;
  for (const { hash, offset, length } of chunkPlaces(recipe)) {
    chunks.set(hash, { root: core.rootPath, path, offset, length });
  }
  return chunks;
}

/** A folder as a place to copy from. */
export function contentHolder(core: FolderCore): ContentHolder {
  const holder: ContentHolder = {
    root: core.rootPath,
    async findByHash(hashes) {
      if (core.store.counts.files === 0 || !core.active) return hashes.map(() => undefined);
      const owners = await core.store.findByHash(hashes);
      const found = [...owners.entries()].flatMap(([i, uids]) => (uids[0] === undefined ? [] : [{ i, uid: uids[0] }]));
      const records = found.length === 0 ? [] : await core.store.records(found.map(({ uid }) => uid));
      const paths = await core.paths.ofMany(records);
      const files: (LocalFile | undefined)[] = hashes.map(() => undefined);
      for (const [at, { i, uid }] of found.entries()) {
        const record = records[at];
        const path = paths[at];
        if (!record?.present || !record.disk || path === undefined) continue;
        const stat = record.disk;
        const read = async () => {
          if (stat.size > LIMITS.wholeFileBytes) return undefined;
          const [data] = await core.disk.readWhole([{ path, stat }]);
          return typeof data === 'string' ? undefined : data;
        };
        files[i] = { holder, path, uid, read };
      }
      return files;
    },
    async findChunks(hashes) {
      if (core.store.counts.files === 0 || !core.active) return Array.from({ length: hashes.length });
      const places = await core.store.findChunks(hashes);
      const uids = [...new Set(places.flatMap(place => (place ? [place.uid] : [])))];
      const paths = new Map<Uid, string>();
      for (const record of await core.store.records(uids)) {
        const path = record?.present && record.disk ? await core.paths.of(record) : undefined;
        if (record && path !== undefined) paths.set(record.uid, path);
      }
      return places.map(place => {
        const path = place && paths.get(place.uid);
        return place && path !== undefined
          ? { root: core.rootPath, path, offset: place.offset, length: place.length }
          : undefined;
      });
    },
  };
  return holder;
}
