/** From identities to places: the path of a record below the root, kept for directories until one of them moves. */
import { LIMITS } from '../base/limits.ts';
import type { FileRecord } from '../model/update.ts';
import type { Uid } from '../model/version.ts';
import type { FolderStore } from '../store/store.ts';

const CACHED_DIRECTORIES = 100_000;

export class Paths {
  readonly #store: FolderStore;
  readonly #root: Uid;
  #byDirectory = new Map<Uid, string>();
  #byPath = new Map<string, Uid>();

  constructor(store: FolderStore, root: Uid) {
    this.#store = store;
    this.#root = root;
  }

  /** To be called when a directory moved or went. */
  forget(): void {
    this.#byDirectory = new Map();
    this.#byPath = new Map();
  }

  /** The path of a directory; undefined if it or one above it is not present. */
  async ofDirectory(uid: Uid): Promise<string | undefined> {
    const known = this.cached(uid);
    if (known !== undefined) return known;
    const memory = this.#byDirectory;
    const chain: FileRecord[] = [];
    let at = uid;
    let base: string | undefined;
    while (base === undefined) {
      const [record] = await this.#store.records([at]);
      if (!record?.present || record.kind !== 'directory' || chain.length > LIMITS.depthLevels) return undefined;
      chain.push(record);
      at = record.parent;
      base = this.cached(at);
    }
    let path = base;
    for (const record of chain.reverse()) {
      path = join(path, record.name);
      // Not if a directory has moved since: what was read is of before.
      if (memory === this.#byDirectory) this.remember(record.uid, path);
    }
    return path;
  }

  async of(record: Place): Promise<string | undefined> {
    const parent = await this.ofDirectory(record.parent);
    return parent === undefined ? undefined : join(parent, record.name);
  }

  /** The same for many records in few reads. */
  async ofMany(records: readonly (Place | undefined)[]): Promise<(string | undefined)[]> {
    const memory = this.#byDirectory;
    let unknown = new Set<Uid>();
    for (const record of records) if (record && this.cached(record.parent) === undefined) unknown.add(record.parent);
    const chain = new Map<Uid, FileRecord>();
    while (unknown.size > 0) {
      const above = new Set<Uid>();
      for (const record of await this.#store.records([...unknown])) {
        if (!record?.present || record.kind !== 'directory') continue;
        chain.set(record.uid, record);
        if (this.cached(record.parent) === undefined && !chain.has(record.parent)) above.add(record.parent);
      }
      unknown = above;
    }
    const resolve = (uid: Uid, depth: number): string | undefined => {
      const known = this.cached(uid);
      const record = chain.get(uid);
      if (known !== undefined || !record || depth > LIMITS.depthLevels) return known;
      const parent = resolve(record.parent, depth + 1);
      if (parent === undefined) return undefined;
      const path = join(parent, record.name);
      if (memory === this.#byDirectory) this.remember(uid, path);
      return path;
    };
    return records.map(record => {
      const parent = record && resolve(record.parent, 0);
      return record && parent !== undefined ? join(parent, record.name) : undefined;
    });
  }

  /** What is known without looking into the store. */
  cached(uid: Uid): string | undefined {
    return uid === this.#root ? '' : this.#byDirectory.get(uid);
  }

  /** Not to be called with what was read before the last `forget`. */
  remember(uid: Uid, path: string): void {
    if (this.#byDirectory.size >= CACHED_DIRECTORIES) {
      this.#byDirectory.clear();
      this.#byPath.clear();
    }
    this.#byDirectory.set(uid, path);
    this.#byPath.set(path, uid);
  }

  /** The directory at a path, by the records. */
  async directoryAt(path: string): Promise<Uid | undefined> {
    const known = this.#byPath.get(path);
    if (known !== undefined) return known;
    let at = this.#root;
    for (const name of path === '' ? [] : path.split('/')) {
      const [next] = await this.#store.occupants([{ parent: at, name }]);
      if (next === undefined) return undefined;
      at = next;
    }
    return at;
  }

  /** Whoever the records have at a path. */
  async recordAt(path: string): Promise<FileRecord | undefined> {
    const uid = await this.directoryAt(path);
    if (uid === undefined || uid === this.#root) return undefined;
    return (await this.#store.records([uid]))[0];
  }
}

interface Place {
  readonly parent: Uid;
  readonly name: string;
}

export function join(directory: string, name: string): string {
  return directory === '' ? name : `${directory}/${name}`;
}

/** The parent of a record while its file steps aside for another one: no directory has this UID. */
export const STEPPED_ASIDE: Uid = '';
/** Where such files wait. None is there before or after a group. */
export const ASIDE_DIRECTORY = '.tandem/staging';

export function asideName(uid: Uid): string {
  return `exchange-${uid}`;
}

export function isAside(path: string): boolean {
  return path.startsWith(join(ASIDE_DIRECTORY, asideName('')));
}

/** The directory a path lies in. */
export function parentOf(path: string): string {
  return path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : '';
}
