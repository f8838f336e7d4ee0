/** Replicas, jobs, groups and what methods answered, as records. */
import { toDatetime } from '../admin/records/column.ts';
import type { JobRecord, ReplicaGroupRecord, ReplicaOutcomeRecord, ReplicaRecord } from '../admin/records/replica.ts';
import type { OutcomeAnswer } from '../admin/replicas.ts';
import type { MethodOutcome } from '../mirror/method-outcome.ts';
import type { KeptJob } from '../mirror/replica-book.ts';
import type { ReplicaGroups } from '../mirror/replica-groups.ts';
import type { Association } from '../model/association.ts';
import { type ProgressFacts, storageSynchronized } from '../model/association-record.ts';
import { CONSISTENCY_STATES, CONSISTENCY_STATUSES, type ReplicaGroup } from '../model/replica-group.ts';
import { COPY_STATES, JOB_STATES, numberOf, PROGRESS_STATUSES, SYNC_TYPES } from '../model/replica-values.ts';
import { outOfSyncBytes, type Verification } from '../model/verification.ts';
import type { NamedReplica } from './replica-names.ts';

export function replicaRecord({ kind, pair }: NamedReplica): ReplicaRecord {
  if (kind === 'folder') {
    return recordOf(pair.association, pair.progress, { reason: null, lagBytes: 0, lagMs: 0, verification: null });
  }
  const { record, progress, reason, verification } = pair;
  const { lagBytes, lagMs } = progress;
  return recordOf(record, progress, { reason, lagBytes, lagMs, verification });
}

interface OtherFacts {
  readonly reason: string | null;
  readonly lagBytes: number;
  readonly lagMs: number;
  readonly verification: Verification | null;
}

function recordOf(
  association: Association,
  facts: ProgressFacts,
  { reason, lagBytes, lagMs, verification }: OtherFacts,
): ReplicaRecord {
  const { WhenSynced, WhenActivated, WhenDeactivated, WhenEstablished, WhenSuspended, WhenSynchronized, ...others } =
    storageSynchronized(association, facts);
  const when = (ms: number | null): string | null => (ms === null ? null : toDatetime(ms));
  return {
    InstanceID: association.id,
    ...others,
    WhenSynced: when(WhenSynced),
    WhenActivated: when(WhenActivated),
    WhenDeactivated: when(WhenDeactivated),
    WhenEstablished: when(WhenEstablished),
    WhenSuspended: when(WhenSuspended),
    WhenSynchronized: when(WhenSynchronized),
    StatusReason: reason ?? '',
    OutOfSyncBytes: outOfSyncBytes(association, facts, verification),
    LagBytes: lagBytes,
    LagSeconds: Math.round(lagMs / 1000),
    ReplicationGroup: association.group,
    WhenVerified: when(verification?.endedAt ?? null),
    ...verificationColumns(verification),
  };
}

function verificationColumns(verification: Verification | null) {
  return {
    Verification: verification === null ? '' : stateOf(verification),
    VerifiedBytes: verification?.comparedBytes ?? null,
    VerifyDifferentBytes: verification?.differentBytes ?? null,
    VerifyRepairedBytes: verification?.repairedBytes ?? null,
    VerifyRanges: (verification?.ranges ?? []).map(({ offset, length }) => `${offset}+${length}`).join(' '),
  };
}

function stateOf({ state, reason }: Verification): string {
  return state === 'failed' ? `Failed: ${reason}` : VERIFICATION_STATES[state];
}

const VERIFICATION_STATES = { running: 'Running', done: 'Completed', cancelled: 'Cancelled' } as const;

export function jobRecord({ job }: KeptJob): JobRecord {
  return {
    InstanceID: job.id,
    Name: job.about,
    JobState: numberOf(JOB_STATES, job.state),
    PercentComplete: job.percentComplete,
    ErrorCode: job.errorCode,
    ErrorDescription: job.errorDescription,
    StartTime: toDatetime(job.startedAt),
    EndTime: job.endedAt === null ? null : toDatetime(job.endedAt),
    Cancellable: job.cancellable,
  };
}

export function groupRecord(group: ReplicaGroup, groups: ReplicaGroups): ReplicaGroupRecord {
  const { copyState, progressStatus, consistencyState, consistencyStatus } = groups.condition(group);
  return {
    InstanceID: group.id,
    ElementName: group.name,
    SyncType: numberOf(SYNC_TYPES, group.syncType),
    Pairs: group.pairs.length,
    Members: group.pairs.join(' '),
    CopyState: numberOf(COPY_STATES, copyState),
    ProgressStatus: numberOf(PROGRESS_STATUSES, progressStatus),
    ConsistencyState: numberOf(CONSISTENCY_STATES, consistencyState),
    ConsistencyStatus: numberOf(CONSISTENCY_STATUSES, consistencyStatus),
    DeleteOnEmptyElement: group.deleteOnEmptyElement,
  };
}

/** Also of RequestStateChange, which has codes of its own. */
type Answered = Omit<MethodOutcome, 'returnCode'> & { readonly returnCode: number };

export function outcomeRecord({ returnCode, sentence, detail, synchronization, job, settingsState = null }: Answered) {
  return {
    ReturnValue: returnCode,
    Message: sentence,
    Detail: detail,
    Synchronization: synchronization,
    Job: job,
    SettingsState: settingsState,
  } satisfies ReplicaOutcomeRecord;
}

export function answer(outcome: Answered): OutcomeAnswer {
  return { outcome: outcomeRecord(outcome) };
}
