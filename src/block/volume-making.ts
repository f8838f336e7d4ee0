/** Volumes come and go. */
import { join } from 'node:path';
import { TandemError } from '../base/errors.ts';
import { explained } from './block-error.ts';
import { type BlockFiles, openIfThere, removeIfThere } from './block-files.ts';
import { type BackingContents, createStore, isLeftOver, removeStore } from './store-files.ts';
import { assertSize } from './store-size.ts';
import { SUPERBLOCK_FORMAT } from './superblock.ts';

export interface NewVolume {
  readonly files: BlockFiles;
  /** For the metadata, and for the data where no backing is given. Must not be there; the one above must. */
  readonly directory: string;
  readonly name: string;
  readonly uuid: string;
  /** Bytes; a multiple of the block size. */
  readonly size: number;
  /** A power of two from 512 to 65 536; 4096 if left out. */
  readonly blockSize?: number;
  /** An absolute path of a file or block device that holds the data. A file is made if it is not there. */
  readonly backing?: string;
  /** Needed if the backing is there already. */
  readonly contents?: BackingContents;
  readonly role?: string;
  readonly generations?: string;
}

/** Durable when it settles. INVALID_ARGUMENT, BLOCK_LOCKED, BLOCK_FULL. */
export async function createVolume(wanted: NewVolume): Promise<void> {
  const { files, directory, name, uuid, size, blockSize = 4096, backing, contents } = wanted;
  if (!Number.isInteger(Math.log2(blockSize)) || blockSize < 512 || blockSize > 65_536) {
    throw new TandemError('INVALID_ARGUMENT', `a block size of ${blockSize} is not a power of two from 512 to 65536`);
  }
  assertSize(size, blockSize);
  const content = {
    format: SUPERBLOCK_FORMAT,
    uuid,
    size,
    blockSize,
    backing: backing === undefined ? null : { path: backing, kind: 'file' as const },
    backingIdentity: '',
    clean: true,
    role: wanted.role ?? '',
    generations: wanted.generations ?? '',
    snapshot: null,
  };
  await explained(`volume ${name} cannot be created`, () =>
    createStore({ files, directory, content, ...(contents === undefined ? {} : { contents }) }),
  );
}

/**
 * Removes a volume with its snapshots, its maps and its data, or what is left of a creation that was cut off; a backing that was given
 * is left as it is. NOT_FOUND; BLOCK_LOCKED
 * while it is open. Can be called again where it was cut off.
 */
export async function deleteVolume(files: BlockFiles, directory: string, name: string): Promise<void> {
  await explained(`volume ${name} cannot be deleted`, async () => {
    const head = await openIfThere(files, join(directory, 'superblock'), 'write');
    if (head === null) {
      // A creation, or a deletion, that was cut off left its files; whatever else lies there is not ours to remove.
      if (!(await isLeftOver(files, directory)))
        throw new TandemError('NOT_FOUND', `there is no volume in ${directory}`);
      return await removeStore(files, directory);
    }
    try {
      await head.claim();
      const snapshots = join(directory, 'snapshots');
      for (const uuid of await listIfThere(files, snapshots)) await removeStore(files, join(snapshots, uuid));
      if ((await files.list(directory)).includes('snapshots')) await files.removeDirectory(snapshots);
      for (const file of await files.list(directory)) {
        if (file !== 'superblock') await removeIfThere(files, join(directory, file));
      }
      await files.syncDirectory(directory);
      await removeStore(files, directory);
    } finally {
      await head.close();
    }
  });
}

async function listIfThere(files: BlockFiles, path: string): Promise<string[]> {
  const names = await files.list(join(path, '..'));
  return names.includes('snapshots') ? await files.list(path) : [];
}
