/**
 * With the database the memory of interrupted operations is lost: nobody can tell any more what of that which was set
 * aside has been replaced for good. What has no other name is preserved, so that nothing is swept that may be the last.
 */
import type { Preserved, PreserveOrder } from './disk.ts';
import type { Directory, Look, Name } from './file-system.ts';
import { preserve } from './preserving.ts';
import type { Touched } from './touched.ts';
import { isStepAside, STAGING_PREFIX, type Tree } from './tree.ts';

export function salvageAsides(tree: Tree, touched: Touched): Preserved[] {
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
  const reason = 'the database was lost while this was being replaced, moved or removed';
  const path = `set-aside-${name.slice(-12)}`;
  const manifest = { path, uid: '', gvsn: '', conflictType: 7, reason, member: '', partner: '', time } as const;
  return { always: true, area: 'conflicts', manifest };
}
