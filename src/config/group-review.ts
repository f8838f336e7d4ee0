/** What is legal in group.yaml but probably not meant. */
import { openHours } from '../model/schedule.ts';
import type { FolderConfig, GroupConfig } from './config.ts';

/** Sentences for `tandem config check`; empty if there is nothing to say. */
export function reviewGroup(group: GroupConfig): string[] {
  const remarks: string[] = [];
  for (const { from, to, enabled, schedule } of group.connections) {
    if (enabled && openHours(schedule) === 0) {
      remarks.push(
        `the connection from ${from} to ${to} is never open by its schedule; “enabled: false” says so more clearly`,
      );
    }
  }
  if (group.folders.size === 0) remarks.push('there is no folder yet: nothing is replicated');
  for (const folder of group.folders.values()) {
    if (folder.members.size === 1) remarks.push(`folder ${folder.name} lies on one member only: it is not replicated`);
    if (folder.members.size > 1 && folder.members.size === folder.readOnly.length)
      remarks.push(`folder ${folder.name} is read-only on all its members: nothing is replicated`);
    for (const [from, to] of missingWays(group, folder)) {
      remarks.push(
        `folder ${folder.name}: changes made on ${from} never reach ${to}; no enabled connections lead there`,
      );
    }
  }
  return remarks;
}

/** Pairs of a folder's members without a way from the first to the second through the folder's members. */
function missingWays(group: GroupConfig, folder: FolderConfig): [string, string][] {
  const names = [...folder.members.keys()];
  const partners = new Map(names.map(name => [name, [] as string[]]));
  for (const { from, to, enabled } of group.connections) {
    if (enabled && partners.has(to) && !folder.readOnly.includes(from)) partners.get(from)?.push(to);
  }
  const writable = names.filter(name => !folder.readOnly.includes(name));
  return writable.flatMap(from => {
    const reached = new Set([from]);
    for (const name of reached) for (const partner of partners.get(name)!) reached.add(partner);
    return names.filter(to => !reached.has(to)).map(to => [from, to] as [string, string]);
  });
}
