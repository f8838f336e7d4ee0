/** Groups of replicas. */
import { replicaGroupNoun } from '../../admin/records/replica.ts';
import { REPLICA_OPERATIONS } from '../../model/replica-values.ts';
import { type CommandSpec, optionOf } from '../command.ts';
import { printRecords } from '../records-output.ts';
import {
  listOf,
  numberIn,
  printOutcome,
  readMode,
  readSyncType,
  SETTINGS,
  settingsOf,
  WAIT,
} from './replica-options.ts';

const GROUP = { usage: '<group>', about: 'the group, by name or id' };

export const replicaGroupCommands: readonly CommandSpec[] = [
  {
    words: ['replica', 'group', 'create'],
    summary: 'make a group of pairs that are ordered together',
    parameters: [{ usage: '<name>', about: 'its name' }],
    options: [
      {
        flags: '--type <type>',
        about: 'mirror (else), snapshot or clone',
        parse: readSyncType,
      },
      { flags: '--pair <pairs>', about: 'its first pairs, with commas' },
      { flags: '--delete-on-empty', about: 'it goes with its last pair' },
      { flags: '--consistent', about: 'of mirrors: the targets are of one moment all the time' },
    ],
    examples: [
      'replica group create nightly --pair 6f1a,77c2',
      'replica group create base --pair 6f1a,77c2 --consistent',
    ],
    target: 'daemon',
    run: call =>
      call.withClient(async client => {
        const answer = await client.createReplicaGroup({
          name: call.parameters[0]!,
          syncType: (call.options.type as number | undefined) ?? 6,
          pairs: listOf(call.options.pair),
          deleteOnEmptyElement: call.options.deleteOnEmpty === true,
          consistency: call.options.consistent === true ? 3 : undefined,
        });
        printOutcome(call, answer);
      }),
  },
  {
    words: ['replica', 'group', 'list'],
    summary: 'list the groups of pairs',
    examples: ['replica group list'],
    target: 'daemon',
    run: call =>
      call.withClient(async client => {
        const { groups } = await client.replicaGroups();
        const none = 'no groups; “tandem replica group create NAME” makes one';
        printRecords(call, { noun: replicaGroupNoun, rows: groups, none });
      }),
  },
  groupChange('add', 'AddSyncPair', 'add pairs to a group'),
  groupChange('remove', 'RemoveSyncPair', 'take pairs out of a group; they stay pairs'),
  {
    words: ['replica', 'group', 'delete'],
    summary: 'delete a group; its pairs stay',
    parameters: [GROUP],
    examples: ['replica group delete nightly'],
    target: 'daemon',
    run: call =>
      call.withClient(async client => {
        printOutcome(call, await client.deleteReplicaGroup({ group: call.parameters[0]! }));
      }),
  },
  {
    words: ['replica', 'group', 'create-replica'],
    summary: 'make a replica of each of several volumes, together in a new group',
    parameters: [{ usage: '<name>', about: 'name of the new group' }],
    options: [
      { flags: '--type <type>', about: 'mirror, snapshot or clone', required: true, parse: readSyncType },
      { flags: '--source <volumes>', about: 'volumes of this member, with commas' },
      { flags: '--source-group <group>', about: 'instead: the sources of the pairs of this group' },
      {
        flags: '--target <pattern>',
        about: 'NAME here or MEMBER:NAME, with * for the name of the source',
        required: true,
      },
      { flags: '--mode <mode>', about: 'of mirrors: sync or async; else async', parse: readMode },
      { flags: '--writable', about: 'clients may write to the snapshots or clones' },
      ...SETTINGS,
      { flags: '--go-on', about: 'make the others though one cannot be made' },
      { flags: '--delete-on-empty', about: 'the group goes with its last pair' },
      { flags: '--consistent', about: 'of mirrors: the targets are of one moment all the time' },
      { flags: '--force', about: 'what the targets hold is overwritten, and that is meant' },
      WAIT,
    ],
    examples: [
      'replica group create-replica monday --type snapshot --source disk1,disk2 --target "*-monday"',
      'replica group create-replica away --type mirror --source disk1,disk2 --target "beta:*"',
    ],
    target: 'daemon',
    run: call =>
      call.withClient(async client => {
        const answer = await client.createGroupReplica({
          name: call.parameters[0]!,
          syncType: optionOf(call, 'type'),
          mode: call.options.mode as number | undefined,
          sources: listOf(call.options.source),
          sourceGroup: call.options.sourceGroup as string | undefined,
          target: optionOf(call, 'target'),
          waitForCopyState: call.options.wait as number | undefined,
          settings: settingsOf(call),
          writable: call.options.writable === true,
          force: call.options.force === true,
          deleteOnEmptyElement: call.options.deleteOnEmpty === true,
          consistency: call.options.consistent === true ? 3 : undefined,
        });
        printOutcome(call, answer);
      }),
  },
];

function groupChange(word: string, operation: 'AddSyncPair' | 'RemoveSyncPair', summary: string): CommandSpec {
  return {
    words: ['replica', 'group', word],
    summary,
    parameters: [GROUP, { usage: '<pairs>', about: 'by id, the beginning of it, or target; several with commas' }],
    examples: [`replica group ${word} nightly 6f1a`],
    target: 'daemon',
    run: call =>
      call.withClient(async client => {
        const [synchronization, pairs] = call.parameters;
        const answer = await client.modifyReplica({
          synchronization: synchronization!,
          operation: numberIn(REPLICA_OPERATIONS, operation, 'operation'),
          force: false,
          syncPairs: listOf(pairs),
        });
        printOutcome(call, answer);
      }),
  };
}
