/** What a changed group.yaml ends: folders that this member has no more, connections that are gone or disabled. */

import type { Emit } from '../base/events.ts';
import type { GroupConfig } from '../config/config.ts';

export interface ConfigChange {
  /** Name of this member. */
  readonly member: string;
  readonly before: GroupConfig;
  readonly after: GroupConfig;
}

export function tellTakenOut({ member, before, after }: ConfigChange, emit: Emit): void {
  for (const { name, members } of before.folders.values()) {
    if (!members.has(member) || after.folders.get(name)?.members.has(member)) continue;
    emit('FOLDER_REMOVED', `folder ${name} is not replicated by this member any more; its files stay`, {
      folder: name,
    });
  }
  for (const { guid, from, to, enabled } of before.connections) {
    if (!enabled || (from !== member && to !== member)) continue;
    const now = after.connections.find(connection => connection.guid === guid);
    if (now?.enabled) continue;
    const why = now ? 'it was disabled in group.yaml' : 'it was taken out of group.yaml';
    emit('CONNECTION_STOPPED', `communication over ${from} → ${to} ends: ${why}`, {
      partner: from === member ? to : from,
      connection: guid,
    });
  }
}
