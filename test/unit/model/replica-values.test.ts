/** The enumerations against the pages, as `test/data/cim-classes.json` has them. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import {
  COPY_METHODOLOGIES,
  COPY_PRIORITIES,
  COPY_RECOVERY_MODES,
  COPY_STATES,
  COPY_TYPES,
  ELEMENT_CHOICES,
  MODES,
  nameOf,
  namesIn,
  numberOf,
  PROGRESS_STATUSES,
  REPLICA_OPERATIONS,
  REPLICA_TYPES,
  RETURN_CODES,
  SYNC_STATES,
  SYNC_TYPES,
} from '../../../src/model/replica-values.ts';

interface Pages {
  readonly CIM_StorageSynchronized: {
    readonly properties: Readonly<
      Record<string, { readonly type: string; readonly values?: object; readonly writable: boolean }>
    >;
  };
  readonly ModifyReplicaSynchronization: {
    readonly parameters: Readonly<Record<string, { readonly values?: object }>>;
    readonly returns: object;
  };
}

const pages = JSON.parse(
  readFileSync(new URL('../../data/cim-classes.json', import.meta.url), 'utf8'),
) as Readonly<Pages>;
const { properties } = pages.CIM_StorageSynchronized;

const TABLES: Readonly<Record<string, Readonly<Record<number, string>>>> = {
  CopyState: COPY_STATES,
  RequestedCopyState: COPY_STATES,
  ProgressStatus: PROGRESS_STATUSES,
  SyncState: SYNC_STATES,
  SyncType: SYNC_TYPES,
  Mode: MODES,
  CopyType: COPY_TYPES,
  ReplicaType: REPLICA_TYPES,
  CopyMethodology: COPY_METHODOLOGIES,
  CopyPriority: COPY_PRIORITIES,
  CopyRecoveryMode: COPY_RECOVERY_MODES,
  ReadOnly: ELEMENT_CHOICES,
  UndiscoveredElement: ELEMENT_CHOICES,
};

describe('CIM_StorageSynchronized', () => {
  test('has 24 properties, of which one may be written', () => {
    expect(Object.keys(properties)).toHaveLength(24);
    const writable = Object.entries(properties).filter(([, property]) => property.writable);
    expect(writable.map(([name]) => name)).toEqual(['CopyPriority']);
  });

  test('each enumeration has the numbers and names of the page', () => {
    const enumerated = Object.entries(properties).filter(([, property]) => property.values !== undefined);
    expect(enumerated.map(([name]) => name).sort()).toEqual(Object.keys(TABLES).sort());
    for (const [name, { values }] of enumerated) expect(TABLES[name], name).toEqual(values);
  });
});

test('ModifyReplicaSynchronization has the 22 operations and the return codes of the page', () => {
  const { parameters, returns } = pages.ModifyReplicaSynchronization;
  expect(REPLICA_OPERATIONS).toEqual(parameters.Operation!.values);
  expect(Object.keys(REPLICA_OPERATIONS)).toHaveLength(22);
  expect(RETURN_CODES).toEqual(returns);
});

test('every name leads back to its number, and no other number has a name', () => {
  for (const table of [...Object.values(TABLES), REPLICA_OPERATIONS]) {
    for (const name of namesIn(table)) expect(nameOf(table, numberOf(table, name))).toBe(name);
    for (const number of [-1, 1.5, 24, 32_768, Number.NaN]) expect(nameOf(table, number)).toBeUndefined();
  }
});
