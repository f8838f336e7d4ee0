/** Where everything lies in the database. Specified in docs/STATE.md; a change here is a change of the schema. */
import type { Gvsn, Uid } from '../model/version.ts';
import type { KeyRange } from './kv.ts';

/** Counts up with each change of the layout that older programs could not read. */
export const SCHEMA = 1;

export const META = {
  schema: 'm/schema',
  database: 'm/database',
  generation: 'm/generation',
  reservedVsn: 'm/reserved',
  nextFolder: 'm/next-folder',
} as const;

const FOLDER = 'm/folder/';
const EVENT = 'e/';
const SESSION = 's/';
const TABLE = 't/';
const SPACE = 'f';
/** Follows '/' in the order of keys. */
const AFTER_SLASH = '0';
/** Fixed width keeps the order of numbers in keys. */
const NUMBER_DIGITS = 14;
const SPACE_DIGITS = 8;
const VERSION_LENGTH = 47;

/** Everything there is: each key begins with a small letter. */
export const ALL_KEYS: KeyRange = { gte: 'a', lt: '{' };
export const FOLDER_NUMBERS: KeyRange = { gte: FOLDER, lt: `m/folder${AFTER_SLASH}` };
export const EVENTS_RANGE: KeyRange = { gte: EVENT, lt: `e${AFTER_SLASH}` };
export const SESSIONS_RANGE: KeyRange = { gte: SESSION, lt: `s${AFTER_SLASH}` };

export function folderNumberKey(folder: string): string {
  return FOLDER + folder;
}

export function folderOfKey(key: string): string {
  return key.slice(FOLDER.length);
}

export function eventKey(sequence: number): string {
  return EVENT + sequence.toString(16).padStart(NUMBER_DIGITS, '0');
}

export function sequenceOfKey(key: string): number {
  return Number.parseInt(key.slice(EVENT.length), 16);
}

export function sessionKey(sequence: number): string {
  return SESSION + sequence.toString(16).padStart(NUMBER_DIGITS, '0');
}

export function sequenceOfSessionKey(key: string): number {
  return Number.parseInt(key.slice(SESSION.length), 16);
}

/** A table's name has no '/', so that no table is in the range of another one. */
export function tableKey(table: string, key: string): string {
  return `${TABLE}${table}/${key}`;
}

export function keyOfTableKey(table: string, key: string): string {
  return key.slice(TABLE.length + table.length + 1);
}

export function tableRange(table: string): KeyRange {
  return { gte: `${TABLE}${table}/`, lt: `${TABLE}${table}${AFTER_SLASH}` };
}

/** Everything of the folders with numbers from `from` up to, not including, `to`. */
export function spaceRange(from: number, to = Number.POSITIVE_INFINITY): KeyRange {
  return { gte: spacePrefix(from), lt: to === Number.POSITIVE_INFINITY ? 'g' : spacePrefix(to) };
}

export function spaceOfKey(key: string): number {
  return Number.parseInt(key.slice(SPACE.length, SPACE.length + SPACE_DIGITS), 16);
}

function spacePrefix(number: number): string {
  return SPACE + number.toString(16).padStart(SPACE_DIGITS, '0');
}

/** The keys of one folder. */
export class FolderKeys {
  readonly vector: string;
  readonly counts: string;
  readonly state: string;
  readonly #prefix: string;

  constructor(number: number) {
    this.#prefix = spacePrefix(number);
    this.vector = `${this.#prefix}v`;
    this.counts = `${this.#prefix}k`;
    this.state = `${this.#prefix}s`;
  }

  record(uid: Uid): string {
    return `${this.#prefix}r/${uid}`;
  }

  /** Who holds a name. */
  slot(parent: Uid, name: string): string {
    return `${this.#prefix}c/${parent}/${name}`;
  }

  version(of: { readonly gvsn: Gvsn; readonly uid: Uid; readonly present: boolean }): string {
    return `${this.#prefix}${of.present ? 'l' : 't'}/${of.gvsn}/${of.uid}`;
  }

  inode(inode: bigint): string {
    return `${this.#prefix}i/${inode.toString(16)}`;
  }

  content(hash: string): string {
    return `${this.#prefix}h/${hash}`;
  }

  chunk(hash: bigint): string {
    return `${this.#prefix}x/${hash.toString(16).padStart(16, '0')}`;
  }

  recipe(uid: Uid, hash: string): string {
    return `${this.#prefix}p/${uid}/${hash}`;
  }

  /** Marks a recipe whose chunks are to enter the index, or to leave it. */
  unindexedRecipe(uid: Uid, hash: string): string {
    return `${this.#prefix}q/${uid}/${hash}`;
  }

  intent(id: string): string {
    return `${this.#prefix}n/${id}`;
  }

  get records(): KeyRange {
    return this.#range('r');
  }

  get intents(): KeyRange {
    return this.#range('n');
  }

  get unindexedRecipes(): KeyRange {
    return this.#range('q');
  }

  children(parent: Uid): KeyRange {
    return { gte: `${this.#prefix}c/${parent}/`, lt: `${this.#prefix}c/${parent}${AFTER_SLASH}` };
  }

  /** Versions from `from` up to, not including, `to`. */
  versions(kind: 'live' | 'tombstone', from: Gvsn, to: Gvsn): KeyRange {
    const prefix = `${this.#prefix}${kind === 'live' ? 'l' : 't'}/`;
    return { gte: prefix + from, lt: prefix + to };
  }

  uidOfRecord(key: string): Uid {
    return key.slice(this.#prefix.length + 2);
  }

  nameOfSlot(key: string): string {
    return key.slice(this.#prefix.length + 2 + VERSION_LENGTH + 1);
  }

  ofVersion(key: string): { readonly gvsn: Gvsn; readonly uid: Uid } {
    const start = this.#prefix.length + 2;
    return { gvsn: key.slice(start, start + VERSION_LENGTH), uid: key.slice(start + VERSION_LENGTH + 1) };
  }

  ofUnindexedRecipe(key: string): { readonly uid: Uid; readonly hash: string } {
    const [uid = '', hash = ''] = key.slice(this.#prefix.length + 2).split('/');
    return { uid, hash };
  }

  #range(letter: string): KeyRange {
    return { gte: `${this.#prefix}${letter}/`, lt: `${this.#prefix}${letter}${AFTER_SLASH}` };
  }
}
