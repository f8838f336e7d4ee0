/**
 * How long deletions are remembered here, and what becomes of a folder that heard of nobody for longer: it halts, as others
 * may have forgotten deletions it never heard of. [dfsr.md §5.5, §6.5]
 */
import { formatDuration } from '../base/sizes-and-durations.ts';
import { isStale, type Milestone, passMilestones } from '../model/freshness.ts';
import { containsVersion, type VersionVector } from '../model/version-vector.ts';
import { type FolderCore, type NotedVersions, versionsFromMemory, versionsToMemory } from './folder-core.ts';
import { recoverGroups } from './group-run.ts';

/** Forgets deletions that have been known here for the lifetime. Only within a task of the line. */
export async function forgetTombstones(core: FolderCore): Promise<void> {
  // What is on its way may still be decided by a deletion.
  if (!core.active || core.memory.phase !== 'normal' || core.pending.size + core.pending.givenUpSize > 0) return;
  const noted = core.memory.noted.map(fromMemory);
  const now = { time: core.clock.now(), versions: core.store.vector };
  const { milestones, expired } = passMilestones(noted, now, core.tombstoneLifetimeMs);
  let forgotten = 0;
  if (expired) {
    for await (const records of core.store.everyRecord()) {
      const old = records.filter(
        ({ present, provisional, gvsn }) => !present && !provisional && containsVersion(expired, gvsn),
      );
      if (old.length > 0) await core.commit({ forget: old });
      forgotten += old.length;
    }
  }
  const isNew = milestones.length !== noted.length || milestones.at(-1)?.time !== noted.at(-1)?.time;
  if (!isNew && forgotten === 0) return;
  const tombstoneCleanup = forgotten > 0 ? now.time : core.memory.tombstoneCleanup;
  await core.commit({
    memory: { noted: milestones.map(({ time, versions }) => versionsToMemory(time, versions)), tombstoneCleanup },
  });
  if (forgotten === 0) return;
  core.paths.forget();
  const lifetime = formatDuration(core.tombstoneLifetimeMs);
  core.emit('TOMBSTONES_FORGOTTEN', `${forgotten} deletions were forgotten: they were known here for ${lifetime}`, {
    count: forgotten,
  });
}

/** `hears`: a partner is connected and everything of it is here. Only within a task of the line. */
export async function watchFreshness(core: FolderCore, hears: boolean): Promise<void> {
  if (!core.active) return;
  if (hears) await core.commit({ memory: { lastContact: core.clock.now() } });
  else await haltIfStale(core);
}

export async function haltIfStale(core: FolderCore): Promise<void> {
  const { lastContact, phase, halt } = core.memory;
  if (!core.fed || halt || phase !== 'normal') return;
  if (!isStale(lastContact, core.clock.now(), core.tombstoneLifetimeMs)) return;
  const since = new Date(lastContact).toISOString();
  const release = `tandem folder release ${core.config.name}`;
  await core.halt(
    'away-too-long',
    `No partner was heard of since ${since}, longer than deletions are remembered (${formatDuration(core.tombstoneLifetimeMs)}). ` +
      `If others went on meanwhile: “${release} --refuse” takes their content; what differs or is only here goes to the pre-existing area. ` +
      `If nobody did: “${release} --accept” on one member compares the contents and publishes what is only here.`,
  );
}

/** The way back: what lies on disk is compared anew, as at a first synchronisation. The folder is still halted. */
export async function startOver(core: FolderCore, phase: 'initial-sync' | 'auto-recovery'): Promise<void> {
  await core.line.run(async () => {
    await recoverGroups(core);
    await core.forgetEverything(phase);
  });
}

function fromMemory(noted: NotedVersions): Milestone<VersionVector> {
  return { time: noted.time, versions: versionsFromMemory(noted) };
}
