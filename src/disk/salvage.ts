/**
 * What was set aside or stepped aside and belongs to no operation that anybody knows of: the database was lost, or there
 * was no room to bring it back or to preserve it. What has no other name is preserved; it may be the last of its kind.
 */
import type { Preserved, PreserveOrder } from './disk.ts';
import type { Directory, Look, Name } from './file-system.ts';
import { preserve } from './preserving.ts';
import type { Touched } from './touched.ts';
import { isStepAside, STAGING_PREFIX, type Tree } from './tree.ts';

export function salvageAsides(tree: Tree, touched: Touched): Preserved[] {
  // An interrupted group may have put in place what is not durable yet: from now on it counts as what users made.
  tree.root.syncFileSystem();
  const aside = tree.own('aside');
  const staging = tree.own('staging');
  const steppedAside = staging.list().filter(name => typeof name === 'string' && isStepAside(STAGING_PREFIX + name));
  return [...salvageNames(tree, aside, aside.list()), ...salvageNames(tree, staging, steppedAside)].map(preserved => {
    touched.preserved(preserved);
    return preserved;
  });
}

function salvageNames(tree: Tree, directory: Directory, names: readonly Name[]): Preserved[] {
  return names.flatMap(name => {
    const look = directory.lookAt(name);
    if (typeof name !== 'string' || look === null) return [];
    if (look.kind !== 'directory' && look.nlink > 1) return [];
    return [preserve(tree, { directory, name, look, key: name, by: 'rename' }, orderFor(name, look))];
  });
}

function orderFor(name: string, look: Look): PreserveOrder {
  const time = Number(look.ctimeNs / 1_000_000n);
  const reason = 'it was left over where this was being replaced, moved or removed';
  const path = `set-aside-${name.split(',')[0]!.slice(-12)}`;
  const manifest = { path, uid: '', gvsn: '', conflictType: 7, reason, member: '', partner: '', time } as const;
  return { always: true, area: 'conflicts', manifest };
}
