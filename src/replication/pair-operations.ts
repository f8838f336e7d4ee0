/** Operations on a replicated folder as a pair of storage elements, carried out on the member that receives. [volumes.md §3.2] */
import { TandemError } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import { freshPairState, standsStill, stepPairState, type VersionMark } from '../model/folder-pair.ts';
import type { Arrow } from '../model/replica-operations.ts';
import type { ReplicaOperation } from '../model/replica-values.ts';
import { countVersions, subtractVectors } from '../model/version-vector.ts';
import type { FolderCore } from './folder-core.ts';
import { servesAsSource } from './folder-core.ts';
import type { InboundConnection } from './inbound-connection.ts';
import type { InboundSession } from './inbound-session.ts';
import type { PairKey, PairOrders } from './pair-orders.ts';

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
export async function carryOut(orders: PairOrders, pair: Pair, order: PairOrder, signal: AbortSignal): Promise<void> {
  if (order.operation === 'Split') assertInStep(pair);
  const { core } = pair.session.folder;
  const key = keyOfPair(pair);
  const next = () => {
    const facts = { now: core.clock.now(), made: madeHere(core) };
    return stepPairState(orders.state(key), order.operation, order.arrow, facts);
  };
  // Before anything of it is durable nothing new comes in, and afterwards nothing can have come in between.
  const release = orders.hold(key, next());
  try {
    await drain(pair, signal);
    await core.line.run(() => orders.change(key, next()));
  } finally {
    release();
  }
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
