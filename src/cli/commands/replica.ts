/** Replicas of block volumes: mirrors, snapshots, clones; what can be ordered of them; groups. */
import {
  type ReplicaOutcomeRecord,
  replicaGroupNoun,
  replicaNoun,
  replicaOperationNoun,
  replicaOutcomeNoun,
} from '../../admin/records/replica.ts';
import type { OutcomeAnswer } from '../../admin/replicas.ts';
import { TandemError } from '../../base/errors.ts';
import { parseDuration } from '../../base/sizes-and-durations.ts';
import {
  COPY_PRIORITIES,
  COPY_RECOVERY_MODES,
  COPY_STATES,
  MODES,
  REPLICA_OPERATIONS,
  SYNC_TYPES,
} from '../../model/replica-values.ts';
import { type CommandCall, type CommandSpec, optionOf } from '../command.ts';
import { printJson, printRecord, printRecords, recordToJson } from '../records-output.ts';

const PAIR = { usage: '<pair>', about: 'the pair, by its id, the beginning of it, or its target' };
const GROUP = { usage: '<group>', about: 'the group, by name or id' };
const PRIORITY_FORM = `one of ${Object.values(COPY_PRIORITIES).join(', ').toLowerCase()}, or 0 to 4`;
const WAIT = {
  flags: '--wait <state>',
  about: 'answer when the pair is in this CopyState, by name or number, or after a minute',
  parse: (text: string) => numberIn(COPY_STATES, text, 'CopyState'),
} as const;

