import { createHash } from 'node:crypto';
import type { GroupConfig } from './config.ts';

/**
 * SHA-256 of what group.yaml means: the order of members, connections and folders, comments, defaults spelled out,
 * and units do not change it.
 */
export function digestGroup(group: Omit<GroupConfig, 'digest'>): string {
  const canonical = canonicalJson({
    ...group,
    members: Object.fromEntries(group.members),
    connections: [...group.connections].sort((a, b) => (a.guid < b.guid ? -1 : 1)),
    folders: Object.fromEntries(
      [...group.folders].map(([name, folder]) => [name, { ...folder, members: Object.fromEntries(folder.members) }]),
    ),
  });
  return createHash('sha256').update(canonical, 'utf8').digest('hex');
}

/** JSON with the keys of every object sorted. */
function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) => {
    if (typeof inner !== 'object' || inner === null || Array.isArray(inner)) return inner;
    return Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}
