/**
 * A held deletion or change is refused: what differs from the records is preserved, and the records' versions are asked
 * for again. Files that are new stay: nobody's content is in their place.
 */
import { LIMITS } from '../base/limits.ts';
import type { FileRecord } from '../model/update.ts';
import { formatVersion, type Uid } from '../model/version.ts';
import type { FolderCore } from './folder-core.ts';
import { emptyPlan, emptyStep } from './group-plan.ts';
import { runGroup } from './group-run.ts';
import { confirmGone, scanPass } from './scan-pass.ts';

/** Answers how many records are to be had back. */
export async function undoHeldChanges(core: FolderCore, signal: AbortSignal): Promise<number> {
  const edited = new Map<Uid, FileRecord>();
  const pass = await scanPass(
    core,
    {
      directories: [{ uid: core.root, path: '' }],
      deep: true,
      firstScan: false,
      impatient: true,
      knownEdits: 0,
      decided: true,
    },
    async drafts => {
      const held = drafts.filter(draft => draft.effect === 'edited' && draft.before);
      for (const draft of held) edited.set(draft.before!.uid, draft.before!);
      return held.length === 0 ? drafts : null;
    },
    signal,
  );
  return core.line.run(async () => {
    const gone = await confirmGone(
      core,
      pass.gone.map(({ uid }) => uid),
    );
    await askAgain(core, gone);
    await preserveEdited(core, [...edited.values()]);
    return gone.length + edited.size;
  });
}

/** The records stay, but say that nothing is on disk; their versions leave the vector, so partners offer them. */
export async function askAgain(core: FolderCore, records: readonly FileRecord[]): Promise<void> {
  for (let from = 0; from < records.length; from += LIMITS.installGroupFiles) {
    const group = records.slice(from, from + LIMITS.installGroupFiles);
    await core.commit({
      put: group.map(before => ({ before, after: { ...before, disk: null } })),
      unclaims: group.map(record => record.gvsn),
    });
  }
}

async function preserveEdited(core: FolderCore, records: readonly FileRecord[]): Promise<void> {
  const plan = emptyPlan();
  for (const record of records) {
    const path = await core.paths.of(record);
    if (path === undefined) continue;
    const step = emptyStep(null);
    const manifest = {
      path,
      uid: formatVersion(record.uid),
      gvsn: formatVersion(record.gvsn),
      conflictType: 7,
      reason: 'the change was held and refused',
      member: core.member.name,
      partner: '',
      time: core.clock.now(),
    } as const;
    step.operations.push({ kind: 'preserve', path, preserve: { always: true, area: 'conflicts', manifest } });
    plan.steps.push(step);
  }
  await runGroup(core, plan, new Map());
  await askAgain(core, records);
}
