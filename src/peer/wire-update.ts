/** Updates on the wire: batches that name each database once, and cancellations. */
import { LIMITS } from '../base/limits.ts';
import type { Kind, Update } from '../model/update.ts';
import { checkUpdate } from '../model/update-rules.ts';
import { type DatabaseId, vsnOf } from '../model/version.ts';
import type { CancelRequest, UpdatesAnswer, UpdatesRequest } from './link.ts';
import {
  countFromWire,
  createDatabaseTable,
  type DatabaseTable,
  databasesFromWire,
  digestFromWire,
  digestToWire,
  guidFromWire,
  listFromWire,
  textFromWire,
  textToWire,
  versionFromWire,
  violation,
} from './wire-parts.ts';
import { vectorFromWire, vectorToWire, type WireVector } from './wire-vector.ts';

export interface WireUpdatesRequest {
  readonly connection: string;
  readonly folder: string;
  readonly have: WireVector | null;
  readonly countOnly?: boolean;
}

export interface WireUpdatesAnswer {
  readonly vector?: WireVector | null;
  readonly updates?: number | null;
  readonly batch?: { readonly databases: Buffer; readonly updates: readonly WireUpdate[] } | null;
}

export interface WireUpdate {
  readonly uidDatabase: number;
  readonly uidNumber: number;
  readonly gvsnDatabase: number;
  readonly gvsnNumber: number;
  readonly parentDatabase: number;
  readonly parentNumber: number;
  readonly name: string;
  readonly kind: number;
  readonly present: boolean;
  readonly nameConflict: boolean;
  readonly mergedInto: readonly number[];
  readonly fence: number;
  readonly clock: number;
  readonly createTime: number;
  readonly mode: number;
  readonly mtimeSeconds: number;
  readonly mtimeNanos: number;
  readonly size: number;
  readonly hash: Buffer;
  readonly target: string;
  readonly ancestry: readonly number[];
}

export interface WireCancelRequest {
  readonly connection: string;
  readonly folder: string;
  readonly databases: Buffer;
  readonly cancellations: readonly WireCancellation[];
}

interface WireCancellation {
  readonly gvsnDatabase: number;
  readonly gvsnNumber: number;
  readonly reason: string;
}

const KIND_NUMBERS: Readonly<Record<Kind, number>> = { file: 1, directory: 2, symlink: 3 };
const KINDS: readonly (Kind | undefined)[] = [undefined, 'file', 'directory', 'symlink'];
/** Databases that the updates of one batch can name at most: UID, GVSN, parent, merged into and the ancestry of each. */
const BATCH_DATABASES = LIMITS.updatesPerBatch * (4 + LIMITS.ancestryEntries);
/** About what an update takes on the wire beside its texts and its ancestry. */
const UPDATE_BASE_BYTES = 96;
const ANCESTOR_BYTES = 9;
const BILLION = 1_000_000_000n;
const NO_BYTES = Buffer.alloc(0);

export function updatesRequestToWire(request: UpdatesRequest): WireUpdatesRequest {
  const { connection, folder, have, countOnly = false } = request;
  return { connection, folder, have: vectorToWire(have), countOnly };
}

export function updatesRequestFromWire(wire: WireUpdatesRequest): UpdatesRequest {
  return {
    connection: guidFromWire(wire.connection, 'connection'),
    folder: guidFromWire(wire.folder, 'folder'),
    have: vectorFromWire(wire.have, 'have'),
    ...(wire.countOnly ? { countOnly: true } : {}),
  };
}

/** Cuts an answer into parts that keep to `LIMITS.updatesPerBatch` and, but for a single update, `LIMITS.updateBatchBytes`. */
export function splitUpdates(answer: UpdatesAnswer): readonly UpdatesAnswer[] {
  if (answer.kind === 'vector') return [answer];
  const parts: UpdatesAnswer[] = [];
  let start = 0;
  let bytes = 0;
  const { updates } = answer;
  for (let i = 0; i < updates.length; i++) {
    const { name, target, ancestry } = updates[i]!;
    const size = UPDATE_BASE_BYTES + 3 * (name.length + target.length) + ANCESTOR_BYTES * ancestry.length;
    if (i > start && (i - start === LIMITS.updatesPerBatch || bytes + size > LIMITS.updateBatchBytes)) {
      parts.push({ kind: 'updates', updates: updates.slice(start, i) });
      start = i;
      bytes = 0;
    }
    bytes += size;
  }
  if (start === 0) return [answer];
  parts.push({ kind: 'updates', updates: updates.slice(start) });
  return parts;
}

export function updatesAnswerToWire(answer: UpdatesAnswer): WireUpdatesAnswer {
  if (answer.kind === 'vector') {
    const { vector, updates } = answer;
    return { vector: vectorToWire(vector), ...(updates === null ? {} : { updates }) };
  }
  const table = createDatabaseTable();
  const updates = answer.updates.map(update => updateToWire(update, table));
  return { batch: { databases: table.toWire(), updates } };
}

export function updatesAnswerFromWire(wire: WireUpdatesAnswer): UpdatesAnswer {
  if (wire.vector) {
    const told = wire.updates ?? null;
    const updates = told === null ? null : countFromWire(told, 'updates');
    return { kind: 'vector', vector: vectorFromWire(wire.vector, 'vector'), updates };
  }
  if (!wire.batch) throw violation('answer', 'is missing or unknown');
  const databases = databasesFromWire(wire.batch.databases, 'batch.databases', BATCH_DATABASES);
  const list = listFromWire(wire.batch.updates, 'batch.updates', LIMITS.updatesPerBatch);
  return { kind: 'updates', updates: list.map(update => updateFromWire(update, databases)) };
}