export const replicaCommands: readonly CommandSpec[] = [
  {
    words: ['replica', 'create'],
    summary: 'make a mirror, snapshot or clone of a volume',
    options: [
      {
        flags: '--type <type>',
        about: 'mirror: follows its source; snapshot: shows one moment; clone: a copy of one moment',
        required: true,
        parse: text => numberIn(SYNC_TYPES, text, 'type'),
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
        parse: text => numberIn({ ...MODES }, MODE_WORDS[text] ?? text, 'mode'),
      },
      { flags: '--writable', about: 'clients may write to the snapshot or clone' },
      { flags: '--detach', about: 'a clone is a volume of its own when it is complete' },
      { flags: '--stop-host-io', about: 'synchronous: writes wait, then fail, while the target is out of reach' },
      {
        flags: '--recovery <mode>',
        about: 'whether it goes on by itself when the link is back: automatic (else) or manual',
        parse: text => numberIn(COPY_RECOVERY_MODES, text, 'recovery mode'),
      },
      { flags: '--priority <priority>', about: PRIORITY_FORM, parse: readPriority },
      {
        flags: '--rpo <duration>',
        about: 'an event tells when a mirror’s target is further behind than this; 1s to 100d',
        parse: readRpo,
      },
      { flags: '--force', about: 'what the target holds is overwritten, and that is meant' },
      WAIT,
    ],
    examples: [
      'replica create --type snapshot --source disk1 --target disk1-monday',
      'replica create --type clone --source disk1 --target disk1-copy --wait synchronized',
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
    examples: ['replica list', 'replica list --json'],
    target: 'daemon',
    run: call =>
      call.withClient(async client => {
        const { replicas } = await client.replicas();
        const none = 'no replicas; “tandem replica create” makes one';
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
      { usage: '<pair-or-group>', about: 'id, the beginning of it, the pair’s target or the group’s name' },
      {
        usage: '<operation>',
        about: 'by name or number: split, fail-over, "Resync Replica", 14; docs/REPLICA-OPERATIONS.md',
      },
    ],
    options: [
      { flags: '--force', about: 'although something may be lost; “replica operations” says where that is needed' },
      { flags: '--pair <pairs>', about: 'for AddSyncPair and RemoveSyncPair; several with commas' },
      WAIT,
    ],
    examples: [
      'replica modify disk1-copy resync-replica --wait synchronized',
      'replica modify disk1 failover --force',
      'replica modify nightly split',
    ],
    target: 'daemon',
    run: call =>
      call.withClient(async client => {
        const [synchronization, operation] = call.parameters;
        const answer = await client.modifyReplica({
          synchronization: synchronization!,
          operation: numberIn(REPLICA_OPERATIONS, operation!, 'operation'),
          force: call.options.force === true,
          waitForCopyState: call.options.wait as number | undefined,
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
  {
    words: ['replica', 'group', 'create'],
    summary: 'make a group of pairs that are ordered together',
    parameters: [{ usage: '<name>', about: 'its name' }],
    options: [
      {
        flags: '--type <type>',
        about: 'mirror (else), snapshot or clone',
        parse: text => numberIn(SYNC_TYPES, text, 'type'),
      },
      { flags: '--pair <pairs>', about: 'its first pairs, with commas' },
      { flags: '--delete-on-empty', about: 'it goes with its last pair' },
    ],
    examples: ['replica group create nightly --pair 6f1a,77c2'],
    target: 'daemon',
    run: call =>
      call.withClient(async client => {
        const answer = await client.createReplicaGroup({
          name: call.parameters[0]!,
          syncType: (call.options.type as number | undefined) ?? 6,
          pairs: listOf(call.options.pair),
          deleteOnEmptyElement: call.options.deleteOnEmpty === true,
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
];

const MODE_WORDS: Readonly<Record<string, string>> = { sync: 'Synchronous', async: 'Asynchronous' };

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

/** What was refused is an error of the command, whose number the JSON has. */
export function printOutcome(call: CommandCall, { outcome }: OutcomeAnswer): void {
  if (call.json) printJson(call, recordToJson(replicaOutcomeNoun, outcome));
  else if (isDone(outcome)) call.terminal.out(`${outcome.Message}\n`);
  if (!isDone(outcome)) throw new TandemError(codeOf(outcome), outcome.Message);
}

function isDone({ ReturnValue }: ReplicaOutcomeRecord): boolean {
  return ReturnValue === 0 || ReturnValue === 4096;
}

function codeOf({ ReturnValue }: ReplicaOutcomeRecord): 'INVALID_ARGUMENT' | 'REFUSED' {
  return ReturnValue === 5 ? 'INVALID_ARGUMENT' : 'REFUSED';
}

function settingsOf(call: CommandCall): string | undefined {
  const { priority, recovery, stopHostIo, rpo } = call.options;
  const properties = [
    ...(priority === undefined ? [] : [`CopyPriority = ${String(priority)};`]),
    ...(recovery === undefined ? [] : [`CopyRecoveryMode = ${String(recovery)};`]),
    ...(stopHostIo === true ? ['FailedCopyStopsHostIO = true;'] : []),
    ...(rpo === undefined ? [] : [`DesiredRPO = "${String(rpo)}";`]),
  ];
  return properties.length === 0 ? undefined : `instance of CIM_ReplicationSettingData { ${properties.join(' ')} };`;
}

function listOf(text: unknown): string[] {
  return typeof text === 'string'
    ? text
        .split(',')
        .map(part => part.trim())
        .filter(part => part !== '')
    : [];
}

/** As an interval of CIM, ddddddddhhmmss.mmmmmm:000. */
function readRpo(text: string): string {
  const seconds = Math.round(parseDuration(text) / 1000);
  if (seconds < 1 || seconds > 100 * 86_400) {
    throw new TandemError('INVALID_ARGUMENT', `“${text}” is out of range; give a duration from 1s to 100d`);
  }
  const parts = [
    [Math.floor(seconds / 86_400), 8],
    [Math.floor(seconds / 3600) % 24, 2],
    [Math.floor(seconds / 60) % 60, 2],
    [seconds % 60, 2],
  ] as const;
  return `${parts.map(([count, digits]) => String(count).padStart(digits, '0')).join('')}.000000:000`;
}

function readPriority(text: string): number {
  return numberIn(COPY_PRIORITIES, text, 'priority');
}

/** By number, or by name in any case, with dashes for blanks. Whether a number is one is for the daemon to say. */
function numberIn(names: Readonly<Record<number, string>>, text: string, what: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  const plain = (name: string): string => name.toLowerCase().replaceAll(/[^a-z]/g, '');
  const found = Object.entries(names).find(([, name]) => plain(name) === plain(text));
  if (found !== undefined) return Number(found[0]);
  const known = Object.values(names).join(', ');
  throw new TandemError('INVALID_ARGUMENT', `“${text}” is no ${what}; write one of ${known}, or its number`);
}
