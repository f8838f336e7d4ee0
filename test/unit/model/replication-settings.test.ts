import fc from 'fast-check';
import { expect, test } from 'vitest';
import { misfitOfSettings, parseReplicationSettings } from '../../../src/model/replication-settings.ts';

const settings = (body: string) => parseReplicationSettings(`instance of CIM_ReplicationSettingData {${body}};`);

test('what can be set is read, in any case and order', () => {
  expect(
    settings(
      ' copypriority = 4; CopyRecoveryMode=3; FailedCopyStopsHostIO = TRUE;\n OnGroupOrListError = 2; ' +
        'ConsistentPointInTime = false; DesiredCopyMethodology = 6; DesiredRPO = "00000001020304.000000:000"; ElementName = "x; y"; ',
    ),
  ).toEqual({
    settings: {
      copyPriority: 'Urgent',
      recoveryMode: 'Manual',
      failedCopyStopsHostIO: true,
      onGroupError: 'continue',
      consistentPointInTime: false,
      copyMethodology: 'Copy-On-Write',
      desiredRpoSeconds: 93_784,
    },
  });
  expect(settings('')).toEqual({ settings: {} });
  expect(settings('CopyPriority = NULL;')).toEqual({ settings: {} });
});

test.each([
  ['no instance', 'CopyPriority = 3', 'instance of'],
  ['another class', 'instance of CIM_Thing { CopyPriority = 3; }', 'instance of'],
  ['a number out of range', 'instance of CIM_ReplicationSettingData { CopyPriority = 5; }', '0 to 4'],
  ['a mode that nothing has', 'instance of CIM_ReplicationSettingData { CopyRecoveryMode = 0; }', '2 or 3'],
  ['a wrong type', 'instance of CIM_ReplicationSettingData { FailedCopyStopsHostIO = 1; }', 'true or false'],
  ['what Tandem has not', 'instance of CIM_ReplicationSettingData { Multihop = 1; }', 'Multihop'],
  ['the same twice', 'instance of CIM_ReplicationSettingData { CopyPriority = 1; COPYPRIORITY = 2; }', 'twice'],
  ['no property', 'instance of CIM_ReplicationSettingData { CopyPriority 3; }', 'no property'],
  [
    'an impossible interval',
    'instance of CIM_ReplicationSettingData { DesiredRPO = "00000000250000.000000:000"; }',
    'interval',
  ],
])('%s is refused with a sentence', (_, text, part) => {
  expect(parseReplicationSettings(text)).toEqual({ problem: expect.stringContaining(part) });
});

test('no text makes it throw', () => {
  fc.assert(
    fc.property(fc.string(), text => {
      expect(Object.keys(settings(text))).toHaveLength(1);
      expect(Object.keys(parseReplicationSettings(text))).toEqual(['problem']);
    }),
  );
});

test('ConsistentPointInTime can be had by operations that pass one moment of all sources', () => {
  const wish = { consistentPointInTime: true };
  expect(misfitOfSettings(wish, 'Mirror')).toContain('newly copied');
  expect(misfitOfSettings(wish, 'Mirror', { operation: 'Split', states: ['Synchronized'] })).toBeNull();
  expect(misfitOfSettings(wish, 'Mirror', { operation: 'Split', states: ['Synchronized', 'Suspended'] })).toContain(
    'all Synchronized',
  );
  expect(misfitOfSettings(wish, 'Mirror', { operation: 'Fracture', states: ['Synchronized'] })).toContain('Split');
  expect(misfitOfSettings(wish, 'Snapshot', { operation: 'Resync Replica', states: ['Skewed'] })).toBeNull();
  expect(misfitOfSettings(wish, 'Clone', { operation: 'Resync Replica', states: ['Synchronized'] })).toBeNull();
  expect(misfitOfSettings(wish, 'Clone', { operation: 'Detach', states: ['Synchronized'] })).toContain('of a clone');
});
