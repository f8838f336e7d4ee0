/** The root of a replicated folder and its marker, `.tandem/marker.json`, by which Tandem knows the root again. */

import { errnoOf } from '../base/errno.ts';
import { messageOf, TandemError } from '../base/errors.ts';
import type { Marker, RootProbe } from './disk.ts';
import { type Directory, type FileSystem, using } from './file-system.ts';
import { OWN_DIRECTORY, OWN_PARTS } from './tree.ts';

export const MARKER_FILE = 'marker.json';
const MARKER_BYTES = 64 * 1024;

export function probeRoot(files: FileSystem, path: string): RootProbe {
  let root: Directory;
  try {
    root = files.openRoot(path);
  } catch (error) {
    return { kind: KIND_BY_ERRNO[errnoOf(error)] ?? 'unreadable', detail: messageOf(error) };
  }
  return using(root, () => {
    try {
      const { dev, ino } = root.look();
      const empty = root.list().every(name => name === OWN_DIRECTORY);
      if (!root.writable()) {
        return { kind: 'unwritable', detail: `${path} cannot be written by this user, or is mounted read-only` };
      }
      const own = root.lookAt(OWN_DIRECTORY);
      if (own === null) return { kind: 'directory', dev, ino, marker: null, empty };
      if (own.kind !== 'directory') {
        return { kind: 'unwritable', detail: `${path}/${OWN_DIRECTORY} is not a directory; move it away` };
      }
      return using(root.openDirectory(OWN_DIRECTORY), handle =>
        handle.writable()
          ? { kind: 'directory', dev, ino, marker: readMarker(handle), empty }
          : { kind: 'unwritable', detail: `${path}/${OWN_DIRECTORY} cannot be written by this user` },
      );
    } catch (error) {
      return { kind: 'unreadable', detail: messageOf(error) };
    }
  });
}

const KIND_BY_ERRNO: Readonly<Record<string, 'missing' | 'not-a-directory'>> = {
  ENOENT: 'missing',
  ENOTDIR: 'not-a-directory',
};

/** Creates what is missing of `.tandem/` and writes the marker: whole and durable, or not at all. */
export function claimRoot(root: Directory, marker: Marker): void {
  makeWhereMissing(root, OWN_DIRECTORY);
  using(root.openDirectory(OWN_DIRECTORY), own => {
    for (const part of OWN_PARTS) makeWhereMissing(own, part);
    const fresh = `${MARKER_FILE}.new`;
    if (own.lookAt(fresh) !== null) own.unlink(fresh);
    using(own.openFile(fresh, 'create'), file => {
      file.write(Buffer.from(`${JSON.stringify(marker, null, 2)}\n`), 0);
      file.sync();
    });
    own.rename(fresh, own, MARKER_FILE);
    own.sync();
  });
  root.sync();
}

/** The marker in `.tandem/`; null where there is none or it makes no sense. */
export function readMarker(own: Directory): Marker | null {
  const look = own.lookAt(MARKER_FILE);
  if (look === null || look.kind !== 'file' || look.size > MARKER_BYTES) return null;
  const bytes = Buffer.alloc(look.size);
  const length = using(own.openFile(MARKER_FILE, 'read'), file => file.read(bytes, 0, bytes.length, 0));
  return parseMarker(bytes.toString('utf8', 0, length));
}

function parseMarker(text: string): Marker | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof value !== 'object' || value === null) return null;
  const { folder, member, database, reservedVsn, generation } = value as Record<string, unknown>;
  if (typeof folder !== 'string' || typeof member !== 'string' || typeof database !== 'string') return null;
  if (!Number.isSafeInteger(reservedVsn) || !Number.isSafeInteger(generation)) return null;
  return { folder, member, database, reservedVsn: reservedVsn as number, generation: generation as number };
}

function makeWhereMissing(parent: Directory, name: string): void {
  const there = parent.lookAt(name);
  if (there === null) parent.makeDirectory(name, 0o700);
  else if (there.kind !== 'directory') {
    throw new TandemError(
      'ROOT_UNWRITABLE',
      `“${name}” in the root’s ${OWN_DIRECTORY} is not a directory; move it away`,
    );
  }
}
