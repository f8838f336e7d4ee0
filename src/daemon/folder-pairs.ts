/**
 * Replicated folders as storage elements: each folder of each inbound connection is an association, whose source is the
 * partner's folder and whose target is the one here. Orders are this member's alone: nobody else has to hear of them.
 */
import { TandemError } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import { TaskLine } from '../base/task-line.ts';
import type { Association } from '../model/association.ts';
import type { ProgressFacts } from '../model/association-record.ts';
import {
  conditionOfFolder,
  type FolderCondition,
  type FolderPairFacts,
  folderAssociation,
  folderReadOnly,
} from '../model/folder-association.ts';
import { type FolderPairState, isChangedSince, settledPair } from '../model/folder-pair.ts';
import type { ElementFacts } from '../model/operation-order.ts';
import type { Arrow } from '../model/replica-operations.ts';
import type { ReplicaOperation } from '../model/replica-values.ts';
import { isInFirstSync } from '../replication/first-sync.ts';
import { servesAsSource } from '../replication/folder-core.ts';
import type { Member } from '../replication/member.ts';
import { attach, carryOut, hasAllUpTo, keyOfPair, madeHere, type Pair } from '../replication/pair-operations.ts';
import { pairId } from '../replication/pair-orders.ts';
import { backlogFrom } from './backlog-summary.ts';

export interface ListedPair {
  readonly association: Association;
  readonly facts: ElementFacts;
  readonly progress: ProgressFacts;
}

export interface DetachedPair {
  readonly id: string;
  /** Names of the partner and of the folder. */
  readonly partner: string;
  readonly folder: string;
}

export interface FolderPairs {
  /** As they are at this moment; without those that were detached. */
  list(): readonly ListedPair[];
  detached(): readonly DetachedPair[];
  /**
   * Carries out what was judged; resolves when it is committed. REFUSED where it cannot be done now, NOT_FOUND if there is no
   * such pair, CANCELLED when the member stops.
   */
  perform(
    id: string,
    operation: ReplicaOperation,
    arrow: Arrow,
    options: { readonly force: boolean; readonly signal?: AbortSignal },
  ): Promise<void>;
  /** Takes a detached pair up again. NOT_FOUND if there is none of this id. */
  attach(id: string): Promise<void>;
}

/** `member`: the one that runs now; another one after group.yaml was read again. */
export function createFolderPairs({ member }: { readonly member: () => Member }): FolderPairs {
  const lines = new Map<string, TaskLine>();
  /** Orders on one pair are carried out one after the other. */
  const busy = new Map<string, ReplicaOperation>();

  function pairs(): { readonly id: string; readonly pair: Pair; readonly state: FolderPairState }[] {
    const { inbound, orders } = member();
    return inbound.flatMap(connection =>
      connection.sessions.map(session => {
        const pair = { connection, session };
        const key = keyOfPair(pair);
        return { id: pairId(key), pair, state: orders.state(key) };
      }),
    );
  }

  function inLine<T>(id: string, task: () => Promise<T>): Promise<T> {
    const line = lines.get(id) ?? new TaskLine();
    lines.set(id, line);
    return line.run(task);
  }

  return {
    list: () =>
      pairs()
        .filter(({ state }) => !state.detached)
        .map(({ id, pair, state: before }) => {
          const state = settledState(pair, before);
          const running = member();
          if (state !== before)
            void inLine(id, async () => void (member() === running && (await settle(running, pair))));
          return listed(running, id, pair, { state, underWay: busy.get(id) ?? null });
        }),

    detached: () =>
      pairs()
        .filter(({ state }) => state.detached)
        .map(({ id, pair: { connection, session } }) => ({
          id,
          partner: connection.parts.partner.name,
          folder: session.folder.core.config.name,
        })),

    perform: (id, operation, arrow, { signal }) =>
      inLine(id, async () => {
        const found = pairs().find(each => each.id === id && !each.state.detached);
        if (!found) throw notFound(id);
        const running = member();
        busy.set(id, operation);
        try {
          const order = { operation, arrow };
          const both = (until: AbortSignal) => carryOut(running, found.pair, order, until);
          await running.beside(signal ?? new AbortController().signal, both);
        } finally {
          busy.delete(id);
        }
      }),

    attach: id =>
      inLine(id, async () => {
        const found = pairs().find(each => each.id === id && each.state.detached);
        if (!found) throw notFound(id);
        await attach(member().orders, found.pair);
      }),
  };
}

