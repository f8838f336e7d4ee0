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
import type { FolderConfig, GroupConfig } from '../config/config.ts';
import { judgeArrival } from '../model/arrival.ts';
import { type EdgeLatency, edgeLatencies, type TestAnswer } from '../model/propagation.ts';
import type { Gvsn } from '../model/version.ts';
import { vectorFromVersions } from '../model/version-vector.ts';
import type { Folder } from '../replication/folder.ts';
import type { Member } from '../replication/member.ts';
import type { StoredEvent } from '../store/store.ts';
import { watchPartner } from './arrival-watch.ts';
import type { PropagationAnswers } from './propagation-answers.ts';
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
  readonly answers: PropagationAnswers;
}

interface Sent {
  readonly file: TestFile;
  readonly gvsn: Gvsn;
  readonly time: number;
}

interface Outcome {
  /** The whole way from here to a member, or one connection. */
  readonly measure: 'arrival' | 'edge';
  readonly from: string;
  readonly to: string;
  readonly latencyMs: number | null;
  readonly state: 'arrived' | 'late' | 'unknown';
  readonly time: number | null;
  readonly reason: string;
}

const RECORD_LOOK_MS = 10;
const EDGES_LOOK_MS = 100;
/** So long after the last news of a connection, nothing more is awaited. */
const EDGES_WAIT_MS = 3000;

/**
 * One record for each other member of the folder, as soon as it is known, then one for each connection among the members of
 * the folder. TIMED_OUT at the end if a member was late.
 */
export async function* runPropagationTest(
  subject: PropagationSubject,
  signal: AbortSignal,
): AsyncGenerator<PropagationRecord> {
  const { folder, timeoutMs, clock, running, answers } = subject;
  const { core } = folder;
  const id = core.members.database.slice(0, 4) + clock.now().toString(36);
  const file: TestFile = { id, name: TEST_FILE_PREFIX + id };
  const partners = [...core.config.members.keys()].filter(name => name !== core.member.name);
  assertTestable(folder, file);
  const end = new AbortController();
  const cancel = clock.after(timeoutMs, () => end.abort());
  const either = AbortSignal.any([signal, end.signal]);
  running.add(file.name);
  answers.runs(folder, id);
  const content = { test: id, member: core.member.name };
  const stat = await writeTestFile(folder, file, { content, replaces: null }).catch(error => {
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
        if (outcome.state === 'late') late.push(outcome.to);
        yield tell(subject, sent, outcome);
      }
    }
    if (!signal.aborted) for (const edge of await measureEdges(subject, sent, either)) yield tell(subject, sent, edge);
  } finally {
    cancel();
    end.abort();
    await Promise.all(watches);
    await removeTestFile(folder, file.name, stat).catch(error => core.log.warn({ error }, 'a test’s file stays'));
    running.delete(file.name);
    const live = new Set([...running, ...answers.liveNames(folder)]);
    await removeLeftTestFiles(folder, live).catch(error => core.log.warn({ error }, 'tests’ files stay'));
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
  const { config, member } = subject.folder.core;
  const watched = { ...subject, folder: config.guid, partner };
  const way = { measure: 'arrival', from: member.name, to: partner } as const;
  let reason = `${partner} has not told that it has it`;
  try {
    for await (const view of watchPartner(watched, signal)) {
      const found = judgeArrival(wanted, view);
      const time = subject.clock.now();
      if (found.kind === 'arrived')
        return { ...way, state: 'arrived', time, latencyMs: Math.max(0, time - sent.time), reason: '' };
      reason = found.kind === 'unknown' ? found.reason : `${partner} has not told that it has it`;
    }
  } catch (error) {
    if (!(error instanceof TandemError)) throw error;
    return { ...way, state: 'unknown', time: null, latencyMs: null, reason: error.message };
  }
  return { ...way, state: 'late', time: null, latencyMs: null, reason };
}

