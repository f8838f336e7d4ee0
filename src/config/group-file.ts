/** group.yaml → `GroupConfig`: the schema first, then everything that only shows when keys are seen together. */

import type { ConnectionConfig, FolderConfig, GroupConfig, GroupMember } from './config.ts';
import { derivedGuid } from './derived-guid.ts';
import { checkGroup } from './group-checks.ts';
import { digestGroup } from './group-digest.ts';
import { type GroupFile, groupSchema } from './group-schema.ts';
import { parseSchema } from './parse-schema.ts';
import { throwProblems } from './problems.ts';
import { parseYaml, type YamlSource } from './yaml-source.ts';

export interface ParsedGroup {
  readonly group: GroupConfig;
  /** For problems that need more than the file to be seen. */
  readonly source: YamlSource;
}

/** CONFIG_INVALID with all problems of `text` at once; `file` is only named. */
export function parseGroup(text: string, file: string): ParsedGroup {
  const source = parseYaml(text, file);
  const content = parseSchema(groupSchema, source);
  const checked = checkGroup(content, source);
  throwProblems(checked.problems);
  const members = new Map(
    Object.entries(content.members).map(([name, member]) => [name, makeMember(name, member, checked.certificates)]),
  );
  const parts = {
    name: content.group.name,
    guid: content.group.guid,
    tombstoneLifetimeMs: content.group.tombstoneLifetime,
    members,
    connections: makeConnections(content, members),
    folders: new Map(
      Object.entries(content.folders).map(([name, folder]) => [name, makeFolder(name, folder, checked.roots)]),
    ),
  };
  return { group: { ...parts, digest: digestGroup(parts) }, source };
}

function makeMember(
  name: string,
  member: GroupFile['members'][string],
  certificates: ReadonlyMap<string, string>,
): GroupMember {
  return { name, guid: member.guid, ...member.address, certificate: certificates.get(name)! };
}

const MESHED = { guid: undefined, enabled: true, schedule: undefined };

function makeConnections(content: GroupFile, members: ReadonlyMap<string, GroupMember>): ConnectionConfig[] {
  const names = [...members.keys()];
  const listed =
    content.connections === 'full-mesh'
      ? names.flatMap(from => names.filter(to => to !== from).map(to => ({ ...MESHED, from, to })))
      : content.connections;
  return listed.map(({ from, to, guid, enabled, schedule }) => ({
    guid: guid ?? connectionGuid(content.group.guid, members.get(from)!.guid, members.get(to)!.guid),
    from,
    to,
    enabled,
    schedule: schedule ?? content.group.schedule,
  }));
}

/** Follows from GUIDs, not names, so that a member can be renamed. */
function connectionGuid(group: string, from: string, to: string): string {
  return derivedGuid(group, `connection ${from} ${to}`);
}

function makeFolder(
  name: string,
  folder: GroupFile['folders'][string],
  roots: ReadonlyMap<string, ReadonlyMap<string, string>>,
): FolderConfig {
  return {
    name,
    guid: folder.guid,
    primary: folder.primary ?? null,
    members: roots.get(name)!,
    readOnly: [...new Set(folder.readOnly)].sort(),
    filters: folder.filters,
    quietMs: folder.quiet,
    quietLimitMs: Math.max(folder.quietLimit, folder.quiet),
    rescanMs: folder.rescan,
    stagingQuotaBytes: folder.stagingQuota,
    conflictQuotaBytes: folder.conflictQuota,
    purgeOnlyCopies: folder.purgeOnlyCopies,
    brakes: folder.brakes,
  };
}
