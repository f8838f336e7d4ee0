/**
 * The values of the database: MessagePack arrays with fixed places, specified in docs/STATE.md. A bigint is written
 * as a 64-bit integer, every other number as an integer up to 32 bits or a double, so each comes back as what it was.
 */
import { Packr } from 'msgpackr';
import { type ErrorCode, messageOf, TandemError } from '../base/errors.ts';
import type { Force } from '../model/force.ts';
import type { Recipe } from '../model/recipe.ts';
import type { FileRecord, Kind, Stat } from '../model/update.ts';
import type { DatabaseId, Gvsn, Uid } from '../model/version.ts';
import type { VersionVector } from '../model/version-vector.ts';
import type { Counts, EventBody, SessionBody, StoredEvent } from './store.ts';

export const NOTHING = new Uint8Array(0);

const KINDS: readonly Stat['kind'][] = ['file', 'directory', 'symlink', 'other'];
const PRESENT = 1;
const NAME_CONFLICT = 2;
const PROVISIONAL = 4;

const packr = new Packr({ useRecords: false, int64AsType: 'bigint' });
/** Names the keys of like objects once in a value: half the time and half the bytes where there are many. Reads plain MessagePack too. */
const intentPackr = new Packr({ useRecords: true, mapsAsObjects: true, int64AsType: 'bigint' });

export type StatTuple = readonly [
  kind: number,
  ino: bigint,
  size: number,
  mtimeNs: bigint,
  ctimeNs: bigint,
  birthtimeNs: bigint,
  mode: number,
  nlink: number,
];

type RecordTuple = readonly [
  gvsn: Gvsn,
  parent: Uid,
  name: string,
  kind: number,
  flags: number,
  mergedInto: Uid | null,
  fence: number,
  clock: number,
  createTime: number,
  mode: number,
  mtimeNs: bigint,
  size: number,
  hash: string,
  target: string,
  ancestry: readonly Gvsn[],
  disk: StatTuple | null,
  contentSince?: Gvsn,
];

type SessionTuple = readonly [
  guid: string,
  connection: string,
  partner: string,
  partnerGuid: string,
  folder: string,
  folderGuid: string,
  inbound: boolean,
  state: SessionBody['state'],
  startTime: number,
  endTime: number | null,
  seenTime: number,
  updatesTransferred: number,
  bytesTransferred: number,
  conflicts: number,
  tombstones: number,
  queued: number,
  toCome: number,
  failure: readonly [code: ErrorCode, lost: boolean] | null,
  force: readonly [reason: Force['reason'], endTime: number, level: number] | null,
  note: string,
];

export function encode(value: unknown): Uint8Array {
  return packr.pack(value);
}

/** Rejects bytes that are not MessagePack with STORE_FAILED. The shape is that of what was written under the key. */
export function decode<T>(bytes: Uint8Array): T {
  return unpackWith(packr, bytes) as T;
}

/** An intent is a tree of plain objects, most of them alike. */
export function encodeIntent(body: unknown): Uint8Array {
  return intentPackr.pack(body);
}

/** Rejects as `decode` does. */
export function decodeIntent(bytes: Uint8Array): unknown {
  return unpackWith(intentPackr, bytes);
}

function unpackWith(codec: Packr, bytes: Uint8Array): unknown {
  try {
    return codec.unpack(bytes);
  } catch (error) {
    throw damaged(messageOf(error), error);
  }
}

/** What is in the database contradicts itself. */
export function damaged(detail: string, cause?: unknown): TandemError {
  const sentence = `The database is damaged (${detail}). Stop the daemon, move the database directory away and start again: it is rebuilt from the folders and the partners.`;
  return new TandemError('STORE_FAILED', sentence, {}, cause);
}

export function encodeRecord(record: FileRecord): Uint8Array {
  const flags =
    (record.present ? PRESENT : 0) | (record.nameConflict ? NAME_CONFLICT : 0) | (record.provisional ? PROVISIONAL : 0);
  const tuple: RecordTuple = [
    record.gvsn,
    record.parent,
    record.name,
    KINDS.indexOf(record.kind),
    flags,
    record.mergedInto,
    record.fence,
    record.clock,
    record.createTime,
    record.mode,
    record.mtimeNs,
    record.size,
    record.hash,
    record.target,
    record.ancestry,
    record.disk && statToTuple(record.disk),
  ];
  return encode(record.contentSince ? [...tuple, record.contentSince] : tuple);
}

