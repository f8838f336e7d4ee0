/**
 * `.tandem/conflicts/` and `.tandem/pre-existing/`: what was replaced or removed and must not be lost. Each item is a
 * directory named by its id, with `manifest.json` and the content under its own name.
 */

import { errnoOf } from '../base/errno.ts';
import type { Preserved, PreservedArea, PreservedManifest, PreserveOrder } from './disk.ts';
import { type Directory, type Look, type Name, using } from './file-system.ts';
import { copyTree, removeTree, sumTree } from './subtree.ts';
import type { Tree } from './tree.ts';

const MANIFEST = 'manifest.json';
const MANIFEST_BYTES = 256 * 1024;
/** A user's own file of that name lies beside the manifest under another. */
const MANIFEST_NAMESAKE = 'manifest.json,content';

/** What is to be preserved and where it lies now. */
export interface PreserveSource {
  readonly directory: Directory;
  readonly name: string;
  readonly look: Look;
  /** The same operation gets the same id, also after a crash. */
  readonly key: string;
  /** 'link': the source keeps its name too, where its kind and the file system allow that. */
  readonly by: 'link' | 'rename';
}

/** `names`: the directories whose names changed, to be made durable. */
export function preserve(tree: Tree, source: PreserveSource, order: PreserveOrder): Preserved {
  const area = tree.own(order.area);
  const sum = sumTree(source.directory, source.name, source.look);
  const id = makeItem(area, preservedId(order.manifest, source.key));
  const { look } = source;
  const preserved = { ...order.manifest, id, area: order.area, kind: kindOf(look), mode: look.mode, ...sum };
  try {
    using(area.openDirectory(id), item => {
      writeManifest(item, preserved);
      const name = nameInArea(order.manifest.path);
      if (source.by === 'link' && source.look.kind !== 'directory') {
        try {
          return source.directory.link(source.name, item, name);
        } catch (error) {
          if (!CANNOT_LINK.has(errnoOf(error))) throw error;
        }
      }
      source.directory.rename(source.name, item, name);
    });
  } catch (error) {
    // Nothing was moved: an item without content would only mislead.
    removeTree(area, id);
    throw error;
  }
  return preserved;
}

/** Reasons why a second name cannot be had where a rename still can: the kind, the file system, or the owner. */
export const CANNOT_LINK: ReadonlySet<string> = new Set([
  'EPERM',
  'EACCES',
  'EMLINK',
  'ENOTSUP',
  'EOPNOTSUPP',
  'ENOSYS',
]);

/** What an operation with this key has preserved already; null: nothing. `name`, `look`: of the content in the item. */
export function findPreserved(
  tree: Tree,
  order: PreserveOrder,
  key: string,
): { preserved: Preserved; name: Name; look: Look } | null {
  const area = tree.own(order.area);
  const id = preservedId(order.manifest, key);
  const directory = openItem(area, id);
  if (directory === null) return null;
  return using(directory, item => {
    const name = contentName(item);
    const look = name === null ? null : item.lookAt(name);
    if (name === null || look === null) {
      // The power failed before the content was there.
      removeTree(area, id);
      return null;
    }
    let preserved = readManifest(item, id, order.area);
    if (preserved === null) {
      // The power failed before the manifest was on disk.
      const sum = sumTree(item, name, look);
      preserved = { ...order.manifest, id, area: order.area, kind: kindOf(look), mode: look.mode, ...sum };
      removeTree(item, MANIFEST);
      writeManifest(item, preserved);
    }
    return { preserved, name, look };
  });
}

/** Oldest first. An item whose manifest is unreadable is listed with what is known of it. */
export function listPreserved(tree: Tree, areaName: PreservedArea): Preserved[] {
  const area = tree.own(areaName);
  const items: Preserved[] = [];
  for (const id of area.list()) {
    if (typeof id !== 'string') continue;
    const directory = openItem(area, id);
    if (directory === null) continue;
    using(directory, item => {
      const name = contentName(item);
      const look = name === null ? null : item.lookAt(name);
      if (name === null || look === null) return;
      const preserved = readManifest(item, id, areaName);
      const whole = preserved ?? {
        ...unknownManifest(name, look),
        id,
        area: areaName,
        kind: kindOf(look),
        ...sumTree(item, name, look),
      };
      items.push({ ...whole, mode: look.mode });
    });
  }
  return items.sort((a, b) => a.time - b.time || (a.id < b.id ? -1 : 1));
}

/** The file in an item; null: there is none. Whoever gets it closes the directory. */
export function openPreservedFile(
  tree: Tree,
  areaName: PreservedArea,
  id: string,
): { directory: Directory; name: Name; look: Look } | null {
  const directory = openItem(tree.own(areaName), id);
  if (directory === null) return null;
  const name = contentName(directory);
  const look = name === null ? null : directory.lookAt(name);
  if (name !== null && look?.kind === 'file') return { directory, name, look };
  directory.close();
  return null;
}

export interface RestoreOrder {
  readonly area: PreservedArea;
  readonly id: string;
  readonly copy: boolean;
}

