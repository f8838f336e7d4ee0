/** Operations on a replicated folder as a pair of storage elements, carried out on the member that receives. [volumes.md §3.2] */
import { Bell } from '../base/bell.ts';
import { TandemError } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import { FENCE_MODES } from '../model/fence.ts';
import {
  type FolderPairState,
  freshPairState,
  standsStill,
  stepPairState,
  type VersionMark,
} from '../model/folder-pair.ts';
import type { Arrow } from '../model/replica-operations.ts';
import type { ReplicaOperation } from '../model/replica-values.ts';
import { countVersions, subtractVectors } from '../model/version-vector.ts';
import { assertFenceable, planFence } from './fencing.ts';
import type { Folder } from './folder.ts';
import { type FolderCore, type HaltReason, servesAsSource } from './folder-core.ts';
import type { InboundConnection } from './inbound-connection.ts';
import type { InboundSession } from './inbound-session.ts';
import type { Member } from './member.ts';
import type { PairKey, PairOrders } from './pair-orders.ts';
import { beginYielding, endYielding } from './yielding.ts';

export interface Pair {
  readonly connection: InboundConnection;
  readonly session: InboundSession;
}

export interface PairOrder {
  readonly operation: ReplicaOperation;
  /** Of the table, out of the state in which it was judged. */
  readonly arrow: Pick<Arrow, 'now' | 'arrival'>;
}

export function keyOfPair({ connection, session }: Pair): PairKey {
  return { connection: connection.parts.guid, folder: session.guid };
}

/** Resolves when it is committed, durably; what it copies goes on from there. Rejects with REFUSED where it cannot be now. */
export async function carryOut(member: Member, pair: Pair, order: PairOrder, signal: AbortSignal): Promise<void> {
  const { orders } = member;
  const { operation, arrow } = order;
  const { core } = pair.session.folder;
  const key = keyOfPair(pair);
  const next = () =>
    stepPairState(orders.state(key), operation, arrow, { now: core.clock.now(), made: madeHere(core) });
  if (operation === 'Split') assertInStep(pair);
  if (operation === 'Resync Replica') await prepareResync(pair, orders.state(key), signal);
  if (operation === 'Restore from Replica') await prepareRestore(member, pair, signal);
  // Before anything of it is durable nothing new comes in, and afterwards nothing can have come in between.
  const release = orders.hold(key, next());
  try {
    await drain(pair, signal);
    const { parted } = orders.state(key);
    const replicates = core.active && core.memory.phase === 'normal';
    if (operation === 'Resync Replica' && parted !== null && replicates)
      await beginYielding(core, key.connection, parted);
    if (operation === 'Restore from Replica' && replicates) await fenceAll(pair, signal);
    await core.line.run(async () => {
      if (arrow.now === 'removed' && yieldsTo(core, key)) await endYielding(core);
      await orders.change(key, next());
    });
  } finally {
    release();
  }
}

function yieldsTo(core: FolderCore, { connection }: PairKey): boolean {
  return core.memory.yielding?.connection === connection;
}

/** The partner's state is to win: a folder that stands still for a decision is decided so. */
async function prepareResync(
  { connection, session }: Pair,
  { parted }: FolderPairState,
  signal: AbortSignal,
): Promise<void> {
  const { folder } = session;
  const { partner } = connection.parts;
  if (parted !== null && connection.welcome?.capabilities.includes('record-comparison') === false) {
    const sentence = `${partner.name} cannot compare records, so it cannot be told what only this member has: update it`;
    throw new TandemError('REFUSED', sentence);
  }
  await decide(folder, 'refuse');
  // What users did and no scan has seen was done before the order, too.
  if (parted !== null && folder.core.active) await seeAll(folder, signal);
}

/** This member's state is to win. */
async function prepareRestore({ parts }: Member, { connection, session }: Pair, signal: AbortSignal): Promise<void> {
  const { folder } = session;
  const { partner } = connection.parts;
  const refuse = (why: string): never => {
    throw new TandemError('REFUSED', why);
  };
  const gives = parts.group.connections.some(
    ({ enabled, from, to }) => enabled && from === parts.name && to === partner.name,
  );
  if (!gives)
    refuse(`no enabled connection leads from ${parts.name} to ${partner.name}: nothing can be restored there`);
  await decide(folder, 'accept');
  if (folder.core.memory.phase !== 'normal') return;
  assertFenceable(folder.core);
  await seeAll(folder, signal);
}

