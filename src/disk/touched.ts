/** What has been changed since the last `sync`, and how it is made durable. */

import { errnoOf } from '../base/errno.ts';
import type { Preserved } from './disk.ts';
import { type Directory, using } from './file-system.ts';
import { splitPath, type Tree } from './tree.ts';

/** Up to this many files are synced one by one; above it the whole file system is, in one call. */
const ONE_BY_ONE = 24;

export interface Touched {
  /** A name was created or replaced: its content and its directory. `ino`: by what; null: by whatever is there. */
  path(path: string, ino: bigint | null): void;
  /** A name went from this path. */
  removed(path: string): void;
  preserved(item: Preserved): void;
  /** Something was changed that is reached by no path: all has to be made durable. */
  uncertain(): void;
  sync(tree: Tree): void;
}

export function createTouched(): Touched {
  const paths = new Map<string, bigint | null>();
  /** Of two files at one path, one may have been taken elsewhere. */
  let isCertain = true;
  const directories = new Set<string>();
  const items = new Map<string, Preserved>();

  /** False: something is not where it was touched, or may not be opened. */
  function syncEach(tree: Tree): boolean {
    let all = true;
    const attempt = (action: () => boolean): void => {
      try {
        all = action() && all;
      } catch (error) {
        if (!NOT_REACHED.has(errnoOf(error))) throw error;
        all = false;
      }
    };
    for (const [path, ino] of paths) attempt(() => syncName(tree, path, ino));
    for (const path of directories) {
      attempt(() => {
        const directory = tree.directory(path);
        directory?.sync();
        return directory !== null;
      });
    }
    for (const item of items.values()) {
      attempt(() => {
        using(tree.own(item.area).openDirectory(item.id), syncFiles);
        tree.own(item.area).sync();
        return true;
      });
    }
    return all;
  }

  return {
    path(path, ino) {
      const earlier = paths.get(path) ?? ino;
      if (earlier !== ino) isCertain = false;
      paths.set(path, ino);
      directories.add(splitPath(path).parent);
    },
    removed: path => void directories.add(splitPath(path).parent),
    preserved: item => void items.set(`${item.area}/${item.id}`, item),
    uncertain() {
      isCertain = false;
    },
    sync(tree) {
      const count = paths.size + directories.size + items.size;
      if (count === 0 && isCertain) return;
      const each = count <= ONE_BY_ONE && isCertain && syncEach(tree);
      if (!each && !tree.root.syncFileSystem()) syncEach(tree);
      isCertain = true;
      paths.clear();
      directories.clear();
      items.clear();
    },
  };
}

const NOT_REACHED = new Set(['ENOENT', 'EACCES', 'EPERM', 'EXDEV', 'ENOTDIR', 'ELOOP', 'EINVAL']);

/** False also where another file has the name by now: what was to be synced has been taken elsewhere. */
function syncName(tree: Tree, path: string, ino: bigint | null): boolean {
  const { parent, name } = splitPath(path);
  const directory = tree.directory(parent);
  const look = directory?.lookAt(name) ?? null;
  if (directory === null || look === null || (ino !== null && look.ino !== ino)) return false;
  if (look.kind === 'directory') tree.directory(path)?.sync();
  else if (look.kind === 'file') using(directory.openFile(name, 'read'), file => file.sync());
  return true;
}

function syncFiles(item: Directory): void {
  for (const name of item.list()) {
    if (item.lookAt(name)?.kind === 'file') using(item.openFile(name, 'read'), file => file.sync());
  }
  item.sync();
}