export function updateToWire(update: Update, table: DatabaseTable): WireUpdate {
  const { uid, gvsn, parent } = update;
  // Divided as integers that round down, so that the nanoseconds are never below zero.
  let mtimeSeconds = update.mtimeNs / BILLION;
  let mtimeNanos = Number(update.mtimeNs - mtimeSeconds * BILLION);
  if (mtimeNanos < 0) {
    mtimeSeconds -= 1n;
    mtimeNanos += 1e9;
  }
  return {
    uidDatabase: table.indexOf(uid),
    uidNumber: vsnOf(uid),
    gvsnDatabase: table.indexOf(gvsn),
    gvsnNumber: vsnOf(gvsn),
    parentDatabase: table.indexOf(parent),
    parentNumber: vsnOf(parent),
    name: update.name,
    kind: KIND_NUMBERS[update.kind],
    present: update.present,
    nameConflict: update.nameConflict,
    mergedInto: update.mergedInto === null ? [] : [table.indexOf(update.mergedInto), vsnOf(update.mergedInto)],
    fence: update.fence,
    clock: update.clock,
    createTime: update.createTime,
    mode: update.mode,
    mtimeSeconds: Number(mtimeSeconds),
    mtimeNanos,
    size: update.size,
    hash: update.hash === '' ? NO_BYTES : digestToWire(update.hash),
    target: update.target,
    ancestry: update.ancestry.flatMap(version => [table.indexOf(version), vsnOf(version)]),
  };
}

export function updateFromWire(wire: WireUpdate, databases: readonly DatabaseId[]): Update {
  const { hash, mergedInto, mtimeSeconds, mtimeNanos } = wire;
  const kind = KINDS[wire.kind];
  if (kind === undefined) throw violation('updates.kind', `is ${wire.kind}, which is unknown`);
  if (mergedInto.length !== 0 && mergedInto.length !== 2) {
    throw violation('updates.merged_into', 'is not one database and one number');
  }
  if (!Number.isSafeInteger(mtimeSeconds) || mtimeNanos >= 1e9) throw violation('updates.mtime', 'is out of range');
  const update: Update = {
    uid: versionFromWire(databases, wire.uidDatabase, wire.uidNumber, 'updates.uid'),
    gvsn: versionFromWire(databases, wire.gvsnDatabase, wire.gvsnNumber, 'updates.gvsn'),
    parent: versionFromWire(databases, wire.parentDatabase, wire.parentNumber, 'updates.parent'),
    name: wire.name,
    kind,
    present: wire.present,
    nameConflict: wire.nameConflict,
    mergedInto:
      mergedInto.length === 0
        ? null
        : versionFromWire(databases, mergedInto[0]!, mergedInto[1]!, 'updates.merged_into'),
    fence: wire.fence,
    clock: wire.clock,
    createTime: wire.createTime,
    mode: wire.mode,
    mtimeNs: BigInt(mtimeSeconds) * BILLION + BigInt(mtimeNanos),
    size: wire.size,
    hash: hash.length === 0 ? '' : digestFromWire(hash, 'updates.hash'),
    target: wire.target,
    ancestry: ancestryFromWire(wire.ancestry, databases),
  };
  const problem = checkUpdate(update);
  if (problem !== null) throw violation('updates', `holds what no update may be: ${problem}`);
  return update;
}

export function cancelRequestToWire(request: CancelRequest): WireCancelRequest {
  const table = createDatabaseTable();
  const cancellations = request.updates.map(({ gvsn, reason }) => ({
    gvsnDatabase: table.indexOf(gvsn),
    gvsnNumber: vsnOf(gvsn),
    reason: textToWire(reason),
  }));
  return { connection: request.connection, folder: request.folder, databases: table.toWire(), cancellations };
}

export function cancelRequestFromWire(wire: WireCancelRequest): CancelRequest {
  const databases = databasesFromWire(wire.databases, 'databases', LIMITS.updatesPerBatch);
  const list = listFromWire(wire.cancellations, 'cancellations', LIMITS.updatesPerBatch);
  return {
    connection: guidFromWire(wire.connection, 'connection'),
    folder: guidFromWire(wire.folder, 'folder'),
    updates: list.map(({ gvsnDatabase, gvsnNumber, reason }) => ({
      gvsn: versionFromWire(databases, gvsnDatabase, gvsnNumber, 'cancellations.gvsn'),
      reason: textFromWire(reason, 'cancellations.reason'),
    })),
  };
}

function ancestryFromWire(wire: readonly number[], databases: readonly DatabaseId[]): string[] {
  if (wire.length % 2 !== 0 || wire.length > 2 * LIMITS.ancestryEntries) {
    throw violation('updates.ancestry', `is not up to ${LIMITS.ancestryEntries} pairs of a database and a number`);
  }
  const ancestry: string[] = [];
  for (let i = 0; i < wire.length; i += 2) {
    ancestry.push(versionFromWire(databases, wire[i]!, wire[i + 1]!, 'updates.ancestry'));
  }
  return ancestry;
}
