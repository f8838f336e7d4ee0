/** The member as a whole: its record, and what waits for an administrator. */
import { toDatetime } from '../admin/records/column.ts';
import type { ConnectionRecord } from '../admin/records/connection.ts';
import type { AttentionRecord } from '../admin/records/event.ts';
import type { LocalMemberRecord } from '../admin/records/local-member.ts';
import type { ServiceRecord } from '../admin/records/service.ts';
import { formatAddress } from '../base/address.ts';
import { VERSION } from '../base/version.ts';
import type { MemberConfig } from '../config/config.ts';
import { guidFromDatabaseId } from '../model/version.ts';
import type { Folder } from '../replication/folder.ts';
import type { Member } from '../replication/member.ts';
import { CONFIG_REFUSED, NO_ERROR } from './error-numbers.ts';
import type { EventFeed } from './event-feed.ts';
import { numbersOfFolder, releaseCommand } from './folder-records.ts';
import type { FolderSizes } from './folder-sizes.ts';

export interface ServiceFacts {
  readonly home: string;
  readonly memberConfig: MemberConfig;
  readonly startedAt: number;
  readonly configuration: ConfigurationFacts;
  /** The daemon was told to stop. */
  readonly stopping: boolean;
}

export interface ConfigurationFacts {
  /** When group.yaml was last read, successfully or not. */
  readonly readAt: number;
  /** Since when what is in force is in force. */
  readonly changedAt: number;
  /** Why what was read last is not in force; null: it is. */
  readonly problem: string | null;
}

export function serviceRecord(member: Member, facts: ServiceFacts): ServiceRecord {
  const { parts, guid } = member;
  const folders = [...member.folders.values()];
  const halted = folders.filter(({ core }) => core.memory.halt !== null || core.obstacles.standing.length > 0);
  const starting = folders.some(({ core }) => core.memory.phase === 'uninitialized' && core.memory.halt === null);
  const { configuration, stopping } = facts;
  const reasons = [
    ...(configuration.problem === null ? [] : [`group.yaml is not usable: ${configuration.problem}`]),
    ...(halted.length === 0 ? [] : [`stands still: ${halted.map(({ core }) => core.config.name).join(', ')}`]),
  ];
  return {
    Identifier: guid,
    ProviderVersion: VERSION,
    ServiceStartTime: toDatetime(facts.startedAt),
    LastDsPollTime: toDatetime(configuration.readAt),
    ...(stopping
      ? { State: 3, StateReason: 'it was told to stop' }
      : reasons.length > 0
        ? { State: 2, StateReason: reasons.join('; ') }
        : starting
          ? { State: 0, StateReason: 'folders are being opened' }
          : { State: 1, StateReason: '' }),
    ...(configuration.problem !== null ? CONFIG_REFUSED : halted[0] ? numbersOfFolder(halted[0].core) : NO_ERROR),
    MemberGuid: guid,
    MemberName: parts.name,
    ReplicationGroupGuid: parts.group.guid,
    ReplicationGroupName: parts.group.name,
    DatabaseGuid: guidFromDatabaseId(parts.store.database),
    Listen: formatAddress(facts.memberConfig.listen),
    Home: facts.home,
    ConfigDigest: parts.group.digest,
    ProcessId: process.pid,
  };
}

export function localMemberRecord({ parts, guid }: Member, facts: ServiceFacts): LocalMemberRecord {
  const { problem, changedAt } = facts.configuration;
  return {
    MemberGuid: guid,
    MemberName: parts.name,
    ReplicationGroupGuid: parts.group.guid,
    ReplicationGroupName: parts.group.name,
    ...(facts.stopping
      ? { State: 1, StateReason: 'the daemon was told to stop' }
      : problem === null
        ? { State: 0, StateReason: '' }
        : { State: 2, StateReason: `group.yaml is not usable, the former one is in force: ${problem}` }),
    LastConfigChangeTime: toDatetime(changedAt),
    ...(problem === null ? NO_ERROR : CONFIG_REFUSED),
  };
}

