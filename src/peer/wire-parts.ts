/**
 * What all codecs of the wire share: the one way to refuse a field, checked numbers, texts and GUIDs, and the table of
 * databases that a message's versions name by position. Whoever reads a message trusts nothing in it.
 */
import { TandemError } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import { type DatabaseId, databaseOf, type Gvsn, makeVersion } from '../model/version.ts';

const GUID_FORM = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const DATABASE_BYTES = 16;
export const DIGEST_BYTES = 32;
const LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/** The error for a field that breaks the protocol; `problem` completes “field X …”. */
export function violation(field: string, problem: string): TandemError {
  return new TandemError('PEER_VIOLATION', `the field ${field} ${problem}`, { field });
}

/** 64-bit integers come from the wire as doubles; above 2^53 - 1 they are refused. */
export function countFromWire(value: number, field: string, max: number = Number.MAX_SAFE_INTEGER): number {
  if (!Number.isSafeInteger(value) || value < 0 || value > max) {
    throw violation(field, `is ${value}; it must be an integer from 0 to ${max}`);
  }
  return value;
}

/** As `countFromWire`, below zero too. */
export function integerFromWire(value: number, field: string): number {
  if (!Number.isSafeInteger(value)) throw violation(field, `is ${value}; it must be an integer of at most 53 bits`);
  return value;
}

export function guidFromWire(value: string, field: string): string {
  if (!GUID_FORM.test(value)) throw violation(field, 'is not a GUID of 36 characters in lower case');
  return value;
}

/** A text for people: shortened to `LIMITS.textBytes` where it is sent, refused above that where it arrives. */
export function textToWire(text: string): string {
  return text.length * 3 <= LIMITS.textBytes ? text : text.slice(0, Math.floor(LIMITS.textBytes / 3));
}

export function textFromWire(value: string, field: string): string {
  if (Buffer.byteLength(value) > LIMITS.textBytes) throw violation(field, `is longer than ${LIMITS.textBytes} bytes`);
  return value;
}

export function listFromWire<T>(list: readonly T[], field: string, max: number): readonly T[] {
  if (list.length > max) throw violation(field, `has ${list.length} entries; ${max} are allowed`);
  return list;
}

/** Insists on parallel lists of one length. */
export function assertColumn(length: number, field: string, rows: number): void {
  if (length !== rows) throw violation(field, `has ${length} entries where ${rows} are due`);
}

export function digestToWire(hex: string): Buffer {
  return Buffer.from(hex, 'hex');
}

export function digestFromWire(bytes: Buffer, field: string): string {
  if (bytes.length !== DIGEST_BYTES) throw violation(field, `has ${bytes.length} bytes; a SHA-256 has ${DIGEST_BYTES}`);
  return bytes.toString('hex');
}

/** Without the pad and the checks of `Buffer.from`: 64-bit hashes as 8 bytes each, little-endian. */
export function hashesToWire(hashes: BigUint64Array): Buffer {
  const bytes = Buffer.from(hashes.buffer, hashes.byteOffset, hashes.byteLength);
  return LITTLE_ENDIAN ? bytes : Buffer.from(bytes).swap64();
}

export function hashesFromWire(bytes: Buffer, field: string, count: number): BigUint64Array {
  assertColumn(bytes.length / 8, field, count);
  const hashes = new BigUint64Array(count);
  const copy = Buffer.from(hashes.buffer);
  bytes.copy(copy);
  if (!LITTLE_ENDIAN) copy.swap64();
  return hashes;
}

/** Collects the databases of one message: each is sent once, versions name it by its position. */
export interface DatabaseTable {
  /** The position of the database of this version. */
  indexOf(version: Gvsn): number;
  toWire(): Buffer;
}

export function createDatabaseTable(): DatabaseTable {
  const indexByDatabase = new Map<DatabaseId, number>();
  return {
    indexOf(version) {
      const database = databaseOf(version);
      let index = indexByDatabase.get(database);
      if (index === undefined) {
        index = indexByDatabase.size;
        indexByDatabase.set(database, index);
      }
      return index;
    },
    toWire: () => databasesToWire(indexByDatabase.keys(), indexByDatabase.size),
  };
}

export function databasesToWire(databases: Iterable<DatabaseId>, count: number): Buffer {
  const bytes = Buffer.allocUnsafe(count * DATABASE_BYTES);
  let at = 0;
  for (const database of databases) {
    bytes.write(database, at, 'hex');
    at += DATABASE_BYTES;
  }
  return bytes;
}

export function databasesFromWire(bytes: Buffer, field: string, max: number): DatabaseId[] {
  if (bytes.length % DATABASE_BYTES !== 0) {
    throw violation(field, `has ${bytes.length} bytes; each database takes ${DATABASE_BYTES}`);
  }
  if (bytes.length > max * DATABASE_BYTES) throw violation(field, `names more than ${max} databases`);
  const databases: DatabaseId[] = [];
  for (let at = 0; at < bytes.length; at += DATABASE_BYTES) {
    databases.push(bytes.toString('hex', at, at + DATABASE_BYTES));
  }
  return databases;
}

/** A version out of its two parts; `field` names the number. */
export function versionFromWire(databases: readonly DatabaseId[], index: number, number: number, field: string): Gvsn {
  const database = databases[index];
  if (database === undefined) throw violation(field, `names database ${index} of ${databases.length}`);
  if (!Number.isSafeInteger(number) || number < 1) throw violation(field, `is ${number}; a version is at least 1`);
  return makeVersion(database, number);
}