/** `to`: an opened directory and a name in it. */
export function restorePreserved(
  tree: Tree,
  { area: areaName, id, copy }: RestoreOrder,
  to: { directory: Directory; name: string },
  buffer: Uint8Array,
): 'restored' | 'occupied' | 'missing' {
  const area = tree.own(areaName);
  const directory = openItem(area, id);
  if (directory === null) return 'missing';
  return using(directory, item => {
    const name = contentName(item);
    const look = name === null ? null : item.lookAt(name);
    if (name === null || look === null) return 'missing';
    if (to.directory.lookAt(to.name) !== null) return 'occupied';
    let placed: boolean;
    if (copy) {
      const staging = tree.own('staging');
      const fresh = `${id.toLowerCase()},copy`;
      removeTree(staging, fresh);
      copyTree(item, name, staging, fresh, buffer);
      placed = placeNew(staging, fresh, look, to);
      if (!placed) removeTree(staging, fresh);
    } else {
      placed = placeNew(item, name, look, to);
      if (placed) removeTree(area, id);
    }
    return placed ? 'restored' : 'occupied';
  });
}

export function deletePreserved(tree: Tree, areaName: PreservedArea, id: string): 'deleted' | 'missing' {
  const area = tree.own(areaName);
  const directory = openItem(area, id);
  if (directory === null) return 'missing';
  directory.close();
  removeTree(area, id);
  return 'deleted';
}

/** Gives something a new name without replacing what may have appeared there; the old name goes. */
export function placeNew(from: Directory, name: Name, look: Look, to: { directory: Directory; name: string }): boolean {
  if (look.kind !== 'directory') {
    try {
      from.link(name, to.directory, to.name);
      from.unlink(name);
      return true;
    } catch (error) {
      if (errnoOf(error) === 'EEXIST') return false;
      if (!CANNOT_LINK.has(errnoOf(error))) throw error;
    }
  }
  if (to.directory.lookAt(to.name) !== null) return false;
  from.rename(name, to.directory, to.name);
  return true;
}

/** `<name>-v<version number>-<key>`: readable, and safe in any shell. */
function preservedId({ path, gvsn }: PreservedManifest, key: string): string {
  const safe = lastName(path)
    .replace(/[^A-Za-z0-9._-]/g, '_')
    .replace(/^[.-]/, '_')
    .slice(0, 64);
  const number = Number.parseInt(gvsn.slice(33), 16);
  return `${safe}${Number.isNaN(number) ? '' : `-v${number}`}-${key.slice(0, 12)}`;
}

/** A fresh directory with this name, or with a number behind it. */
function makeItem(area: Directory, id: string): string {
  for (let number = 1; ; number++) {
    const name = number === 1 ? id : `${id}.${number}`;
    try {
      area.makeDirectory(name, 0o700);
      return name;
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw error;
    }
  }
}

function openItem(area: Directory, id: string): Directory | null {
  if (!/^[A-Za-z0-9_][A-Za-z0-9._-]{0,160}$/.test(id)) return null;
  try {
    return area.openDirectory(id);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return null;
    throw error;
  }
}

function contentName(item: Directory): Name | null {
  return item.list().find(name => name !== MANIFEST) ?? null;
}

function writeManifest(item: Directory, preserved: Preserved): void {
  using(item.openFile(MANIFEST, 'create'), file =>
    file.write(Buffer.from(`${JSON.stringify(preserved, null, 2)}\n`), 0),
  );
}

function readManifest(item: Directory, id: string, area: PreservedArea): Preserved | null {
  const look = item.lookAt(MANIFEST);
  if (look === null || look.kind !== 'file' || look.size > MANIFEST_BYTES) return null;
  const bytes = Buffer.alloc(look.size);
  using(item.openFile(MANIFEST, 'read'), file => file.read(bytes, 0, bytes.length, 0));
  try {
    const value = JSON.parse(bytes.toString('utf8')) as Preserved;
    const whole =
      TEXTS.every(key => typeof value[key] === 'string') && NUMBERS.every(key => typeof value[key] === 'number');
    return whole ? { ...value, id, area } : null;
  } catch {
    return null;
  }
}

const TEXTS = ['path', 'uid', 'gvsn', 'reason', 'member', 'partner', 'kind'] as const;
const NUMBERS = ['conflictType', 'time', 'size', 'files'] as const;

function unknownManifest(name: Name, look: Look): PreservedManifest {
  return {
    path: typeof name === 'string' ? name : name.toString('latin1'),
    uid: '',
    gvsn: '',
    conflictType: 7,
    reason: 'the manifest of this item was lost',
    member: '',
    partner: '',
    time: Number(look.ctimeNs / 1_000_000n),
  };
}

function kindOf(look: Look): Preserved['kind'] {
  return look.kind === 'file' || look.kind === 'directory' || look.kind === 'symlink' ? look.kind : 'other';
}

/** The name of what lay at this path, in the directory of its item. */
export function nameInArea(path: string): string {
  const name = lastName(path);
  return name === MANIFEST ? MANIFEST_NAMESAKE : name;
}

function lastName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
