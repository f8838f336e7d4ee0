/** Replicas: mirrors, snapshots and clones of block volumes, and replicated folders; what can be ordered of them. */
import { replicaNoun, replicaOperationNoun } from '../../admin/records/replica.ts';
import { LOCALITIES, RELATIONSHIP_TYPES } from '../../model/replica-capabilities.ts';
import { COPY_STATES, REPLICA_OPERATIONS } from '../../model/replica-values.ts';
import { type CommandSpec, optionOf } from '../command.ts';
import { printRecord, printRecords } from '../records-output.ts';
import {
  assertDone,
  listOf,
  numberIn,
  PAIR,
  PRIORITY_FORM,
  printOutcome,
  readMode,
  readPriority,
  readSyncType,
  SETTINGS,
  settingsOf,
  WAIT,
} from './replica-options.ts';

const FILTERS = [
  { flags: '--type <type>', about: 'mirrors, snapshots or clones only', parse: readSyncType },
  { flags: '--mode <mode>', about: 'sync or async mirrors only', parse: readMode },
  {
    flags: '--locality <locality>',
    about: 'local: both elements are here; remote: one is at a partner',
    parse: (text: string) => numberIn(LOCALITIES, text, 'locality'),
  },
  {
    flags: '--copy-state <state>',
    about: 'those in this CopyState only',
    parse: (text: string) => numberIn(COPY_STATES, text, 'CopyState'),
  },
  {
    flags: '--kind <kind>',
    about: 'Storage Synchronized or 2: pairs (else); 3: groups, which “replica group list” shows',
    parse: (text: string) => numberIn(RELATIONSHIP_TYPES, text, 'kind'),
  },
] as const;
const FILTER_NAMES = ['type', 'mode', 'locality', 'copyState', 'kind'] as const;

