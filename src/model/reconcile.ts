/** What to do with an update from a partner, in view of what is recorded here of the same file. */

import type { FileRecord, Update } from './update.ts';
import { knows, supersedes } from './update-order.ts';

export type Judgement =
  /** This very version is here. */
  | { readonly kind: 'have' }
  /**
   * What is here supersedes it. `conflict`: without having known it; then its content is preserved where it was made,
   * when what is here arrives there.
   */
  | { readonly kind: 'stale'; readonly conflict: boolean }
  | {
      readonly kind: 'take';
      /** What is here was not known to whoever made the update, or lost its name. */
      readonly conflict: boolean;
      /** In conflict, and the content that is here is in no present version any more: it must be preserved. */
      readonly contentLost: boolean;
      /** The content must be had from somewhere, as the file here has another. */
      readonly contentNeeded: boolean;
    };

/**
 * `local` is the record of the same UID; undefined: unknown here. `yields`: it gives way whatever the order says, as a
 * version does that nobody else will ever hear of.
 */
export function judgeUpdate(local: FileRecord | undefined, incoming: Update, yields = false): Judgement {
  if (local === undefined) {
    return { kind: 'take', conflict: false, contentLost: false, contentNeeded: isPresentFile(incoming) };
  }
  if (local.gvsn === incoming.gvsn) return { kind: 'have' };
  if (!yields && !supersedes(incoming, local)) {
    return { kind: 'stale', conflict: !knows(local, incoming.gvsn) && !sayTheSame(local, incoming) };
  }
  const unknown = incoming.nameConflict || !knows(incoming, local.gvsn);
  const conflict = local.present && unknown && !sayTheSame(local, incoming);
  return {
    kind: 'take',
    conflict,
    contentLost: conflict && local.kind !== 'directory' && !equalContent(local, incoming),
    contentNeeded: isPresentFile(incoming) && !(local.disk !== null && equalContent(local, incoming)),
  };
}

/** This very version is recorded here, but what is here is not it: the file is gone, or has other content. */
export function needsRepair(local: FileRecord | undefined, incoming: Update): boolean {
  if (local?.gvsn !== incoming.gvsn || !local.present) return false;
  return local.disk === null || (incoming.present && incoming.kind !== 'directory' && !equalContent(local, incoming));
}

/**
 * What a comparison of everything wants again of a version that was believed to be here. Deletions of what is unknown here
 * are left alone: what they deleted is gone. `verdict`: what this member makes of the update.
 */
export function wantsAgain(local: FileRecord | undefined, incoming: Update, verdict: Judgement): boolean {
  if (local === undefined) return incoming.present;
  return needsRepair(local, incoming) || verdict.kind === 'take';
}

/** Both present, and files with the same bytes or symlinks with the same target. */
export function equalContent(a: Update, b: Update): boolean {
  if (!a.present || !b.present || a.kind !== b.kind) return false;
  if (a.kind === 'file') return a.hash === b.hash && a.size === b.size;
  return a.kind === 'symlink' && a.target === b.target;
}

/** Whether two versions of one file mean the same to a user, so that it does not matter who knew of whom. */
function sayTheSame(a: Update, b: Update): boolean {
  if (!a.present || !b.present) return a.present === b.present;
  return (
    a.name === b.name &&
    a.parent === b.parent &&
    a.mode === b.mode &&
    (equalContent(a, b) || (a.kind === 'directory' && b.kind === 'directory'))
  );
}

function isPresentFile(update: Update): boolean {
  return update.present && update.kind === 'file';
}
