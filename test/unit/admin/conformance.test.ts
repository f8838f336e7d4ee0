/** The records against the classes of DFS Replication, as `test/data/dfsr-classes.json` has them from their pages. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { Column, Noun } from '../../../src/admin/records/column.ts';
import { conflictNoun } from '../../../src/admin/records/conflict.ts';
import { connectionNoun } from '../../../src/admin/records/connection.ts';
import { fileSystemNoun } from '../../../src/admin/records/file-system.ts';
import { folderNoun } from '../../../src/admin/records/folder.ts';
import { idRecordNoun } from '../../../src/admin/records/id-record.ts';
import { localMemberNoun } from '../../../src/admin/records/local-member.ts';
import { serviceNoun } from '../../../src/admin/records/service.ts';
import { sessionNoun } from '../../../src/admin/records/session.ts';
import { updateNoun } from '../../../src/admin/records/update.ts';
import { recordToJson } from '../../../src/cli/records-output.ts';
import { sample } from './fake-backend.ts';

interface Property {
  readonly type: string;
  /** Name by number. */
  readonly values?: Readonly<Record<string, string>>;
  readonly words?: readonly string[];
}

interface DfsrClass {
  readonly noun: keyof typeof NOUNS;
  readonly properties: Readonly<Record<string, Property>>;
  /** Of the pages that are the contract: all that a record may have beyond them. */
  readonly added?: readonly string[];
  /** Numbers that are given as text, and why. */
  readonly asText?: Readonly<Record<string, string>>;
}

const NOUNS = {
  connection: connectionNoun,
  session: sessionNoun,
  folder: folderNoun,
  localMember: localMemberNoun,
  fileSystem: fileSystemNoun,
  service: serviceNoun,
  idRecord: idRecordNoun,
  update: updateNoun,
  conflict: conflictNoun,
} as const satisfies Readonly<Record<string, Noun>>;

const classes = JSON.parse(readFileSync(new URL('../../data/dfsr-classes.json', import.meta.url), 'utf8')) as Readonly<
  Record<string, DfsrClass>
>;

const KINDS_BY_TYPE: Readonly<Record<string, readonly Column['kind'][]>> = {
  string: ['text', 'path'],
  boolean: ['boolean'],
  datetime: ['datetime'],
  uint8: ['number', 'choice'],
  uint32: ['number', 'choice'],
  uint64: ['number'],
  sint64: ['number'],
};

test('the pages that are the contract have 20 and 23 properties', () => {
  expect(Object.keys(classes.DfsrConnectionInfo!.properties)).toHaveLength(20);
  expect(Object.keys(classes.MSFT_DfsrSyncInfo!.properties)).toHaveLength(23);
});

describe.each(Object.entries(classes))('%s', (_, { noun: name, properties, added, asText = {} }) => {
  const noun: Noun = NOUNS[name];

  test.each(Object.entries(properties))('has %s with its type', (property, { type, values }) => {
    const column = noun.columns[property];
    expect(column, property).toBeDefined();
    expect(property in asText ? ['text'] : KINDS_BY_TYPE[type]).toContain(column!.kind);
    expect(column!.kind === 'choice').toBe(values !== undefined);
  });

  test('has the numbers of its enumerations, with their names', () => {
    for (const [property, { values }] of Object.entries(properties)) {
      const column = noun.columns[property]!;
      if (values === undefined || column.kind !== 'choice') continue;
      expect(column.names).toMatchObject(values);
      // Where Tandem knows more reasons for a conflict than the class, their numbers follow.
      const further = Object.keys(column.names).filter(number => !(number in values));
      expect(further.every(number => property === 'ConflictType' && Number(number) > 6)).toBe(true);
    }
  });

  test('is there in JSON under the exact names, numbers as numbers, each enumeration with its name beside it', () => {
    const json = recordToJson(noun, sample(noun));
    for (const [property, { type, values }] of Object.entries(properties)) {
      expect(Object.keys(json)).toContain(property);
      const value = json[property];
      const kind =
        property in asText || type === 'string' || type === 'datetime'
          ? 'string'
          : type === 'boolean'
            ? type
            : 'number';
      if (value !== null) expect(typeof value, property).toBe(kind);
      if (values) expect(json[`${property}Name`]).toBe(values[String(value)]);
    }
  });

  if (added === undefined) return;
  test('has nothing else but what is listed', () => {
    expect(Object.keys(noun.columns)).toEqual([...Object.keys(properties), ...added]);
  });
});
