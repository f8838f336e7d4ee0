/**
 * Carries out what a pair within this member is at: first the transition that was ordered, then a copy. What is found after a
 * restart is begun again; every step can be.
 */
import { Bell } from '../base/bell.ts';
import type { Clock } from '../base/clock.ts';
import { messageOf, TandemError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { BlockFiles } from '../block/block-files.ts';
import { copyDevice } from '../block/device-copy.ts';
import type { Volume } from '../block/volume.ts';
import type { Association } from '../model/association.ts';
import { dutiesOf } from '../model/association-duties.ts';
import { stepAssociation } from '../model/association-step.ts';
import type { ElementSide } from '../model/replica-operations.ts';
import { dropSnapshot as dropPoint, isPointNeeded } from './clone-point.ts';
import { copyPacing } from './copy-pacing.ts';
import type { Elements } from './elements.ts';
import type { Pair, PairExtras } from './pair.ts';
import type { SnapshotMoment } from './snapshot-moment.ts';

export interface LocalPairTools {
  readonly elements: Elements;
  /** Of pairs whose snapshot is to be of the same moment as others’, by id. */
  readonly moments: Map<string, SnapshotMoment>;
  /** As `holdAtBoundary`. */
  readonly hold: (volume: Volume, work: () => Promise<void>) => Promise<void>;
  readonly files: BlockFiles;
  readonly uuid: () => string;
  readonly clock: Clock;
  readonly log: Log;
}

/** Until the signal, or the pair is removed. */
export async function driveLocalPair(pair: Pair, tools: LocalPairTools, signal: AbortSignal): Promise<void> {
  const bell = new Bell();
  const stop = pair.onChange(() => bell.ring());
  try {
    while (!signal.aborted && !pair.removed) {
      const { copyState, work, holdAt } = pair.record;
      if (copyState === 'Initialized' && work === null) await initialize(pair, tools);
      else if (work?.phase === 'transition') await carryOut(pair, tools, signal);
      else if (work?.phase === 'copy') await copyUntilChanged(pair, tools, signal);
      else {
        await forgetMoment(pair, tools);
        await bell.heard(signal);
      }
      if (copyState === 'Initialized' && holdAt === 'Initialized' && pair.record.work === null)
        await bell.heard(signal);
    }
  } finally {
    stop();
  }
}

async function initialize(pair: Pair, tools: LocalPairTools): Promise<void> {
  const { syncType, holdAt } = pair.record;
  try {
    if (syncType === 'Snapshot' && holdAt === null) await freshSnapshot(pair, tools);
    await pair.step({ type: 'initialized' });
    tools.elements.refresh(pair.record.target.name);
  } catch (error) {
    await fail(pair, tools, error);
  }
}

/** Clients that lose the right to write are sent away before anything is decided. */
async function carryOut(pair: Pair, tools: LocalPairTools, signal: AbortSignal): Promise<void> {
  const { record } = pair;
  const operation = record.work!.operation!;
  const after = stepAssociation(record, { type: 'transition-committed', sourceAhead: false }, tools.clock.now());
  const losing = losersOf(record, after === 'removed' ? null : after);
  try {
    for (const side of losing) {
      pair.restrict(side, 'read-only');
      await tools.elements.settle(record[side].name);
    }
    const extras =
      record.syncType === 'Snapshot'
        ? await changeSnapshot(pair, tools, signal)
        : await changeClone(pair, tools, signal);
    await pair.step({ type: 'transition-committed', sourceAhead: false }, extras);
    tools.log.debug({ pair: pair.id, operation }, 'an operation on a replica is done');
  } catch (error) {
    tools.moments.get(pair.id)?.leave(pair.id, error);
    if (signal.aborted) return;
    await fail(pair, tools, error);
    await breakWithoutSnapshot(pair, tools, error);
    await pair.step({ type: 'transition-aborted' });
  } finally {
    tools.moments.delete(pair.id);
    for (const side of losing) pair.restrict(side, null);
    for (const side of ['source', 'target'] as const) await tools.elements.settle(record[side].name);
  }
}

function losersOf(record: Association, after: Association | null): readonly ElementSide[] {
  if (after === null) return [];
  const [now, then] = [dutiesOf(record), dutiesOf(after)];
  return (['source', 'target'] as const).filter(side => now[side] === 'read-write' && then[side] !== 'read-write');
}

async function changeSnapshot(pair: Pair, tools: LocalPairTools, signal: AbortSignal): Promise<PairExtras> {
  const { record, kept } = pair;
  const { elements } = tools;
  const volume = elements.volume(record.source.name);
  switch (record.work!.operation) {
    case 'Activate':
    case 'Resync Replica':
      await dropSnapshot(pair, tools);
      await freshSnapshot(pair, tools, signal);
      return {};
    case 'Restore from Replica':
      await elements.sendAway(record.source.name);
      await volume.rollback(kept.snapshot!);
      return {};
    case 'Detach':
    case 'Dissolve':
      await release(pair, volume, tools, signal);
      return {};
    default:
      await dropSnapshot(pair, tools);
      return { snapshot: null };
  }
}

/** Shows the source as it is now. Its name is durable before it is there. */
async function freshSnapshot(pair: Pair, tools: LocalPairTools, signal?: AbortSignal): Promise<void> {
  const { elements, moments, hold, uuid, clock } = tools;
  const { record } = pair;
  const volume = elements.volume(record.source.name);
  const there = pair.kept.snapshot;
  if (there !== null && volume.snapshot(there) !== undefined) return;
  const fresh = there ?? uuid();
  if (there === null) await pair.note({ snapshot: fresh });
  const wanted = { uuid: fresh, writable: record.writableTarget };
  const moment = moments.get(pair.id);
  const take = async (takenMs: number): Promise<void> => void (await volume.takeSnapshot({ ...wanted, takenMs }));
  if (moment !== undefined && signal !== undefined) await moment.take(pair.id, volume, take, signal);
  else await hold(volume, () => take(clock.now()));
}

async function dropSnapshot(pair: Pair, { elements }: LocalPairTools): Promise<void> {
  const { record, kept } = pair;
  if (kept.snapshot === null) return;
  await elements.withdraw(record.target.name);
  const volume = elements.volume(record.source.name);
  if (volume.snapshot(kept.snapshot) !== undefined) await volume.deleteSnapshot(kept.snapshot);
  await pair.note({ snapshot: null });
}

/** The snapshot becomes a volume of its own under the target's name. */
async function release(pair: Pair, volume: Volume, { elements }: LocalPairTools, signal: AbortSignal): Promise<void> {
  const { record, kept } = pair;
  const { name } = record.target;
  await elements.withdraw(name);
  if (kept.snapshot !== null && volume.snapshot(kept.snapshot) !== undefined) {
    const totalBytes = volume.size;
    await volume.releaseSnapshot(kept.snapshot, {
      directory: elements.directoryFor(name),
      signal,
      progress: done => report(pair, totalBytes - done, totalBytes),
    });
  }
  await elements.takeIn(name);
}

async function changeClone(pair: Pair, tools: LocalPairTools, signal: AbortSignal): Promise<PairExtras> {
  const extras = await endCopy(pair, tools);
  // A clone that goes alone takes its moment when the copy begins.
  if (!tools.moments.has(pair.id)) return extras;
  await pair.note(extras);
  await freshSnapshot(pair, tools, signal);
  return {};
}

/** A copy that is not gone on with gives the snapshot back that it was made from. */
async function endCopy(pair: Pair, tools: LocalPairTools): Promise<PairExtras> {
  const { record, kept } = pair;
  const goesOn = record.work!.operation === 'Suspend' || record.work!.operation === 'Resume';
  if (kept.snapshot === null || goesOn) return {};
  const volume = tools.elements.volume(record.source.name);
  if (volume.snapshot(kept.snapshot) !== undefined) await volume.deleteSnapshot(kept.snapshot);
  return { snapshot: null };
}

/** The source keeps nothing for a copy that is not gone on with. */
async function forgetMoment(pair: Pair, { elements }: LocalPairTools): Promise<void> {
  const { record, kept } = pair;
  if (record.syncType !== 'Clone' || kept.snapshot === null || isPointNeeded(record)) return;
  await dropPoint(pair, elements.volume(record.source.name));
}

/** Ends when the copy does, or something else was ordered. */
async function copyUntilChanged(pair: Pair, tools: LocalPairTools, signal: AbortSignal): Promise<void> {
  const { work } = pair.record;
  const end = new AbortController();
  const onAbort = (): void => end.abort();
  signal.addEventListener('abort', onAbort, { once: true });
  const stop = pair.onChange(() => {
    const now = pair.record.work;
    if (pair.removed || now?.phase !== 'copy' || now.into !== work!.into) end.abort();
  });
  try {
    await (work!.into === 'source' ? copyBack(pair, tools, end.signal) : copyOver(pair, tools, end.signal));
  } catch (error) {
    if (!end.signal.aborted) await fail(pair, tools, error);
  } finally {
    stop();
    signal.removeEventListener('abort', onAbort);
  }
}

/** From a snapshot, so that the source can be written meanwhile. */
async function copyOver(pair: Pair, tools: LocalPairTools, signal: AbortSignal): Promise<void> {
  const { elements, files } = tools;
  const { source, target } = pair.record;
  const [from, to] = [elements.volume(source.name), elements.volume(target.name)];
  await freshSnapshot(pair, tools);
  const snapshot = from.snapshot(pair.kept.snapshot!);
  if (snapshot === undefined) throw new TandemError('BLOCK_IO', `the snapshot of ${from.title} to copy from is gone`);
  await pair.step({ type: 'copy-started' });
  await copyDevice({
    files,
    directory: to.directory,
    sourceName: pair.kept.snapshot!,
    from: snapshot,
    to,
    signal,
    pace: copyPacing(
      () => pair.record.copyPriority,
      () => elements.load(source.name),
      tools.clock,
      signal,
    ),
    progress: done => report(pair, from.size - done, from.size),
  });
  if (signal.aborted) return;
  await from.deleteSnapshot(pair.kept.snapshot!);
  await pair.step({ type: 'copy-finished' }, { snapshot: null });
  await elements.settle(target.name);
}

/** Nobody writes to either of them meanwhile. */
async function copyBack(pair: Pair, { elements, files, clock }: LocalPairTools, signal: AbortSignal): Promise<void> {
  const { source, target, revision } = pair.record;
  const [from, to] = [elements.volume(target.name), elements.volume(source.name)];
  await Promise.all([elements.settle(source.name), elements.settle(target.name)]);
  await pair.step({ type: 'copy-started' });
  await copyDevice({
    files,
    directory: to.directory,
    sourceName: `${from.uuid} ${revision}`,
    from,
    to,
    signal,
    pace: copyPacing(
      () => pair.record.copyPriority,
      () => elements.load(target.name),
      clock,
      signal,
    ),
    progress: done => report(pair, from.size - done, from.size),
  });
  if (signal.aborted) return;
  await pair.step({ type: 'copy-finished' });
  await Promise.all([elements.settle(source.name), elements.settle(target.name)]);
}

function report(pair: Pair, dirtyBytes: number, totalBytes: number): void {
  pair.progress = { dirtyBytes, totalBytes, paused: false, lagBytes: 0, lagMs: 0 };
  pair.touch();
}

/** What was there has been dropped for one that could not be taken. */
async function breakWithoutSnapshot(pair: Pair, { elements }: LocalPairTools, error: unknown): Promise<void> {
  const { record, kept } = pair;
  if (record.syncType !== 'Snapshot') return;
  if (kept.snapshot !== null && elements.volume(record.source.name).snapshot(kept.snapshot) !== undefined) return;
  await pair.step(isFull(error) ? { type: 'space-exhausted' } : { type: 'element-failed', element: 'target' });
}

function isFull(error: unknown): boolean {
  return error instanceof TandemError && error.code === 'BLOCK_FULL';
}

/** The pair is Broken by what failed; an operation says so too. */
async function fail(pair: Pair, { log }: LocalPairTools, error: unknown): Promise<void> {
  log.warn({ pair: pair.id, error }, 'a replica could not be brought further');
  pair.trouble = messageOf(error);
  await pair.step({ type: 'copy-failed', cause: isFull(error) ? 'space' : 'target' });
}
