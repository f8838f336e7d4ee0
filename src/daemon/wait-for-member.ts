/** Waits until another member has what was on this host's disk when the wait began. */
import type { WaitRecord } from '../admin/records/wait.ts';
import type { Clock } from '../base/clock.ts';
import { TandemError } from '../base/errors.ts';
import { formatElapsed } from '../base/sizes-and-durations.ts';
import { type Arrival, judgeArrival } from '../model/arrival.ts';
import type { Folder } from '../replication/folder.ts';
import type { FolderCore } from '../replication/folder-core.ts';
import type { Member } from '../replication/member.ts';
import { watchPartner } from './arrival-watch.ts';
import { assertFlowsOut, assertShared } from './backlog-records.ts';
import { folderSettled, REST_LOOK_MS } from './settled-folder.ts';

export interface WaitSubject {
  readonly member: () => Member;
  readonly folder: Folder;
  /** Name of the partner. */
  readonly partner: string;
  readonly timeoutMs: number;
  readonly clock: Clock;
}

export async function* waitForMember(subject: WaitSubject, signal: AbortSignal): AsyncGenerator<WaitRecord> {
  const { folder, partner, timeoutMs, clock } = subject;
  const { core } = folder;
  const { name } = core.config;
  if (partner === core.member.name)
    throw new TandemError('INVALID_ARGUMENT', `${partner} is this member; name another one`);
  assertShared(folder, partner);
  assertFlowsOut(folder, core.member.name);
  const start = clock.now();
  const record = (Stage: string, found: Arrival): WaitRecord => ({
    ReplicatedFolderName: name,
    MemberName: partner,
    Stage,
    Arrived: found.kind === 'arrived',
    MissingVersions: found.kind === 'missing' ? found.versions : 0,
    ElapsedSeconds: Math.max(0, Math.round((clock.now() - start) / 1000)),
    Reason: found.kind === 'unknown' ? found.reason : '',
  });
  const timeUp = new AbortController();
  const cancel = clock.after(timeoutMs, () => timeUp.abort());
  const either = AbortSignal.any([signal, timeUp.signal]);
  let found: Arrival = { kind: 'unknown', reason: 'this host’s copy is being looked at' };
  try {
    yield record('scanning', found);
    const { store } = await settled(subject, either);
    const wanted = store.vector;
    if (!either.aborted) {
      for await (const view of watchPartner({ ...subject, folder: core.config.guid }, either)) {
        found = judgeArrival(wanted, view);
        yield record(found.kind === 'arrived' ? 'arrived' : 'waiting', found);
        if (found.kind === 'arrived') return;
      }
    }
  } finally {
    cancel();
  }
  if (signal.aborted) return;
  const lacks = found.kind === 'missing' ? `lacks ${found.versions} versions` : 'is not known to have everything';
  const why = found.kind === 'unknown' ? `: ${found.reason}` : '';
  const advice = `“tandem backlog --from ${core.member.name} --to ${partner} --folder ${name}” lists them`;
  throw new TandemError(
    'TIMED_OUT',
    `after ${formatElapsed(timeoutMs)} ${partner} still ${lacks} of ${name}${why}; ${advice}`,
  );
}

/** Everything that was on disk at the call is recorded: seen, come to rest, and told to the partners. Answers the folder. */
async function settled(subject: WaitSubject, signal: AbortSignal): Promise<FolderCore> {
  const { core } = subject.folder;
  for (;;) {
    const member = subject.member();
    const folder = member.folders.get(core.config.guid);
    if (member.running && !folder)
      throw new TandemError('REFUSED', `${core.member.name} no longer replicates the folder ${core.config.name}`);
    if (member.running && folder && (await folderSettled(folder, subject.clock, signal))) return folder.core;
    if (signal.aborted) return core;
    // group.yaml is being read again: another one takes this one's place.
    await subject.clock.sleep(REST_LOOK_MS, signal).catch(() => {});
  }
}