function settledState(pair: Pair, state: FolderPairState): FolderPairState {
  const restored = state.restoring === null || hasAllUpTo(pair, state.restoring);
  const { copyState } = conditionOfFolder(factsOf(pair, restored ? { ...state, restoring: null } : state));
  return settledPair(state, { copyState, restored });
}

/** Kept, so that what has arrived once is not wanted again. */
async function settle({ orders, parts }: Member, pair: Pair): Promise<void> {
  const key = keyOfPair(pair);
  const before = orders.state(key);
  const after = settledState(pair, before);
  if (after !== before) await orders.change(key, after).catch(parts.fail);
}

function notFound(id: string): TandemError {
  return new TandemError('NOT_FOUND', `there is no replicated folder with the association “${id}” here`);
}

interface Standing {
  readonly state: FolderPairState;
  readonly underWay: ReplicaOperation | null;
}

function listed(member: Member, id: string, pair: Pair, { state, underWay }: Standing): ListedPair {
  const { connection, session } = pair;
  const { core } = session.folder;
  const { partner } = connection.parts;
  const facts = factsOf(pair, state);
  const condition = conditionOfFolder(facts);
  const association = associationOf(member, { id, pair, state, condition });
  const backlog = heard(pair) ? backlogFrom(session.folder, partner.name, session.latest!.vector) : null;
  const { readOnly } = core.config;
  return {
    association,
    facts: {
      peerReachable: true,
      // Users of folders have no connection that could be seen; whatever they write is preserved.
      writers: { source: false, target: false },
      sourceAhead: facts.backlogUpdates !== 0,
      heldBy: underWay,
      targetHasDependents: false,
    },
    progress: {
      // Of versions that nobody has told of yet the size is not known.
      dirtyBytes: condition.copyState === 'Synchronized' ? 0 : (backlog?.bytes ?? null),
      totalBytes: Math.max(core.store.counts.bytes, backlog?.bytes ?? 0),
      paused: condition.paused,
      readOnly: folderReadOnly({ source: readOnly.includes(partner.name), target: core.readOnly }),
    },
  };
}

interface Subject {
  readonly id: string;
  readonly pair: Pair;
  readonly state: FolderPairState;
  readonly condition: FolderCondition;
}

function associationOf(member: Member, { id, pair, state, condition }: Subject): Association {
  const { connection, session } = pair;
  const { name } = session.folder.core.config;
  const inStep = lastInStep(member, pair);
  const { requestedCopyState, lastInto, when } = state;
  const source = { member: connection.parts.partner.name, name };
  const target = { member: member.parts.name, name };
  const times = { ...when, synchronized: inStep, pointInTime: inStep };
  return folderAssociation({ id, source, target, requestedCopyState, lastInto, when: times }, condition);
}

function factsOf(pair: Pair, state: FolderPairState): FolderPairFacts {
  const { connection, session } = pair;
  const { core } = session.folder;
  const { clock } = core;
  const { failure, window, parts } = connection;
  return {
    ordered: state.ordered,
    changedSince: isChangedSince(state, madeHere(core)),
    enabled: parts.enabled,
    connection: connection.state,
    scheduleOpen: window.isScheduled(session.guid),
    briefly: failure === null || clock.now() - failure.since < LIMITS.mirrorGraceMs,
    folder: folderCondition(pair),
    // While something is to give way here, it is not known yet what comes instead.
    backlogUpdates:
      heard(pair) && core.memory.yielding?.connection !== parts.guid
        ? backlogFrom(session.folder, parts.partner.name, session.latest!.vector).updates
        : null,
    restoring: state.restoring !== null,
  };
}

function heard({ session: { latest } }: Pair): boolean {
  return latest !== null && servesAsSource(latest.state);
}

function folderCondition({ session }: Pair): FolderPairFacts['folder'] {
  const { core } = session.folder;
  const { halt, phase, initialScanDone } = core.memory;
  if (halt) return halt.reason === 'away-too-long' ? 'stale' : 'halted';
  if (phase === 'normal' || (phase === 'initialized' && initialScanDone)) return 'normal';
  const told = session.latest !== null && servesAsSource(session.latest.state);
  return isInFirstSync(core) && initialScanDone && told ? 'first-sync' : 'first-sync-waiting';
}

/** When this member last had everything that the partner had; null: not within memory. */
function lastInStep(member: Member, { connection, session }: Pair): number | null {
  const { guid } = connection.parts;
  const ended = member.sessions
    .ended()
    .filter(each => each.state === 'in-sync' && each.connection === guid && each.folder.guid === session.guid);
  return ended.reduce<number | null>((last, { endTime }) => Math.max(last ?? 0, endTime ?? 0), null);
}
