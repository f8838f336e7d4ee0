import { describe, expect, test } from 'vitest';
import {
  REPLICATION_TYPES,
  type ReplicationType,
  replicationTypeOf,
  supportedCopyStates,
  supportedOperations,
  supportedWaitStates,
  syncTypeOf,
} from '../../../src/model/replica-capabilities.ts';
import { arrowOf, operationsIn } from '../../../src/model/replica-operations.ts';

const mirror = { kind: 'volume', syncType: 'Mirror', group: false } as const;

describe('GetSupportedOperations', () => {
  test('names what is legal in a state, whom to ask, and what of it needs Force', () => {
    expect(supportedOperations(mirror, 'Partitioned')).toEqual([
      { operation: 'Detach', serviceControlling: 4, requiresForce: 'always', updatesSynchronizedPath: false },
      { operation: 'Failover', serviceControlling: 3, requiresForce: 'always', updatesSynchronizedPath: false },
    ]);
    const split = supportedOperations(mirror, 'Split');
    expect(split.find(({ operation }) => operation === 'Resync Replica')?.requiresForce).toBe('sometimes');
    expect(split.find(({ operation }) => operation === 'Reverse Roles')?.updatesSynchronizedPath).toBe(true);
  });

  test('names of any state what some state allows', () => {
    const any = supportedOperations(mirror, null);
    expect(any).toHaveLength(17);
    expect(any.find(({ operation }) => operation === 'Failover')?.requiresForce).toBe('sometimes');
    expect(any.find(({ operation }) => operation === 'Suspend')?.requiresForce).toBe('never');
  });
});

test('GetSupportedCopyStates of an operation are the states the table has an arrow from', () => {
  for (const operation of operationsIn('Synchronized', mirror)) {
    for (const { state } of supportedCopyStates('Mirror', operation)) {
      expect(arrowOf(operation, 'Mirror', state)).not.toBeNull();
    }
  }
  expect(supportedCopyStates('Mirror', 'Failback')).toEqual([{ state: 'Failedover', hostAccessible: true }]);
  expect(supportedCopyStates('Snapshot', null)).toHaveLength(6);
});

test('GetSupportedWaitForCopyStates are of the operation, or of what creates', () => {
  expect(supportedWaitStates('Reverse Roles')).toEqual(['Synchronized', 'Fractured', 'Split']);
  expect(supportedWaitStates('Detach')).toEqual([]);
  expect(supportedWaitStates(null)).toContain('Inactive');
});

test('every kind of replication has its type, and leads back to it', () => {
  expect(replicationTypeOf({ syncType: 'Mirror', mode: 'Synchronous', remote: true })).toBe(4);
  for (const key of Object.keys(REPLICATION_TYPES)) {
    const type = Number(key) as ReplicationType;
    const mode = type === 4 ? 'Synchronous' : 'Asynchronous';
    expect(replicationTypeOf({ syncType: syncTypeOf(type), mode, remote: type !== 11 })).toBe(type);
  }
});