export const replicaCommands: readonly CommandSpec[] = [
  {
    words: ['replica', 'create'],
    summary: 'make a mirror, snapshot or clone of a volume',
    options: [
      {
        flags: '--type <type>',
        about: 'mirror: follows its source; snapshot: shows one moment; clone: a copy of one moment',
        required: true,
        parse: readSyncType,
      },
      { flags: '--source <element>', about: 'a volume of this member', required: true },
      {
        flags: '--target <element>',
        about: 'NAME here, or MEMBER:NAME; a volume that is missing here is made',
        required: true,
      },
      {
        flags: '--mode <mode>',
        about: 'of a mirror: sync answers a write when both members have it, async at once; else async',
        parse: readMode,
      },
      { flags: '--writable', about: 'clients may write to the snapshot or clone' },
      { flags: '--detach', about: 'a clone is a volume of its own when it is complete' },
      ...SETTINGS,
      { flags: '--force', about: 'what the target holds is overwritten, and that is meant' },
      WAIT,
    ],
    examples: [
      'replica create --type snapshot --source disk1 --target disk1-monday',
      'replica create --type clone --source disk1 --target disk1-copy --wait synchronized',
      'replica create --type clone --source disk1 --target beta:disk1-copy',
      'replica create --type mirror --mode sync --source disk1 --target beta:disk1',
      'replica create --type mirror --source disk1 --target beta:disk1 --rpo 30s',
    ],
    target: 'daemon',
    run: call =>
      call.withClient(async client => {
        const answer = await client.createReplica({
          syncType: optionOf(call, 'type'),
          mode: call.options.mode as number | undefined,
          source: optionOf(call, 'source'),
          target: optionOf(call, 'target'),
          waitForCopyState: call.options.wait as number | undefined,
          settings: settingsOf(call),
          writable: call.options.writable === true,
          detachWhenCopied: call.options.detach === true,
          force: call.options.force === true,
        });
        printOutcome(call, answer);
      }),
  },
  {
    words: ['replica', 'list'],
    summary: 'list the pairs of this member, volumes and replicated folders: state, progress, how much is the same',
    options: FILTERS,
    examples: ['replica list', 'replica list --copy-state broken', 'replica list --type snapshot --json'],
    target: 'daemon',
    run: call =>
      call.withClient(async client => {
        const { kind, type, mode, locality, copyState } = call.options as Partial<Record<string, number>>;
        const { outcome, replicas } = await client.replicas({ type: kind, syncType: type, mode, locality, copyState });
        assertDone(outcome);
        const filtered = FILTER_NAMES.some(name => call.options[name] !== undefined);
        const none = filtered ? 'no such replicas' : 'no replicas; “tandem replica create” makes one';
        printRecords(call, { noun: replicaNoun, rows: replicas, none });
      }),
  },
  {
    words: ['replica', 'show'],
    summary: 'show all that is known of a pair',
    parameters: [PAIR],
    examples: ['replica show disk1-monday', 'replica show 6f1a --json'],
    target: 'daemon',
    run: call =>
      call.withClient(async client => {
        const { replica } = await client.replica({ replica: call.parameters[0]! });
        printRecord(call, replicaNoun, replica);
      }),
  },
  {
    words: ['replica', 'operations'],
    summary: 'list what can be ordered of a pair now',
    parameters: [PAIR],
    examples: ['replica operations disk1-monday'],
    target: 'daemon',
    run: call =>
      call.withClient(async client => {
        const { operations } = await client.replicaOperations({ replica: call.parameters[0]! });
        printRecords(call, { noun: replicaOperationNoun, rows: operations, none: 'nothing can be ordered now' });
      }),
  },
  {
    words: ['replica', 'modify'],
    summary: 'order one of the 22 operations of a pair or group',
    parameters: [
      {
        usage: '<pair-or-group>',
        about: 'id, the beginning of it, the pair’s target or the group’s name; several pairs with commas',
      },
      {
        usage: '<operation>',
        about: 'by name or number: split, fail-over, "Resync Replica", 14; docs/REPLICA-OPERATIONS.md',
      },
    ],
    options: [
      { flags: '--force', about: 'although something may be lost; “replica operations” says where that is needed' },
      { flags: '--pair <pairs>', about: 'for AddSyncPair and RemoveSyncPair; several with commas' },
      ...SETTINGS,
      { flags: '--go-on', about: 'of several pairs: carry it out on those that can, though others cannot' },
      WAIT,
    ],
    examples: [
      'replica modify disk1-copy resync-replica --wait synchronized',
      'replica modify disk1 failover --force',
      'replica modify nightly split',
      'replica modify 6f1a,77c2 suspend',
    ],
    target: 'daemon',
    run: call =>
      call.withClient(async client => {
        const [synchronization, operation] = call.parameters;
        const order = {
          operation: numberIn(REPLICA_OPERATIONS, operation!, 'operation'),
          force: call.options.force === true,
          waitForCopyState: call.options.wait as number | undefined,
          settings: settingsOf(call),
        };
        const several = listOf(synchronization);
        const answer =
          several.length > 1
            ? await client.modifyReplicas({ ...order, synchronizations: several })
            : await client.modifyReplica({
                ...order,
                synchronization: synchronization!,
                syncPairs: listOf(call.options.pair),
              });
        printOutcome(call, answer);
      }),
  },
  {
    words: ['replica', 'attach'],
    summary: 'take up a replicated folder again that was detached from its partner',
    parameters: [{ usage: '<id>', about: 'the id that the pair had, or the beginning of it' }],
    examples: ['replica attach 6f1a'],
    target: 'daemon',
    run: call =>
      call.withClient(async client => {
        printOutcome(call, await client.attachReplica({ replica: call.parameters[0]! }));
      }),
  },
  {
    words: ['replica', 'set'],
    summary: 'change what a copy gets beside busy clients',
    parameters: [PAIR],
    options: [{ flags: '--priority <priority>', about: PRIORITY_FORM, required: true, parse: readPriority }],
    examples: ['replica set disk1-copy --priority low'],
    target: 'daemon',
    run: call =>
      call.withClient(async client => {
        const copyPriority = optionOf<number>(call, 'priority');
        printOutcome(call, await client.setReplica({ replica: call.parameters[0]!, copyPriority }));
      }),
  },
];
