/** What can be done about replicas, with whom, and whether a target holds everything, and the same. */
import {
  peerSystemNoun,
  replicaAspectNoun,
  replicaTargetNoun,
  replicationTypeNoun,
  supportedCopyStateNoun,
  supportedOperationNoun,
  supportedWaitNoun,
} from '../../admin/records/replica-capability.ts';
import { TandemError } from '../../base/errors.ts';
import { REPLICATION_TYPES } from '../../model/replica-capabilities.ts';
import { COPY_STATES, REPLICA_OPERATIONS } from '../../model/replica-values.ts';
import { type CommandSpec, optionOf } from '../command.ts';
import { printRecords } from '../records-output.ts';
import { assertDone, numberIn, PAIR, printOutcome, readSyncType } from './replica-options.ts';

export const replicaQueryCommands: readonly CommandSpec[] = [
  {
    words: ['replica', 'confirm'],
    summary: 'wait until the target of a mirror durably holds everything written so far',
    parameters: [PAIR],
    options: [{ flags: '--timeout <seconds>', about: 'give up after this', fallback: '60', parse: readSeconds }],
    examples: ['replica confirm disk1 --timeout 10'],
    target: 'daemon',
    run: call =>
      call.withClient(async client => {
        const waitMs = Number(optionOf(call, 'timeout')) * 1000;
        printOutcome(call, await client.confirmTargetData({ replica: call.parameters[0]!, waitMs }));
      }),
  },
  {
    words: ['replica', 'verify'],
    summary: 'compare all bytes of a mirror’s source and target while both are in use',
    parameters: [PAIR],
    options: [{ flags: '--repair', about: 'copy what differs from the source to the target' }],
    examples: ['replica verify disk1', 'replica verify disk1 --repair --json'],
    target: 'daemon',
    run: call =>
      call.withClient(async client => {
        const repair = call.options.repair === true;
        printOutcome(call, await client.verifyReplica({ replica: call.parameters[0]!, repair }));
      }),
  },
  {
    words: ['replica', 'targets'],
    summary: 'list what can become the target of a volume',
    options: [
      { flags: '--source <volume>', about: 'a volume of this member', required: true },
      { flags: '--type <type>', about: 'mirror or clone', required: true, parse: readSyncType },
    ],
    examples: ['replica targets --source disk1 --type clone'],
    target: 'daemon',
    run: call =>
      call.withClient(async client => {
        const query = { source: optionOf<string>(call, 'source'), syncType: optionOf<number>(call, 'type') };
        const { outcome, targets } = await client.replicaTargets(query);
        assertDone(outcome);
        const none = 'no volume that is there can be the target; “tandem replica create” makes a new one';
        printRecords(call, { noun: replicaTargetNoun, rows: targets, none });
      }),
  },
  {
    words: ['replica', 'peers'],
    summary: 'list the members that volumes can be mirrored to, and whether they answer now',
    options: [{ flags: '--reachable', about: 'only those that answer' }],
    examples: ['replica peers'],
    target: 'daemon',
    run: call =>
      call.withClient(async client => {
        const { systems } = await client.peerSystems({ reachableOnly: call.options.reachable === true });
        const none = 'no other member of the group is there';
        printRecords(call, { noun: peerSystemNoun, rows: systems, none });
      }),
  },
  {
    words: ['replica', 'capabilities'],
    summary: 'list the kinds of replication; of one, what can be ordered, and in which states',
    options: [
      {
        flags: '--type <type>',
        about: 'a ReplicationType, by name or number: its operations',
        parse: text => numberIn(REPLICATION_TYPES, text, 'ReplicationType'),
      },
      {
        flags: '--state <state>',
        about: 'with --type: the operations in this CopyState',
        parse: text => numberIn(COPY_STATES, text, 'CopyState'),
      },
      {
        flags: '--operation <operation>',
        about: 'with --type: the states in which it can be ordered; alone: what --wait may be',
        parse: text => numberIn(REPLICA_OPERATIONS, text, 'operation'),
      },
    ],
    examples: [
      'replica capabilities',
      'replica capabilities --type 5 --state synchronized',
      'replica capabilities --type 5 --operation failover',
      'replica capabilities --operation split',
    ],
    target: 'daemon',
    run: call =>
      call.withClient(async client => {
        const { type, state, operation } = call.options as Partial<Record<string, number>>;
        const none = 'nothing';
        if (type === undefined && state !== undefined) {
          throw new TandemError('INVALID_ARGUMENT', '--state needs --type: which kind of replication is meant');
        }
        if (type === undefined && operation === undefined) {
          const { types } = await client.replicationTypes();
          return printRecords(call, { noun: replicationTypeNoun, rows: types, none });
        }
        if (type === undefined) {
          const { outcome, states } = await client.supportedWaitStates({ operation });
          assertDone(outcome);
          return printRecords(call, { noun: supportedWaitNoun, rows: states, none: 'nothing can be waited for' });
        }
        if (operation !== undefined) {
          const { outcome, states } = await client.supportedCopyStates({ replicationType: type, operation });
          assertDone(outcome);
          return printRecords(call, { noun: supportedCopyStateNoun, rows: states, none: 'in no state' });
        }
        const { outcome, operations } = await client.supportedOperations({ replicationType: type, copyState: state });
        assertDone(outcome);
        printRecords(call, { noun: supportedOperationNoun, rows: operations, none });
      }),
  },
  {
    words: ['replica', 'aspects'],
    summary: 'list what is kept of dissolved pairs',
    examples: ['replica aspects'],
    target: 'daemon',
    run: call =>
      call.withClient(async client => {
        const { aspects } = await client.replicaAspects();
        const none = 'no pair was dissolved';
        printRecords(call, { noun: replicaAspectNoun, rows: aspects, none });
      }),
  },
];

function readSeconds(text: string): string {
  if (/^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 86_400) return text;
  throw new TandemError('INVALID_ARGUMENT', `“${text}” is no number of seconds from 1 to 86400`);
}
