/** The name is free, or the file's own: the operations that bring a version there. */
import type { Operation } from '../disk/disk.ts';
import type { FileRecord } from '../model/update.ts';
import type { Step } from './group-plan.ts';
import { type Candidate, NOTHING_TO_PRESERVE, type Placed, type Placement, sameTime } from './placement.ts';

interface Here {
  readonly record: FileRecord & { readonly disk: NonNullable<FileRecord['disk']> };
  readonly path: string;
}

export async function install(
  p: Placement,
  candidate: Candidate,
  local: FileRecord | undefined,
  step: Step,
): Promise<Placed> {
  const { update } = candidate;
  const path = await p.view.path(update);
  if (path === undefined)
    return p.block(candidate, { kind: 'directory', on: [update.parent] }, 'waits for its directory');
  const here = await whereIs(p, local);
  const begun = step.operations.length;
  const looks =
    update.kind === 'directory' ? bringDirectory(candidate, path, here) : bringFile(p, candidate, path, here);
  if (looks === null) return p.reject(candidate, 'its content was not fetched');
  step.operations.push(...looks.operations);
  const lookFrom = looks.lookFrom === null ? null : begun + looks.lookFrom;
  p.put(step, local, { ...update, disk: here?.record.disk ?? null, provisional: false }, lookFrom);
  return 'placed';
}

interface Looks {
  readonly operations: readonly Operation[];
  /** The operation that shows how the file looks in the end; null: as before. */
  readonly lookFrom: number | null;
}

async function whereIs(p: Placement, local: FileRecord | undefined): Promise<Here | null> {
  if (!local?.present || !local.disk) return null;
  const path = await p.view.path(local);
  return path === undefined ? null : { record: { ...local, disk: local.disk }, path };
}

function bringDirectory({ update }: Candidate, path: string, here: Here | null): Looks {
  if (!here) return { operations: [{ kind: 'make-directory', path, mode: update.mode }], lookFrom: 0 };
  return relocate({ path, mode: update.mode, mtimeNs: 0n }, here, here.record.disk.mode !== update.mode);
}

function bringFile(p: Placement, candidate: Candidate, path: string, here: Here | null): Looks | null {
  const { update, item } = candidate;
  const known = here?.record;
  const differing = !known || (update.kind === 'file' ? known.hash !== update.hash : known.target !== update.target);
  // Not so with a version of another file that is made along the way.
  const forced = item !== null && item.forced !== null && item.update.uid === update.uid;
  const fresh = differing || forced;
  if (here && !fresh) {
    const disk = here.record.disk;
    const differs = update.kind === 'file' && (disk.mode !== update.mode || !sameTime(disk.mtimeNs, update.mtimeNs));
    return relocate({ path, mode: update.mode, mtimeNs: update.mtimeNs }, here, differs);
  }
  const preserve =
    here === null
      ? NOTHING_TO_PRESERVE
      : p.preserve(candidate, {
          lost: here.record,
          path: here.path,
          conflictType: 2,
          reason: 'a partner changed it at the same time and won',
          always: candidate.contentLost,
        });
  const expect = here?.path === path ? here.record.disk : null;
  const operations: Operation[] = [];
  if (update.kind === 'symlink') {
    const { target, mtimeNs } = update;
    operations.push({ kind: 'install-symlink', path, expect, target, mtimeNs, preserve });
  } else {
    if (!item?.staged) return null;
    const { size, hash, mtimeNs } = update;
    const staged = { ...item.staged, size, hash, mtimeNs };
    operations.push({ kind: 'install', path, expect, staged, preserve });
  }
  if (here && here.path !== path)
    operations.push({ kind: 'remove', path: here.path, expect: here.record.disk, preserve });
  return { operations, lookFrom: 0 };
}

/** The content stays as it is: at most a move and other attributes. */
function relocate(to: { path: string; mode: number; mtimeNs: bigint }, here: Here, differs: boolean): Looks {
  const operations: Operation[] = [];
  const expect = here.record.disk;
  if (here.path !== to.path) operations.push({ kind: 'move', from: here.path, to: to.path, expect });
  if (differs) operations.push({ kind: 'attributes', path: to.path, expect, mode: to.mode, mtimeNs: to.mtimeNs });
  return { operations, lookFrom: operations.length === 0 ? null : operations.length - 1 };
}
