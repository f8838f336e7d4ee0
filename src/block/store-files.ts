/**
 * The files of one volume or snapshot, in a directory of its own:
 * `superblock`, `map`, and `data` unless the data is in a file or on a device elsewhere. A directory without a whole superblock
 * is a creation that was cut off.
 */
import { dirname, join } from 'node:path';
import { errnoOf } from '../base/errno.ts';
import { TandemError } from '../base/errors.ts';
import { explained } from './block-error.ts';
import { type BlockFile, type BlockFiles, openIfThere, openOrCreate, removeIfThere } from './block-files.ts';
import { CLUSTER_BYTES, type ClusterStore, mapBytes, openClusterStore } from './cluster-store.ts';
import { PAGE_BYTES } from './sealed-page.ts';
import { readSuperblock, Superblock, type SuperblockContent, writeSuperblock } from './superblock.ts';

const ZEROES = Buffer.alloc(1024 * 1024);
const OURS: readonly string[] = ['superblock', 'map', 'data'];

export interface StoreFiles {
  readonly files: BlockFiles;
  readonly directory: string;
  readonly superblock: Superblock;
  readonly data: BlockFile;
  readonly map: BlockFile;
  readonly writable: boolean;
  store: ClusterStore;
}

/** 'kept': what the backing holds is the volume's content; 'empty': the volume reads as zeroes. */
export type BackingContents = 'kept' | 'empty';

export interface NewStore {
  readonly files: BlockFiles;
  readonly directory: string;
  readonly content: SuperblockContent;
  /** Needed where the backing is there already. */
  readonly contents?: BackingContents;
}

/** Durable when it settles. INVALID_ARGUMENT where something is in the way. */
export async function createStore({ files, directory, content, contents }: NewStore): Promise<void> {
  await makeRoom(files, directory);
  const backing = content.backing;
  const path = backing?.path ?? join(directory, 'data');
  const there = await openIfThere(files, path, 'write');
  if (there !== null && contents === undefined) {
    await there.close();
    throw new TandemError(
      'INVALID_ARGUMENT',
      `${path} is there already; say with --contents whether the volume keeps what it holds or begins empty`,
    );
  }
  const data = there ?? (await files.open(path, 'create'));
  const map = await openOrCreate(files, join(directory, 'map'));
  try {
    await data.claim();
    const look = await data.look();
    if (look.size < content.size) {
      if (look.kind === 'device') {
        throw new TandemError(
          'INVALID_ARGUMENT',
          `${path} has ${look.size} bytes only, fewer than the volume's ${content.size}`,
        );
      }
      await data.truncate(content.size);
    }
    await writeZeroes(map, 0, mapBytes(content.size));
    if (there !== null && content.size > 0) {
      const store = await openClusterStore({ data, map, size: content.size, clean: false });
      if (contents === 'kept') store.allocated.set(0, store.clusters);
      await store.commit();
    }
    await data.sync();
    await map.sync();
    const superblock = await openOrCreate(files, join(directory, 'superblock'));
    const identified = {
      ...content,
      backing: backing === null ? null : { ...backing, kind: look.kind },
      backingIdentity: look.identity,
    };
    try {
      await writeZeroes(superblock, 0, 2 * PAGE_BYTES);
      await writeSuperblock(superblock, identified, 1);
    } finally {
      await superblock.close();
    }
    if (there === null && backing !== null) await files.syncDirectory(dirname(path));
    await files.syncDirectory(directory);
    await files.syncDirectory(dirname(directory));
  } finally {
    await map.close();
    await data.close();
  }
}

export interface StoreOpening {
  readonly files: BlockFiles;
  readonly directory: string;
  /** For sentences. */
  readonly title: string;
  readonly access: 'read' | 'write';
  /** Takes a backing that is not the one it was for it. */
  readonly adopt?: boolean;
}

