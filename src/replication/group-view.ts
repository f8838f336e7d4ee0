/**
 * The records as they will be once the planned part of a group is done: reads fall through to the store, so that a plan
 * can build a directory and what goes into it in one go. Also while the group before it is still being carried out.
 */
import { LIMITS } from '../base/limits.ts';
import type { FileRecord, Update } from '../model/update.ts';
import type { Uid } from '../model/version.ts';
import type { FolderCore } from './folder-core.ts';
import { ASIDE_DIRECTORY, join, STEPPED_ASIDE } from './paths.ts';

export class GroupView {
  readonly #core: FolderCore;
  readonly #records = new Map<Uid, FileRecord | undefined>();
  readonly #slots = new Map<string, Uid | undefined>();
  /** Children gained and lost against the store, by directory. */
  readonly #gained = new Map<Uid, Set<Uid>>();
  readonly #changed = new Set<Uid>();
  readonly #changedSlots = new Set<string>();
  /** Of the group before. */
  readonly #inherited: ReadonlySet<Uid>;
  #directoriesChanged = false;
  #paths = new Map<Uid, string>();

  /** `before`: of a group that is not recorded yet. */
  constructor(core: FolderCore, before: GroupView | null = null) {
    this.#core = core;
    this.#inherited = before ? before.#changed : new Set();
    if (before === null) return;
    this.#directoriesChanged = before.#directoriesChanged;
    for (const uid of before.#changed) this.#records.set(uid, before.#records.get(uid));
    for (const key of before.#changedSlots) this.#slots.set(key, before.#slots.get(key));
    for (const [uid, gained] of before.#gained) this.#gained.set(uid, new Set(gained));
  }

  /** Whether the group before has a part in this record: how it looks on disk is not known yet. */
  isInherited(uid: Uid): boolean {
    return this.#inherited.has(uid);
  }

  /** Reads everything a group of updates will ask for, in few calls. */
  async preload(updates: readonly Update[]): Promise<void> {
    const involved = new Set(updates.flatMap(update => [update.uid, update.parent]));
    const uids = [...involved].filter(uid => !this.#records.has(uid));
    const records = await this.#core.store.records(uids);
    for (const [i, uid] of uids.entries()) this.#records.set(uid, records[i]);
    const slots = updates.filter(update => update.present && !this.#slots.has(slotKey(update.parent, update.name)));
    const occupants = await this.#core.store.occupants(slots);
    for (const [i, slot] of slots.entries()) this.#slots.set(slotKey(slot.parent, slot.name), occupants[i]);
  }

  async record(uid: Uid): Promise<FileRecord | undefined> {
    if (this.#records.has(uid)) return this.#records.get(uid);
    const [record] = await this.#core.store.records([uid]);
    this.#records.set(uid, record);
    return record;
  }

  async occupant(parent: Uid, name: string): Promise<Uid | undefined> {
    const key = slotKey(parent, name);
    if (!this.#slots.has(key)) this.#slots.set(key, (await this.#core.store.occupants([{ parent, name }]))[0]);
    return this.#slots.get(key);
  }

  /** The present children of a directory. */
  async children(uid: Uid): Promise<FileRecord[]> {
    const [stored] = await this.#core.store.children([uid]);
    const uids = new Set([...(stored ?? []).map(child => child.uid), ...(this.#gained.get(uid) ?? [])]);
    const missing = [...uids].filter(child => !this.#records.has(child));
    const records = await this.#core.store.records(missing);
    for (const [i, child] of missing.entries()) this.#records.set(child, records[i]);
    return [...uids].flatMap(child => {
      const record = this.#records.get(child);
      return record?.present && record.parent === uid ? [record] : [];
    });
  }

  put(after: FileRecord, before: FileRecord | undefined): void {
    // A new directory changes no path that is known.
    if (after.kind === 'directory' && (before?.present || this.#records.get(after.uid)?.present)) this.#forgetPaths();
    if (before?.present && this.#slots.get(slotKey(before.parent, before.name)) !== undefined) {
      if (this.#slots.get(slotKey(before.parent, before.name)) === before.uid) this.#setSlot(before, undefined);
    } else if (before?.present) {
      this.#setSlot(before, undefined);
    }
    this.#records.set(after.uid, after);
    this.#changed.add(after.uid);
    if (after.present) {
      this.#setSlot(after, after.uid);
      const gained = this.#gained.get(after.parent) ?? new Set();
      this.#gained.set(after.parent, gained.add(after.uid));
    }
  }

  forget(record: FileRecord): void {
    this.#records.set(record.uid, undefined);
    this.#changed.add(record.uid);
    if (this.#slots.get(slotKey(record.parent, record.name)) === record.uid) this.#setSlot(record, undefined);
    if (record.kind === 'directory') this.#forgetPaths();
  }

  #setSlot(place: { readonly parent: Uid; readonly name: string }, uid: Uid | undefined): void {
    const key = slotKey(place.parent, place.name);
    this.#slots.set(key, uid);
    this.#changedSlots.add(key);
  }

  #forgetPaths(): void {
    this.#directoriesChanged = true;
    this.#paths = new Map();
  }

  /** The path of a directory as it will be; undefined where it or one above it is not present. */
  async directoryPath(uid: Uid, depth = 0): Promise<string | undefined> {
    if (uid === this.#core.root) return '';
    if (uid === STEPPED_ASIDE) return ASIDE_DIRECTORY;
    const known = this.#paths.get(uid) ?? (this.#directoriesChanged ? undefined : this.#core.paths.cached(uid));
    if (known !== undefined) return known;
    const record = await this.record(uid);
    if (!record?.present || record.kind !== 'directory' || depth > LIMITS.depthLevels) return undefined;
    const parent = await this.directoryPath(record.parent, depth + 1);
    if (parent === undefined) return undefined;
    const path = join(parent, record.name);
    this.#paths.set(uid, path);
    return path;
  }

  async path(place: { readonly parent: Uid; readonly name: string }): Promise<string | undefined> {
    const directory = await this.directoryPath(place.parent);
    return directory === undefined ? undefined : join(directory, place.name);
  }

  /** Whether `directory` is `uid` or lies below it. */
  async isBelow(directory: Uid, uid: Uid): Promise<boolean> {
    let at = directory;
    for (let depth = 0; depth <= LIMITS.depthLevels; depth++) {
      if (at === uid) return true;
      if (at === this.#core.root) return false;
      const record = await this.record(at);
      if (!record) return false;
      at = record.parent;
    }
    return true;
  }
}

function slotKey(parent: Uid, name: string): string {
  return `${parent}/${name}`;
}
