/** Replicas against CIM_StorageSynchronized and ModifyReplicaSynchronization, as `test/data/cim-classes.json` has them from their pages. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { Column } from '../../../src/admin/records/column.ts';
import { METHOD_RETURN_VALUES } from '../../../src/admin/records/names.ts';
import { replicaNoun, replicaOperationNoun } from '../../../src/admin/records/replica.ts';
import { recordToJson } from '../../../src/cli/records-output.ts';
import { REPLICA_OPERATIONS, RETURN_CODES } from '../../../src/model/replica-values.ts';
import { sample } from './fake-backend.ts';

interface Property {
  readonly type: string;
  readonly writable: boolean;
  readonly values?: Readonly<Record<string, string>>;
}

const pages = JSON.parse(readFileSync(new URL('../../data/cim-classes.json', import.meta.url), 'utf8'));
const properties = pages.CIM_StorageSynchronized.properties as Readonly<Record<string, Property>>;
const columns: Readonly<Record<string, Column>> = replicaNoun.columns;

/** What Tandem tells of a pair beyond the class. */
const ADDED = [
  'InstanceID',
  'StatusReason',
  'OutOfSyncBytes',
  'LagBytes',
  'LagSeconds',
  'ReplicationGroup',
  'WhenVerified',
  'Verification',
  'VerifiedBytes',
  'VerifyDifferentBytes',
  'VerifyRepairedBytes',
  'VerifyRanges',
];
const KINDS: Readonly<Record<string, readonly Column['kind'][]>> = {
  datetime: ['datetime'],
  boolean: ['boolean'],
  uint16: ['choice', 'number'],
  reference: ['text'],
};

test('the record has the 24 properties of the page, and nothing else but what is listed', () => {
  expect(Object.keys(properties)).toHaveLength(24);
  expect(Object.keys(columns).sort()).toEqual([...Object.keys(properties), ...ADDED].sort());
});

describe.each(Object.entries(properties))('%s', (name, { type, values }) => {
  test('has its type, and the numbers and names of the page', () => {
    const column = columns[name]!;
    expect(KINDS[type]).toContain(column.kind);
    expect(column.kind === 'choice' ? column.names : undefined).toEqual(values);
  });

  test('is there in JSON, with the name of a number beside it', () => {
    const json = recordToJson(replicaNoun, sample(replicaNoun));
    expect(json).toHaveProperty(name);
    const value = json[name];
    if (values !== undefined && value !== null) expect(json[`${name}Name`]).toBe(values[String(value)]);
  });
});

test('the method has the 22 operations and the return codes of the page', () => {
  const { Operation } = pages.ModifyReplicaSynchronization.parameters as Record<string, Property>;
  expect(Object.keys(Operation!.values!)).toHaveLength(22);
  expect(REPLICA_OPERATIONS).toEqual(Operation!.values);
  expect(replicaOperationNoun.columns.Operation.names).toEqual(Operation!.values);
  const codes = pages.ModifyReplicaSynchronization.returns as Readonly<Record<string, string>>;
  expect(RETURN_CODES).toEqual(codes);
  expect(METHOD_RETURN_VALUES).toMatchObject(codes);
});