export interface AttentionSources {
  readonly configProblem: string | null;
  readonly sizes: ReadonlyMap<Folder, FolderSizes>;
  readonly connections: readonly ConnectionRecord[];
  readonly events: Pick<EventFeed, 'newest'>;
}

/** The gravest first. */
export function attentionRecords(member: Member, sources: AttentionSources): AttentionRecord[] {
  const folders = [...member.folders.values()];
  return [
    ...configAttention(member, sources.configProblem),
    ...folders.flatMap(haltAttention),
    ...folders.flatMap(obstacleAttention),
    ...connectionAttention(member, sources.connections),
    ...pairAttention(member),
    ...folders.flatMap(putOffAttention),
    ...folders.flatMap(folder => conflictAttention(folder, sources.sizes.get(folder)?.conflicts ?? 0)),
    ...folders.flatMap(folder => watchAttention(folder, sources.events)),
  ];
}

function configAttention({ parts }: Member, problem: string | null): AttentionRecord[] {
  if (problem === null) return [];
  const Problem = `group.yaml is not usable, the former one is in force: ${problem}`;
  return [{ Subject: parts.name, Problem, Command: 'tandem config check' }];
}

function haltAttention({ core }: Folder): AttentionRecord[] {
  const { halt } = core.memory;
  if (!halt) return [];
  return [{ Subject: core.config.name, Problem: halt.sentence, Command: releaseCommand(core, halt) }];
}

function obstacleAttention({ core }: Folder): AttentionRecord[] {
  const { name } = core.config;
  const Command = `tandem update list --folder ${name}`;
  return core.obstacles.standing.map(({ sentence }) => ({ Subject: name, Problem: sentence, Command }));
}

function connectionAttention(member: Member, connections: readonly ConnectionRecord[]): AttentionRecord[] {
  const { name, group } = member.parts;
  const joined = group.connections.some(({ from, to, enabled }) => enabled && (from === name || to === name));
  if (!joined) {
    const Problem = 'no enabled connection joins this member with another one';
    return [{ Subject: name, Problem, Command: 'tandem config explain' }];
  }
  const ailing = connections.filter(({ Status }) => Status === 'Error' || Status === 'Degraded');
  return ailing.map(connection => ({
    Subject: connection.Name,
    Problem: connection.StateReason,
    Command: connection.Status === 'Degraded' ? 'tandem config check' : 'tandem connection list',
  }));
}

/** What was ordered to stand still does so until somebody orders otherwise; what was detached is meant to be gone. */
function pairAttention({ inbound }: Member): AttentionRecord[] {
  return inbound.flatMap(connection =>
    connection.sessions.flatMap(session => {
      const standing = connection.standing(session);
      if (!standing || standing.detached) return [];
      const { reason, command } = standing;
      return [{ Subject: session.folder.core.config.name, Problem: reason, Command: command }];
    }),
  );
}

function putOffAttention({ core }: Folder): AttentionRecord[] {
  const count = core.pending.givenUpSize;
  if (count === 0) return [];
  const { name } = core.config;
  const Problem = `${countOf(count, 'update')} could not be taken and will be tried again`;
  return [{ Subject: name, Problem, Command: `tandem update list --folder ${name}` }];
}

function conflictAttention({ core }: Folder, count: number): AttentionRecord[] {
  if (count === 0) return [];
  const { name } = core.config;
  if (core.conflictsExceeded !== null)
    return [{ Subject: name, Problem: core.conflictsExceeded, Command: `tandem conflict list --folder ${name}` }];
  const Problem = `${countOf(count, 'preserved item')}: look through them, restore or delete them`;
  return [{ Subject: name, Problem, Command: `tandem conflict list --folder ${name}` }];
}

function watchAttention({ core }: Folder, events: Pick<EventFeed, 'newest'>): AttentionRecord[] {
  const degraded = events.newest('WATCH_DEGRADED', core.config.name);
  if (!degraded) return [];
  return [{ Subject: core.config.name, Problem: degraded.message, Command: 'sysctl fs.inotify.max_user_watches' }];
}

function countOf(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}
