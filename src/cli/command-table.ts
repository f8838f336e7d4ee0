import type { CommandSpec } from './command.ts';
import { bundleCommands } from './commands/bundle.ts';
import { configCommands } from './commands/config.ts';
import { conflictCommands } from './commands/conflict.ts';
import { daemonCommands } from './commands/daemon.ts';
import { eventCommands } from './commands/event.ts';
import { fenceCommands } from './commands/fence.ts';
import { folderCommands } from './commands/folder.ts';
import { forceCommands } from './commands/force.ts';
import { initCommands } from './commands/init.ts';
import { jobCommands } from './commands/job.ts';
import { propagationCommands } from './commands/propagation.ts';
import { recordCommands } from './commands/record.ts';
import { replicaCommands } from './commands/replica.ts';
import { replicaGroupCommands } from './commands/replica-group.ts';
import { replicaQueryCommands } from './commands/replica-query.ts';
import { reportCommands } from './commands/report.ts';
import { statusCommands } from './commands/status.ts';
import { syncCommands } from './commands/sync.ts';
import { transferCommands } from './commands/transfer.ts';
import { volumeCommands } from './commands/volume.ts';
import { waitCommands } from './commands/wait.ts';
import { whyCommands } from './commands/why.ts';

/** Every command, in the order of help and docs. */
export const COMMANDS: readonly CommandSpec[] = [
  ...initCommands,
  ...daemonCommands,
  ...statusCommands,
  ...reportCommands,
  ...whyCommands,
  ...waitCommands,
  ...propagationCommands,
  ...folderCommands,
  ...fenceCommands,
  ...transferCommands,
  ...forceCommands,
  ...syncCommands,
  ...bundleCommands,
  ...conflictCommands,
  ...volumeCommands,
  ...replicaCommands,
  ...replicaQueryCommands,
  ...replicaGroupCommands,
  ...jobCommands,
  ...recordCommands,
  ...eventCommands,
  ...configCommands,
];

/** What the nouns are, for the help of `tandem`. */
export const NOUNS: Readonly<Record<string, string>> = {
  member: 'this member and the others of its replication group',
  'file-system': 'the file systems on which folders lie',
  folder: 'replicated folders: state, version vector, scans, halts, fences, forced synchronisation',
  connection: 'connections to and from the partners: state, check, forced synchronisation, stop',
  session: 'synchronisation sessions',
  update: 'updates on their way',
  propagation: 'how long a file takes to each member',
  queue: 'ordered synchronisations that wait or run',
  'replica-source': 'the members that folders come from: last attempt, last success, result',
  bundle: 'files that carry changes to a member without the network',
  conflict: 'content preserved when an update took its place',
  record: 'what is known of one file',
  volume: 'block volumes, served to NBD clients',
  replica: 'mirrors, snapshots and clones of volumes: state, operations, groups',
  'replica group': 'pairs that are ordered together, at one moment',
  job: 'operations on replicas that go on after they were answered',
  event: 'the journal of events',
  config: 'member.yaml and group.yaml',
};
