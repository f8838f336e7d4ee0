/** Whole directories of Tandem's own area: summing, removing and copying them. Links are never followed. */
import { errnoError, errnoOf } from '../base/errno.ts';
import { type Directory, type Look, type Name, using } from './file-system.ts';

export interface Sum {
  readonly size: number;
  readonly files: number;
}

/** Bytes and files of what is under a name; what cannot be read counts as nothing. */
export function sumTree(parent: Directory, name: Name, look: Look): Sum {
  if (look.kind !== 'directory') return { size: look.kind === 'file' ? look.size : 0, files: 1 };
  try {
    return using(parent.openDirectory(name), directory => {
      if (directory.look().dev !== look.dev) return { size: 0, files: 0 };
      let size = 0;
      let files = 0;
      for (const child of directory.list()) {
        const childLook = directory.lookAt(child);
        if (childLook === null) continue;
        const sum = sumTree(directory, child, childLook);
        size += sum.size;
        files += sum.files;
      }
      return { size, files };
    });
  } catch (error) {
    if (errnoOf(error) === '') throw error;
    return { size: 0, files: 0 };
  }
}

/** Removes whatever is under a name. */
export function removeTree(parent: Directory, name: Name): void {
  const look = parent.lookAt(name);
  if (look === null) return;
  if (look.kind !== 'directory') {
    parent.unlink(name);
    return;
  }
  // A directory its owner may not write would keep its children.
  if ((look.mode & 0o700) !== 0o700) parent.setMode(name, look.mode | 0o700);
  using(parent.openDirectory(name), directory => {
    for (const child of directory.list()) removeTree(directory, child);
  });
  parent.removeDirectory(name);
}

/** Copies what is under a name to a new name, with modes and times. What is neither file, directory nor symlink is left out. */
export function copyTree(from: Directory, name: Name, to: Directory, toName: Name, buffer: Uint8Array): void {
  const look = from.lookAt(name);
  if (look === null) throw errnoError('ENOENT', 'what was to be copied is gone');
  if (look.kind === 'directory') {
    to.makeDirectory(toName, 0o700);
    using(from.openDirectory(name), source =>
      using(to.openDirectory(toName), target => {
        for (const child of source.list()) copyTree(source, child, target, child, buffer);
      }),
    );
    to.setMode(toName, look.mode);
  } else if (look.kind === 'file') {
    copyFile(from, name, to, toName, look, buffer);
  } else if (look.kind === 'symlink') {
    const target = from.readSymlink(name);
    if (typeof target !== 'string') return;
    to.makeSymlink(toName, target);
  } else {
    return;
  }
  to.setModified(toName, look.mtimeNs);
}

function copyFile(from: Directory, name: Name, to: Directory, toName: Name, look: Look, buffer: Uint8Array): void {
  using(from.openFile(name, 'read'), source =>
    using(to.openFile(toName, 'create'), target => {
      for (let at = 0; ; ) {
        const length = source.read(buffer, 0, buffer.length, at);
        if (length === 0) break;
        target.write(buffer.subarray(0, length), at);
        at += length;
      }
      target.setMode(look.mode);
    }),
  );
}