export function decodeRecord(uid: Uid, bytes: Uint8Array): FileRecord {
  const tuple = decode<RecordTuple>(bytes);
  const flags = tuple[4];
  return {
    uid,
    gvsn: tuple[0],
    parent: tuple[1],
    name: tuple[2],
    kind: KINDS[tuple[3]] as Kind,
    present: (flags & PRESENT) !== 0,
    nameConflict: (flags & NAME_CONFLICT) !== 0,
    mergedInto: tuple[5],
    fence: tuple[6],
    clock: tuple[7],
    createTime: tuple[8],
    mode: tuple[9],
    mtimeNs: tuple[10],
    size: tuple[11],
    hash: tuple[12],
    target: tuple[13],
    ancestry: tuple[14],
    disk: tuple[15] && statFromTuple(tuple[15]),
    provisional: (flags & PROVISIONAL) !== 0,
    ...(tuple[16] ? { contentSince: tuple[16] } : {}),
  };
}

export function statToTuple(stat: Stat): StatTuple {
  const { ino, size, mtimeNs, ctimeNs, birthtimeNs, mode, nlink } = stat;
  return [KINDS.indexOf(stat.kind), ino, size, mtimeNs, ctimeNs, birthtimeNs, mode, nlink];
}

export function statFromTuple(tuple: StatTuple): Stat {
  const [kind, ino, size, mtimeNs, ctimeNs, birthtimeNs, mode, nlink] = tuple;
  return { kind: KINDS[kind]!, ino, size, mtimeNs, ctimeNs, birthtimeNs, mode, nlink };
}

export function encodeVector(vector: VersionVector): Uint8Array {
  return encode([...vector]);
}

export function decodeVector(bytes: Uint8Array): VersionVector {
  return new Map(decode<[DatabaseId, number[]][]>(bytes));
}

export function encodeCounts(counts: Counts): Uint8Array {
  return encode([counts.files, counts.directories, counts.symlinks, counts.bytes, counts.tombstones]);
}

export function decodeCounts(bytes: Uint8Array): Counts {
  const [files = 0, directories = 0, symlinks = 0, size = 0, tombstones = 0] = decode<number[]>(bytes);
  return { files, directories, symlinks, bytes: size, tombstones };
}

/** Two blobs of little-endian numbers: 32 bits a length, 64 bits a hash. */
export function encodeRecipe(recipe: Recipe): Uint8Array {
  return encode([bytesOf(recipe.lengths), bytesOf(recipe.hashes)]);
}

export function decodeRecipe(bytes: Uint8Array): Recipe {
  const [lengths, hashes] = decode<[Uint8Array, Uint8Array]>(bytes);
  return { lengths: new Uint32Array(aligned(lengths)), hashes: new BigUint64Array(aligned(hashes)) };
}

export function encodeEvent(event: EventBody): Uint8Array {
  return encode([event.time, event.number, event.name, event.severity, event.message, event.fields]);
}

export function decodeEvent(sequence: number, bytes: Uint8Array): StoredEvent {
  const [time, number, name, severity, message, fields] =
    decode<[number, number, string, EventBody['severity'], string, EventBody['fields']]>(bytes);
  return { sequence, time, number, name, severity, message, fields };
}

export function encodeSession(session: SessionBody): Uint8Array {
  const { partner, folder, failure, force } = session;
  const tuple: SessionTuple = [
    session.guid,
    session.connection,
    partner.name,
    partner.guid,
    folder.name,
    folder.guid,
    session.inbound,
    session.state,
    session.startTime,
    session.endTime,
    session.seenTime,
    session.updatesTransferred,
    session.bytesTransferred,
    session.conflicts,
    session.tombstones,
    session.queued,
    session.toCome,
    failure && [failure.code, failure.lost],
    force && [force.reason, force.endTime, force.level],
    session.note,
  ];
  return encode(tuple);
}

export function decodeSession(bytes: Uint8Array): SessionBody {
  const tuple = decode<SessionTuple>(bytes);
  const [failure, force] = [tuple[17], tuple[18]];
  return {
    guid: tuple[0],
    connection: tuple[1],
    partner: { name: tuple[2], guid: tuple[3] },
    folder: { name: tuple[4], guid: tuple[5] },
    inbound: tuple[6],
    state: tuple[7],
    startTime: tuple[8],
    endTime: tuple[9],
    seenTime: tuple[10],
    updatesTransferred: tuple[11],
    bytesTransferred: tuple[12],
    conflicts: tuple[13],
    tombstones: tuple[14],
    queued: tuple[15],
    toCome: tuple[16],
    failure: failure && { code: failure[0], lost: failure[1] },
    force: force && { reason: force[0], endTime: force[1], level: force[2] },
    note: tuple[19],
  };
}

function bytesOf(numbers: Uint32Array | BigUint64Array): Uint8Array {
  return new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);
}

/** A copy that begins where numbers may begin. */
function aligned(bytes: Uint8Array): ArrayBuffer {
  return new Uint8Array(bytes).buffer;
}
