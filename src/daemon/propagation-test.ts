/**
 * Measures how long a file takes to each member. A member has it when its version vector, as it is told here over the
 * connection on which its own changes arrive, contains the file’s version: a vector claims only what is durable.
 */
import { toDatetime } from '../admin/records/column.ts';
import type { PropagationRecord } from '../admin/records/propagation.ts';
import { Bell } from '../base/bell.ts';
import type { Clock } from '../base/clock.ts';
import { TandemError } from '../base/errors.ts';
import type { Emit } from '../base/events.ts';
import { judgeArrival } from '../model/arrival.ts';
import type { Gvsn } from '../model/version.ts';
import { vectorFromVersions } from '../model/version-vector.ts';
import type { Folder } from '../replication/folder.ts';
import type { Member } from '../replication/member.ts';
import type { StoredEvent } from '../store/store.ts';
import { watchPartner } from './arrival-watch.ts';
import {
  assertTestable,
  removeLeftTestFiles,
  removeTestFile,
  TEST_FILE_PREFIX,
  type TestFile,
  writeTestFile,
} from './propagation-file.ts';

export interface PropagationSubject {
  readonly member: () => Member;
  readonly folder: Folder;
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly emit: Emit;
  /** Names of the files of tests that run; this one enters and leaves. */
  readonly running: Set<string>;
}

interface Sent {
  readonly file: TestFile;
  readonly gvsn: Gvsn;
  readonly time: number;
}

interface Outcome {
  readonly partner: string;
  readonly state: 'arrived' | 'late' | 'unknown';
  readonly time: number | null;
  readonly reason: string;
}

const RECORD_LOOK_MS = 10;

/** One record for each other member of the folder, as soon as it is known. TIMED_OUT at the end if one was late. */
export async function* runPropagationTest(
  subject: PropagationSubject,
  signal: AbortSignal,
): AsyncGenerator<PropagationRecord> {
  const { folder, timeoutMs, clock, running } = subject;
  const { core } = folder;
  const id = core.members.database.slice(0, 4) + clock.now().toString(36);
  const file: TestFile = { id, name: TEST_FILE_PREFIX + id };
  const partners = [...core.config.members.keys()].filter(name => name !== core.member.name);
  assertTestable(folder, file);
  const end = new AbortController();
  const cancel = clock.after(timeoutMs, () => end.abort());
  const either = AbortSignal.any([signal, end.signal]);
  running.add(file.name);
  const stat = await writeTestFile(folder, file).catch(error => {
    running.delete(file.name);
    cancel();
    throw error;
  });
  let watches: Promise<void>[] = [];
  const late: string[] = [];
  try {
    const gvsn = await recordedVersion(folder, file, either);
    if (gvsn === null) {
      if (signal.aborted) return;
      throw new TandemError(
        'TIMED_OUT',
        `the test’s file was not recorded here in time; “tandem why ${file.name}” says why`,
      );
    }
    const sent: Sent = { file, gvsn, time: clock.now() };
    const outcomes: Outcome[] = [];
    const bell = new Bell();
    watches = partners.map(async partner => {
      outcomes.push(await arrivalAt(subject, { partner, sent }, either));
      bell.ring();
    });
    for (let left = partners.length; left > 0 && !signal.aborted; ) {
      await bell.heard(signal);
      for (const outcome of outcomes.splice(0)) {
        left--;
        if (outcome.state === 'late') late.push(outcome.partner);
        yield tell(subject, sent, outcome);
      }
    }
  } finally {
    cancel();
    end.abort();
    await Promise.all(watches);
    await removeTestFile(folder, file.name, stat).catch(error => core.log.warn({ error }, 'a test’s file stays'));
    running.delete(file.name);
    await removeLeftTestFiles(folder, running).catch(error => core.log.warn({ error }, 'tests’ files stay'));
  }
  if (late.length > 0 && !signal.aborted)
    throw new TandemError(
      'TIMED_OUT',
      `${late.join(', ')} did not have the test’s file in time; “tandem status” shows more`,
    );
}

/** The version that the scanner gives the file; null if the signal came first. */
async function recordedVersion(
  { core, scanner }: Folder,
  { name }: TestFile,
  signal: AbortSignal,
): Promise<Gvsn | null> {
  scanner.hint('');
  while (!signal.aborted) {
    const record = await core.paths.recordAt(name);
    if (record?.present) return record.gvsn;
    await core.clock.sleep(RECORD_LOOK_MS, signal).catch(() => {});
  }
  return null;
}

async function arrivalAt(
  subject: PropagationSubject,
  { partner, sent }: { readonly partner: string; readonly sent: Sent },
  signal: AbortSignal,
): Promise<Outcome> {
  const wanted = vectorFromVersions([sent.gvsn]);
  const watched = { ...subject, folder: subject.folder.core.config.guid, partner };
  let reason = `${partner} has not told that it has it`;
  try {
    for await (const view of watchPartner(watched, signal)) {
      const found = judgeArrival(wanted, view);
      if (found.kind === 'arrived') return { partner, state: 'arrived', time: subject.clock.now(), reason: '' };
      reason = found.kind === 'unknown' ? found.reason : `${partner} has not told that it has it`;
    }
  } catch (error) {
    if (!(error instanceof TandemError)) throw error;
    return { partner, state: 'unknown', time: null, reason: error.message };
  }
  return { partner, state: 'late', time: null, reason };
}

function tell({ folder, emit }: PropagationSubject, { file, time }: Sent, outcome: Outcome): PropagationRecord {
  const { core } = folder;
  const { partner, state, reason } = outcome;
  const latencyMs = outcome.time === null ? null : Math.max(0, outcome.time - time);
  const record: PropagationRecord = {
    TestId: file.id,
    ReplicatedFolderName: core.config.name,
    FileName: file.name,
    FromMember: core.member.name,
    ToMember: partner,
    State: state,
    StartTime: toDatetime(time),
    ArrivalTime: toDatetime(outcome.time),
    LatencyInMilliseconds: latencyMs,
    Reason: reason,
  };
  const message =
    latencyMs === null
      ? `test ${file.id}: ${partner} is ${state}: ${reason}`
      : `test ${file.id}: ${partner} had the file after ${latencyMs} ms`;
  emit(state === 'late' ? 'PROPAGATION_LATE' : 'PROPAGATION_MEASURED', message, {
    folder: core.config.name,
    member: core.member.name,
    partner,
    test: file.id,
    state,
    startTime: time,
    ...(latencyMs === null ? { reason } : { latencyMs }),
  });
  return record;
}

/** What the journal still knows of tests that were run here, the newest first. */
export function propagationReport(events: readonly StoredEvent[], folder: string | undefined): PropagationRecord[] {
  return events
    .filter(({ name }) => name === 'PROPAGATION_MEASURED' || name === 'PROPAGATION_LATE')
    .filter(({ fields }) => folder === undefined || fields.folder === folder)
    .reverse()
    .map(({ fields }) => {
      const start = Number(fields.startTime);
      const latency = typeof fields.latencyMs === 'number' ? fields.latencyMs : null;
      return {
        TestId: String(fields.test),
        ReplicatedFolderName: String(fields.folder),
        FileName: `${TEST_FILE_PREFIX}${fields.test}`,
        FromMember: String(fields.member),
        ToMember: String(fields.partner),
        State: String(fields.state),
        StartTime: toDatetime(start),
        ArrivalTime: toDatetime(latency === null ? null : start + latency),
        LatencyInMilliseconds: latency,
        Reason: String(fields.reason ?? ''),
      };
    });
}
