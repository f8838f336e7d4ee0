/** The member's database as plain maps: every commit is durable at once. What the real store must be equal to. */
import { LIMITS } from '../../src/base/limits.ts';
import type { Recipe } from '../../src/model/recipe.ts';
import type { FileRecord } from '../../src/model/update.ts';
import { containsVersion, EMPTY_VECTOR, type VersionVector } from '../../src/model/version-vector.ts';
import { FIRST_VSN, type Uid } from '../../src/model/version.ts';
import type { Commit, Counts, FolderStore, Intent, Store, StoredEvent } from '../../src/store/store.ts';

interface FolderTables {
  vector: VersionVector;
  state: Readonly<Record<string, unknown>> | null;
  readonly records: Map<Uid, FileRecord>;
  readonly recipes: Map<Uid, Recipe>;
  readonly intents: Map<string, Intent>;
}

export class MemoryHome {
  #database: string;
  #generation = 0;
  #reserved = FIRST_VSN - 1;
  #next = FIRST_VSN;
  #folders = new Map<string, FolderTables>();
  #events: StoredEvent[] = [];
  readonly #freshId: () => string;

  constructor(freshId: () => string) {
    this.#freshId = freshId;
    this.#database = freshId();
  }

  /** The database is gone, as after the loss of its disk. */
  lose(): void {
    this.#database = this.#freshId();
    this.#generation = 0;
    this.#reserved = FIRST_VSN - 1;
    this.#folders = new Map();
    this.#events = [];
  }

  async open(): Promise<Store> {
    this.#generation++;
    this.#next = this.#reserved + 1;
    const home = this;
    return {
      get database() {
        return home.#database;
      },
      get generation() {
        return home.#generation;
      },
      get reservedVsn() {
        return home.#reserved;
      },
      folder: guid => folderStore(home.#tables(guid)),
      async allocate(count) {
        const first = home.#next;
        home.#next += count;
        while (home.#reserved < home.#next) home.#reserved += 100;
        return first;
      },
      async renew() {
        home.lose();
        home.#next = home.#reserved + 1;
      },
      events: {
        async append(body) {
          const event = { ...body, sequence: home.#events.length + 1 };
          home.#events.push(event);
          return event;
        },
        async list({ after = 0, limit }) {
          return home.#events.filter(event => event.sequence > after).slice(-limit);
        },
      },
      async close() {},
    };
  }

  #tables(guid: string): FolderTables {
    const known = this.#folders.get(guid);
    if (known) return known;
    const tables: FolderTables = { vector: EMPTY_VECTOR, state: null, records: new Map(), recipes: new Map(), intents: new Map() };
    this.#folders.set(guid, tables);
    return tables;
  }
}

function folderStore(tables: FolderTables): FolderStore {
  const { records, recipes, intents } = tables;
  const present = () => [...records.values()].filter(record => record.present);
  const matching = (difference: VersionVector) =>
    [...records.values()].filter(record => !record.provisional && containsVersion(difference, record.gvsn));
  return {
    get vector() {
      return tables.vector;
    },
    get state() {
      return tables.state;
    },
    get counts() {
      return countsOf(records.values());
    },
    records: async uids => uids.map(uid => records.get(uid)),
    children: async parents =>
      parents.map(parent =>
        present()
          .filter(record => record.parent === parent)
          .map(({ name, uid, disk }) => ({ name, uid, disk }))
          .sort((a, b) => (a.name < b.name ? -1 : 1)),
      ),
    occupants: async slots =>
      slots.map(({ parent, name }) => present().find(record => record.parent === parent && record.name === name)?.uid),
    findByInode: async inodes => inodes.map(ino => present().find(record => record.disk?.ino === ino)?.uid),
    findByHash: async hashes =>
      hashes.map(hash =>
        present()
          .filter(record => record.kind === 'file' && record.hash === hash)
          .slice(0, 4)
          .map(record => record.uid),
      ),
    async findChunks(hashes) {
      const places = new Map<bigint, { uid: Uid; offset: number; length: number }>();
      for (const [uid, recipe] of recipes) {
        let offset = 0;
        recipe.hashes.forEach((hash, i) => {
          const length = recipe.lengths[i]!;
          places.set(hash, { uid, offset, length });
          offset += length;
        });
      }
      return [...hashes].map(hash => places.get(hash));
    },
    recipe: async uid => recipes.get(uid),
    view() {
      const seen = new Map(records);
      const { vector } = tables;
      return {
        vector,
        async *updates(difference, pass) {
          const wanted = [...seen.values()].filter(record => !record.provisional && containsVersion(difference, record.gvsn));
          wanted.sort((a, b) => (a.gvsn < b.gvsn ? -1 : 1));
          const ordered = pass === 'tombstones' ? wanted.filter(record => !record.present) : parentsFirst(wanted.filter(record => record.present));
          for (let at = 0; at < ordered.length; at += LIMITS.updatesPerBatch) yield ordered.slice(at, at + LIMITS.updatesPerBatch);
        },
        async close() {},
      };
    },
    async countUpdates(difference) {
      const found = matching(difference);
      return { updates: found.length, bytes: found.reduce((sum, record) => sum + record.size, 0) };
    },
    async *everyRecord() {
      const all = [...records.values()];
      if (all.length > 0) yield all.sort((a, b) => (a.uid < b.uid ? -1 : 1));
    },
    intents: async () => [...intents.values()],
    async commit(change: Commit) {
      for (const record of change.forget ?? []) {
        records.delete(record.uid);
        recipes.delete(record.uid);
      }
      for (const { before, after } of change.put ?? []) {
        if (before?.hash !== after.hash || !after.present) recipes.delete(after.uid);
        records.set(after.uid, after);
      }
      for (const [uid, recipe] of change.recipes ?? []) recipes.set(uid, recipe);
      if (change.vector) tables.vector = change.vector;
      if (change.state) tables.state = change.state;
      for (const id of change.removeIntents ?? []) intents.delete(id);
      if (change.addIntent) intents.set(change.addIntent.id, structuredClone(change.addIntent));
    },
  };
}

function parentsFirst(records: readonly FileRecord[]): FileRecord[] {
  const wanted = new Map(records.map(record => [record.uid, record]));
  const done = new Set<Uid>();
  const ordered: FileRecord[] = [];
  const visit = (record: FileRecord): void => {
    if (done.has(record.uid)) return;
    done.add(record.uid);
    const parent = wanted.get(record.parent);
    if (parent) visit(parent);
    ordered.push(record);
  };
  for (const record of records) visit(record);
  return ordered;
}

function countsOf(records: Iterable<FileRecord>): Counts {
  const counts = { files: 0, directories: 0, symlinks: 0, bytes: 0, tombstones: 0 };
  for (const record of records) {
    if (!record.present) counts.tombstones++;
    else if (record.kind === 'file') counts.files++;
    else if (record.kind === 'directory') counts.directories++;
    else counts.symlinks++;
    if (record.present) counts.bytes += record.size;
  }
  return counts;
}