/** A scan that is kept from its end by the disk must not keep the member from stopping. */
async function seeAll({ core, scanner }: Folder, signal: AbortSignal): Promise<void> {
  const stopped = new Bell();
  void scanner.full().then(
    () => stopped.ring(),
    () => stopped.ring(),
  );
  await stopped.heard(signal);
  if (signal.aborted) throw new TandemError('CANCELLED', `member ${core.member.name} stops`);
}

async function decide(folder: Folder, decision: 'accept' | 'refuse'): Promise<void> {
  const { halt } = folder.core.memory;
  if (!halt) return;
  // Whoever was away for too long has nothing that could win.
  const isOld = halt.reason === 'away-too-long' && decision === 'accept';
  if (isOld || !DECIDABLE.has(halt.reason)) throw new TandemError('REFUSED', `the folder is halted: ${halt.sentence}`);
  await folder.release(decision);
}

/** Halts that ask whose state is to win; all others have a cause that must be seen to first. */
const DECIDABLE: ReadonlySet<HaltReason> = new Set(['root-emptied', 'mass-deletion', 'mass-change', 'away-too-long']);

/** All that is here wins over what others have of the same files. */
async function fenceAll({ session }: Pair, signal: AbortSignal): Promise<void> {
  const { core, fencing } = session.folder;
  const scope = { top: core.root, recursive: true, mode: FENCE_MODES.fence };
  await fencing.begin(scope, await planFence(core, scope));
  if ((await fencing.ended(signal)) !== null) return;
  const sentence = `fencing folder ${core.config.name} was interrupted; it goes on when the folder does. Give the order again then`;
  throw new TandemError('CANCELLED', sentence);
}

/** A detached pair is one again, as if it had just been configured. */
export async function attach(orders: PairOrders, pair: Pair): Promise<void> {
  await orders.change(keyOfPair(pair), freshPairState(pair.session.folder.core.clock.now()));
}

/** What this member has made of the folder until now. */
export function madeHere(core: FolderCore): VersionMark {
  const { database } = core.members;
  return { database, vsn: core.highestClaimed(database) };
}

/** Updates that the partner holds and this member lacks, by what it said last; null: it has not said. */
export function missingUpdates({ session }: Pair): number | null {
  const { latest, folder } = session;
  if (!latest || !servesAsSource(latest.state)) return null;
  return countVersions(subtractVectors(latest.vector, folder.core.store.vector));
}

/** Waits until everything that was on its way over the connection is in the folder, or left. */
async function drain({ connection, session }: Pair, signal: AbortSignal): Promise<void> {
  const { core, flow } = session.folder;
  const { guid } = connection.parts;
  for (;;) {
    flow.withdraw(guid);
    const left = core.pending.list().some(({ round }) => round.connection === guid);
    if (!left && session.running.length === 0) return;
    if (signal.aborted) throw new TandemError('CANCELLED', `member ${core.member.name} stops`);
    await core.clock.sleep(LIMITS.orderLookMs, signal).catch(() => {});
  }
}

/** What is split is whole: of a pair in step nothing may be on its way. One that stands still holds what it held then. */
function assertInStep(pair: Pair): void {
  const { connection, session } = pair;
  const { orders, partner } = connection.parts;
  if (standsStill(orders.state(keyOfPair(pair))) || missingUpdates(pair) === 0) return;
  const sentence = `changes of ${partner.name} came in between, and folder ${session.folder.core.config.name} is not in step with it: give the order again, or fracture the pair`;
  throw new TandemError('REFUSED', sentence);
}

/** The partner holds all that was made here up to the mark, by what it said last. */
export function hasAllUpTo({ session }: Pair, { database, vsn }: VersionMark): boolean {
  const { latest, folder } = session;
  if (!latest || !servesAsSource(latest.state)) return false;
  const [low] = subtractVectors(folder.core.store.vector, latest.vector).get(database) ?? [];
  return low === undefined || low >= vsn;
}