/** Waits until something came over each connection, or nothing new has been heard for a while. */
async function measureEdges(
  { folder, answers, member, clock }: PropagationSubject,
  { file, time }: Sent,
  signal: AbortSignal,
): Promise<Outcome[]> {
  const { core } = folder;
  const origin = core.member.name;
  const wanted = edgesOf(member().parts.group, core.config);
  const answering = wanted.filter(({ to }) => !core.config.readOnly.includes(to));
  let given: readonly TestAnswer[] = [];
  let found: readonly EdgeLatency[] = [];
  for (let newsAt = clock.now(); ; ) {
    const others = await answers.collect(folder, file.id);
    const own = { test: file.id, member: origin, recordedAt: time, arrivals: answers.arrivals(folder, file.id) };
    given = [own, ...others];
    const now = edgeLatencies(origin, given);
    if (now.length > found.length) newsAt = clock.now();
    found = now;
    const isWhole = answering.every(edge => found.some(({ from, to }) => from === edge.from && to === edge.to));
    if (isWhole || signal.aborted || clock.now() - newsAt > EDGES_WAIT_MS) break;
    await clock.sleep(EDGES_LOOK_MS, signal).catch(() => {});
  }
  return wanted.map(({ from, to }) => {
    const way = { measure: 'edge', from, to } as const;
    const edge = found.find(each => each.from === from && each.to === to);
    if (edge) return { ...way, state: 'arrived', time: edge.at, latencyMs: edge.latencyMs, reason: '' };
    const silent = [from, to].find(name => !given.some(answer => answer.member === name));
    const reason = core.config.readOnly.includes(to)
      ? `the folder is read-only on ${to}, which tells nothing of it`
      : silent === undefined
        ? 'no file of the test came over it: the others were faster'
        : `${silent} has not answered`;
    return { ...way, state: 'unknown', time: null, latencyMs: null, reason };
  });
}

/** The connections over which the folder's changes go. */
function edgesOf({ connections }: GroupConfig, { members, readOnly }: FolderConfig): { from: string; to: string }[] {
  return connections
    .filter(({ enabled, from, to }) => enabled && members.has(from) && members.has(to) && !readOnly.includes(from))
    .map(({ from, to }) => ({ from, to }));
}

function tell({ folder, emit }: PropagationSubject, { file, time }: Sent, outcome: Outcome): PropagationRecord {
  const { core } = folder;
  const { measure, from, to, state, reason, latencyMs } = outcome;
  const record: PropagationRecord = {
    TestId: file.id,
    ReplicatedFolderName: core.config.name,
    FileName: file.name,
    Measure: measure,
    FromMember: from,
    ToMember: to,
    State: state,
    StartTime: toDatetime(time),
    ArrivalTime: toDatetime(outcome.time),
    LatencyInMilliseconds: latencyMs,
    Reason: reason,
  };
  const way = measure === 'edge' ? `over ${from} → ${to} a file` : `${to} had the file`;
  const message =
    latencyMs === null
      ? `test ${file.id}: ${measure === 'edge' ? `${from} → ${to}` : to} is ${state}: ${reason}`
      : `test ${file.id}: ${way} ${measure === 'edge' ? 'came within' : 'after'} ${latencyMs} ms`;
  emit(state === 'late' ? 'PROPAGATION_LATE' : 'PROPAGATION_MEASURED', message, {
    folder: core.config.name,
    member: from,
    partner: to,
    measure,
    test: file.id,
    state,
    startTime: time,
    ...(outcome.time === null ? { reason } : { arrivalTime: outcome.time }),
    ...(latencyMs === null ? {} : { latencyMs }),
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
      const arrival = typeof fields.arrivalTime === 'number' ? fields.arrivalTime : null;
      return {
        TestId: String(fields.test),
        ReplicatedFolderName: String(fields.folder),
        FileName: `${TEST_FILE_PREFIX}${fields.test}`,
        Measure: String(fields.measure ?? 'arrival'),
        FromMember: String(fields.member),
        ToMember: String(fields.partner),
        State: String(fields.state),
        StartTime: toDatetime(start),
        ArrivalTime: toDatetime(arrival),
        LatencyInMilliseconds: latency,
        Reason: String(fields.reason ?? ''),
      };
    });
}
