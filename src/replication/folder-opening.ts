/**
 * How a folder begins: for the first time, again, with a lost database, or not at all because its root is not what it
 * was. Ends with the marker written and interrupted work looked after.
 */
import { TandemError } from '../base/errors.ts';
import type { Marker, RootProbe } from '../disk/disk.ts';
import { COMPARE_SOON } from '../model/record-comparison.ts';
import type { FolderStateName } from '../peer/link.ts';
import type { Store } from '../store/store.ts';
import type { FolderCore, FolderMemory } from './folder-core.ts';
import { recoverGroups } from './group-run.ts';
import { obstacleOf } from './obstacle-events.ts';
import { tellPreserved } from './preserved-events.ts';
import { haltIfStale } from './staleness.ts';

/**
 * Whether a marker proves that the database at hand is an older copy than one that had written here: this one with more
 * numbers, or another one of this member although this one knows the folder.
 */
export function databaseIsOldCopy(
  marker: Marker | null,
  store: Store,
  { member, takesOver }: { readonly member: string; readonly takesOver: boolean },
): boolean {
  if (marker === null || marker.member !== member) return false;
  if (marker.database !== store.database) {
    const { phase = 'uninitialized' } = (store.folder(marker.folder).state ?? {}) as Partial<FolderMemory>;
    return phase !== 'uninitialized';
  }
  // A member that takes over finds the markers of the one before it, which ran on the same opening.
  const newest = takesOver ? store.generation : store.generation - 1;
  return marker.reservedVsn > store.reservedVsn || marker.generation > newest;
}

/** `orders`: an administrator said that the root is right as it is. */
export async function openFolder(core: FolderCore, orders: boolean): Promise<void> {
  const probe = await core.disk.probe();
  const known = core.memory.phase !== 'uninitialized';
  if (probe.kind !== 'directory') {
    const reason = probe.kind === 'unwritable' || probe.kind === 'unreadable' ? 'root-unwritable' : 'root-missing';
    return halt(
      core,
      reason,
      `The root ${core.rootPath} is ${probe.kind}: ${probe.detail}. Put it right, then: ${release(core)}`,
    );
  }
  if (probe.marker && probe.marker.folder !== core.config.guid) {
    return halt(
      core,
      'marker-foreign',
      `${core.rootPath} belongs to another replicated folder (its marker says ${probe.marker.folder}). Give this folder a root of its own.`,
    );
  }
  if (known && !orders) {
    if (!probe.marker) {
      return halt(
        core,
        'marker-missing',
        `The marker in ${core.rootPath}/.tandem is gone. If this is the right directory: ${release(core)}`,
      );
    }
    if (probe.dev.toString() !== core.memory.device) {
      return halt(
        core,
        'file-system-changed',
        `The root ${core.rootPath} is on another file system than before. If that is right: ${release(core)}`,
      );
    }
  }
  if (known && !orders) await core.line.run(() => haltIfStale(core));
  if (core.memory.halt && !orders) return;
  await core.line.run(async () => {
    const phase = known ? phaseAgain(core) : firstPhase(core, probe);
    await core.mark();
    const claimed = await core.disk.probe();
    if (claimed.kind !== 'directory') {
      throw new TandemError('ROOT_UNWRITABLE', `${core.rootPath} is ${claimed.kind}: ${claimed.detail}`);
    }
    if (phase === 'auto-recovery' && !known) await salvage(core);
    const { readOnly } = core;
    const comparisons = known && readOnly && !core.memory.readOnly ? COMPARE_SOON : core.memory.comparisons;
    await core.commit({ memory: { phase, halt: null, device: claimed.dev.toString(), readOnly, comparisons } });
    const { recovered, undone } = await recoverGroups(core);
    if (recovered + undone > 0)
      core.emit(
        'RECOVERY_FINISHED',
        `interrupted work was looked after: ${recovered} finished, ${undone} to be done again`,
      );
    await salvage(core);
    await core.disk.stageSweep(new Set());
    if (!known) announce(core, phase);
    core.opened = true;
  });
}

/** The same at the start of the member; false where the disk refuses for now: one folder must not keep the others from starting. */
export async function openIfPossible(core: FolderCore): Promise<boolean> {
  const halted = core.memory.halt !== null;
  try {
    await openFolder(core, false);
    core.obstacles.pass(openFolder);
    if (halted) core.tellHalted();
    return true;
  } catch (error) {
    if (!(error instanceof TandemError) || error.reaction === 'stop-member') throw error;
    core.obstructed(openFolder, obstacleOf(error), error.message);
    return false;
  }
}

/** Nothing may be swept that an interrupted group had set aside and no intent tells of. */
async function salvage(core: FolderCore): Promise<void> {
  const preserved = await core.disk.salvage();
  if (preserved.length === 0) return;
  await core.disk.sync();
  tellPreserved(core, preserved);
}

function firstPhase(core: FolderCore, probe: Extract<RootProbe, { kind: 'directory' }>): FolderStateName {
  if (probe.marker) return 'auto-recovery';
  const { primary } = core.config;
  if (core.readOnly) return 'initial-sync';
  return primary === null || primary === core.member.name ? 'initialized' : 'initial-sync';
}

/** A folder that was made read-only before its first scan was over has nothing to tell: what lies there is compared. */
function phaseAgain({ memory, readOnly }: FolderCore): FolderStateName {
  return readOnly && memory.phase === 'initialized' ? 'initial-sync' : memory.phase;
}

function announce(core: FolderCore, phase: FolderStateName): void {
  const { primary, name } = core.config;
  if (phase === 'auto-recovery')
    core.emit(
      'DATABASE_RENEWED',
      `the records of folder ${name} were lost; what is on disk is compared with the partners’ before it is told to anyone`,
    );
  else if (phase === 'initial-sync')
    core.emit(
      'INITIAL_SYNC_STARTED',
      `folder ${name} waits for its first synchronisation from ${primary ?? 'a partner'}`,
    );
  else if (primary === core.member.name) core.emit('INITIAL_PRIMARY', `this member is the primary of folder ${name}`);
  else core.emit('FOLDER_ADDED', `folder ${name} is replicated from ${core.rootPath}`);
}

function release(core: FolderCore): string {
  return `tandem folder release ${core.config.name} --retry`;
}

function halt(core: FolderCore, reason: Parameters<FolderCore['halt']>[0], sentence: string): Promise<void> {
  return core.line.run(() => core.halt(reason, sentence));
}