/** Opens and claims everything. NOT_FOUND, BLOCK_LOCKED, BLOCK_IO, BLOCK_READ_ONLY. */
export async function openStore(opening: StoreOpening): Promise<StoreFiles> {
  const { files, directory, title, access } = opening;
  const opened: BlockFile[] = [];
  const take = async (path: string, gone: TandemError): Promise<BlockFile> => {
    const file = await openIfThere(files, path, access);
    if (file === null) throw gone;
    opened.push(file);
    return file;
  };
  try {
    return await explained(`${title} cannot be opened`, async () => {
      const head = await take(
        join(directory, 'superblock'),
        new TandemError(
          'NOT_FOUND',
          `there is no volume in ${directory}; create it, or see whether its disk is mounted`,
        ),
      );
      await head.claim();
      if (access === 'write') {
        // Names, too, may have been left by a process that died before they were durable.
        await files.syncDirectory(directory);
        await files.syncDirectory(dirname(directory));
      }
      const found = await readSuperblock(head);
      if (found === null) {
        throw new TandemError(
          'BLOCK_IO',
          `both copies of ${join(directory, 'superblock')} are damaged; delete ${title} and get its data from a replica`,
        );
      }
      const { content } = found;
      const path = content.backing?.path ?? join(directory, 'data');
      const data = await take(
        path,
        new TandemError('BLOCK_IO', `${path}, the backing of ${title}, is gone; mount its disk, or delete the volume`),
      );
      await data.claim();
      const look = await data.look();
      if (look.size < content.size) {
        throw new TandemError(
          'BLOCK_IO',
          `${path}, the backing of ${title}, has shrunk to ${look.size} bytes, ${content.size} are needed; put it back from a copy, or delete the volume`,
        );
      }
      if (look.identity !== content.backingIdentity && opening.adopt !== true) {
        throw new TandemError(
          'BLOCK_IO',
          `${path} is not the backing ${title} had (${look.identity}, before ${content.backingIdentity}); put the former back, or adopt this one if its content is right`,
        );
      }
      const map = await take(
        join(directory, 'map'),
        new TandemError(
          'BLOCK_IO',
          `${join(directory, 'map')} is gone; delete ${title} and get its data from a replica`,
        ),
      );
      const store = await openClusterStore({ data, map, size: content.size, clean: content.clean });
      const superblock = new Superblock(head, content, found.sequence);
      if (access === 'write' && (content.clean || look.identity !== content.backingIdentity)) {
        await superblock.change({ clean: false, backingIdentity: look.identity });
      }
      return { files, directory, superblock, data, map, writable: access === 'write', store };
    });
  } catch (error) {
    for (const file of opened) await file.close();
    throw error;
  }
}

/** Makes everything durable and notes that. If it cannot, the next opening takes it for an unclean end. */
export async function closeStore({ superblock, data, map, store, writable }: StoreFiles): Promise<void> {
  try {
    if (writable) {
      await store.commit();
      await superblock.change({ clean: true });
    }
  } finally {
    await superblock.close();
    await map.close();
    await data.close();
  }
}

/** Removes what `createStore` made; also what is left of it. The superblock goes first: without one nothing is there. */
export async function removeStore(files: BlockFiles, directory: string): Promise<void> {
  await removeIfThere(files, join(directory, 'superblock'));
  await files.syncDirectory(directory);
  for (const name of await files.list(directory)) await files.remove(join(directory, name));
  await files.removeDirectory(directory);
  await files.syncDirectory(dirname(directory));
}

/** Whether a directory has nothing but what a creation or removal that was cut off left; false where it is gone. */
export async function isLeftOver(files: BlockFiles, directory: string): Promise<boolean> {
  const names = await files.list(directory).catch(error => {
    if (errnoOf(error) === 'ENOENT') return null;
    throw error;
  });
  return names?.every(name => OURS.includes(name)) === true;
}

/** Whether a directory has a whole superblock. */
export async function holdsStore(files: BlockFiles, directory: string): Promise<boolean> {
  const head = await openIfThere(files, join(directory, 'superblock'), 'read');
  if (head === null) return false;
  try {
    return (await readSuperblock(head)) !== null;
  } finally {
    await head.close();
  }
}

async function makeRoom(files: BlockFiles, directory: string): Promise<void> {
  try {
    await files.makeDirectory(directory);
    return;
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error;
  }
  if (!(await isLeftOver(files, directory)) || (await holdsStore(files, directory))) {
    throw new TandemError(
      'INVALID_ARGUMENT',
      `${directory} is there already; choose another place, or delete what is there`,
    );
  }
  for (const name of await files.list(directory)) await files.remove(join(directory, name));
}

export async function writeZeroes(file: BlockFile, from: number, to: number): Promise<void> {
  for (let at = from; at < to; at += ZEROES.length)
    await file.write(ZEROES.subarray(0, Math.min(ZEROES.length, to - at)), at);
}

/** The clusters that bytes [offset, offset + length) lie in: [first, end). */
export function clustersOf(offset: number, length: number): { readonly first: number; readonly end: number } {
  return { first: Math.floor(offset / CLUSTER_BYTES), end: Math.ceil((offset + length) / CLUSTER_BYTES) };
}
