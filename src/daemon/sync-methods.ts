/** ReplicaSync and its queue as the admin API has them: each request is answered by a number and a sentence. [dfsr.md §7] */
import type { ReplicaSyncOrder } from '../admin/backend.ts';
import { toDatetime } from '../admin/records/column.ts';
import type { SyncOperationRecord, SyncReportRecord } from '../admin/records/replica-sync.ts';
import type { Clock } from '../base/clock.ts';
import { type ErrorCode, TandemError } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import type { GroupConfig } from '../config/config.ts';
import { hasOption, optionNames, refuseOrder, type SyncOutcome, type SyncResult } from '../model/replica-sync.ts';
import type { QueuedSync } from '../model/sync-order.ts';
import type { Member } from '../replication/member.ts';
import type { SyncQueue, Ticket } from '../replication/sync-queue.ts';

export interface SyncMethodParts {
  readonly member: () => Member;
  readonly syncs: SyncQueue;
  readonly clock: Clock;
  /** Where bundles arrive; null: nowhere. */
  readonly spool: string | null;
}

export interface SyncMethods {
  /** Reports until the request is done, or accepted where it is asynchronous. Who stops listening does not stop it. */
  replicaSync(order: ReplicaSyncOrder, signal: AbortSignal): AsyncIterable<SyncReportRecord>;
  operations(): SyncOperationRecord[];
  /** NOT_FOUND if there is none of that number. */
  cancel(serial: number): void;
}

export function createSyncMethods({ member, syncs, clock, spool }: SyncMethodParts): SyncMethods {
  function accept(order: ReplicaSyncOrder): Ticket | SyncOutcome {
    const source = order.source ?? null;
    const { group, name: own } = member().parts;
    const named = order.folder.trim();
    // While group.yaml is read again the member has no folders for a moment.
    const folder = [...group.folders.values()].find(
      ({ name, guid, members }) => members.has(own) && (name === named || guid === named.toLowerCase()),
    );
    const here = folder ? { name: folder.name, readOnly: folder.readOnly.includes(own) } : null;
    const refused = refuseOrder({ folder: order.folder, source, options: order.options }, { folder: here, spool });
    if (refused) return refused;
    const guid = source === null ? null : guidOf(group, source.trim());
    return syncs.order({ folder: folder!.guid, source: guid, options: order.options });
  }

  return {
    async *replicaSync(order, signal) {
      const ticket = accept(order);
      if ('result' in ticket) {
        yield report(null, ticket);
        return;
      }
      const { serial } = ticket.entry;
      if (hasOption(order.options, 'ASYNCHRONOUS_OPERATION')) {
        const sentence = ticket.absorbed
          ? `synchronisation ${serial} waits for its turn already and does the same`
          : `synchronisation ${serial} waits for its turn; “tandem queue list” shows it`;
        yield report(ticket, { result: 0, sentence });
        return;
      }
      let outcome: SyncOutcome | null = null;
      const ended = new AbortController();
      void ticket.outcome.then(found => {
        outcome = found;
        ended.abort();
      });
      const either = AbortSignal.any([signal, ended.signal]);
      for (let told = ''; outcome === null && !signal.aborted; ) {
        const { turn } = syncs;
        const own = turn?.entry.serial === serial ? turn : null;
        const sentence = own?.sentence ?? `synchronisation ${serial} waits: ${waitsFor(syncs)}`;
        const MissingVersions = own?.missing ?? null;
        if (sentence !== told) yield { ...report(ticket, { result: 0, sentence }), Done: false, MissingVersions };
        told = sentence;
        await clock.sleep(LIMITS.syncReportMs, either).catch(() => {});
      }
      if (outcome) yield report(ticket, outcome);
    },

    operations() {
      const { group } = member().parts;
      const { turn } = syncs;
      const waiting = [...syncs.waiting].sort((a, b) => b.priority - a.priority || a.serial - b.serial);
      return [
        ...(turn ? [operation(group, turn.entry, turn.sentence, turn.begun)] : []),
        ...waiting.map(entry => operation(group, entry, waitsFor(syncs), null)),
      ];
    },

    cancel(serial) {
      if (syncs.cancel(serial)) return;
      throw new TandemError(
        'NOT_FOUND',
        `there is no synchronisation ${serial} in the queue; “tandem queue list” shows what there is`,
      );
    },
  };
}

/** The member’s GUID; what is no member stays as it is, and turns out to be no source. */
function guidOf(group: GroupConfig, named: string): string {
  const wanted = named.replace(/^\{(.*)\}$/, '$1').toLowerCase();
  return group.members.get(named)?.guid ?? wanted;
}

function waitsFor({ turn }: SyncQueue): string {
  return turn ? `synchronisation ${turn.entry.serial} has its turn` : 'the last one of this folder is too recent';
}

function operation(group: GroupConfig, entry: QueuedSync, progress: string, begun: number | null): SyncOperationRecord {
  const { serial, enqueued, priority, options, folder, source, preemptions } = entry;
  const named = [...group.folders.values()].find(({ guid }) => guid === folder)?.name;
  const from = [...group.members.values()].find(({ guid }) => guid === source)?.name;
  return {
    SerialNumber: serial,
    TimeEnqueued: toDatetime(enqueued),
    Priority: priority,
    OperationType: 0,
    Options: options,
    OptionNames: optionNames(options),
    ReplicatedFolderGuid: folder,
    ReplicatedFolderName: named ?? folder,
    SourceGuid: source ?? '',
    SourceName: source === null ? 'all sources' : (from ?? source),
    OperationStartTime: begun === null ? null : toDatetime(begun),
    Preemptions: preemptions,
    Progress: progress,
  };
}

function report(ticket: Ticket | null, { result, sentence }: SyncOutcome): SyncReportRecord {
  return {
    SerialNumber: ticket?.entry.serial ?? null,
    Absorbed: ticket?.absorbed ?? false,
    MissingVersions: null,
    Done: true,
    ReturnValue: result,
    Message: sentence,
    ErrorCode: errorCodeOf(result) ?? '',
  };
}

/** Which error of ours a result is, for exit codes. */
function errorCodeOf(result: SyncResult): ErrorCode | null {
  switch (result) {
    case 0:
      return null;
    case 87:
    case 8437:
      return 'INVALID_ARGUMENT';
    case 8440:
    case 8452:
      return 'NOT_FOUND';
    case 8444:
      return 'PEER_UNREACHABLE';
    case 8451:
      return 'STORE_FAILED';
    case 8453:
      return 'PEER_UNTRUSTED';
    case 8456:
      return 'FOLDER_NOT_READY';
    case 8462:
    case 8463:
      return 'CANCELLED';
    case 8593:
      return 'PEER_INCOMPATIBLE';
    case 8614:
      return 'BUNDLE_EXPIRED';
    default:
      return 'REFUSED';
  }
}
