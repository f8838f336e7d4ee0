import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { backlogSummaryNoun } from '../../../src/admin/records/backlog-summary.ts';
import { NEVER, NOT_ENDED, type Noun, toDatetime } from '../../../src/admin/records/column.ts';
import { conflictNoun } from '../../../src/admin/records/conflict.ts';
import { connectionNoun } from '../../../src/admin/records/connection.ts';
import { attentionNoun, eventNoun } from '../../../src/admin/records/event.ts';
import { fenceNoun } from '../../../src/admin/records/fence.ts';
import { fileSystemNoun } from '../../../src/admin/records/file-system.ts';
import { folderMemberNoun, folderNoun, vectorNoun } from '../../../src/admin/records/folder.ts';
import { groupMemberNoun } from '../../../src/admin/records/group-member.ts';
import { idRecordNoun } from '../../../src/admin/records/id-record.ts';
import { localMemberNoun } from '../../../src/admin/records/local-member.ts';
import { propagationNoun } from '../../../src/admin/records/propagation.ts';
import { replicaSourceNoun, syncOperationNoun, syncReportNoun } from '../../../src/admin/records/replica-sync.ts';
import { serviceNoun } from '../../../src/admin/records/service.ts';
import { sessionNoun } from '../../../src/admin/records/session.ts';
import { backlogNoun, updateNoun } from '../../../src/admin/records/update.ts';
import { waitNoun } from '../../../src/admin/records/wait.ts';
import { whyNoun } from '../../../src/admin/records/why.ts';

const PROTO = readFileSync(new URL('../../../proto/tandem/admin/v1/admin.proto', import.meta.url), 'utf8');
const NOUNS: readonly (readonly [string, Noun])[] = [
  ['ServiceRecord', serviceNoun],
  ['FolderRecord', folderNoun],
  ['FolderMemberRecord', folderMemberNoun],
  ['VectorRecord', vectorNoun],
  ['FenceRecord', fenceNoun],
  ['LocalMemberRecord', localMemberNoun],
  ['FileSystemRecord', fileSystemNoun],
  ['ConnectionRecord', connectionNoun],
  ['SessionRecord', sessionNoun],
  ['SyncReport', syncReportNoun],
  ['SyncOperation', syncOperationNoun],
  ['ReplicaSource', replicaSourceNoun],
  ['UpdateRecord', updateNoun],
  ['BacklogRecord', backlogNoun],
  ['ConflictRecord', conflictNoun],
  ['IdRecord', idRecordNoun],
  ['EventRecord', eventNoun],
  ['AttentionRecord', attentionNoun],
  ['BacklogSummaryRecord', backlogSummaryNoun],
  ['PropagationRecord', propagationNoun],
  ['GroupMemberRecord', groupMemberNoun],
  ['WaitRecord', waitNoun],
  ['WhyRecord', whyNoun],
];
const WIRE_TYPES = {
  text: 'string',
  path: 'string',
  datetime: 'string',
  boolean: 'bool',
  choice: 'uint32',
  number: 'uint64',
} as const;

describe('admin.proto has the columns of', () => {
  test.each(NOUNS)('%s, with name and type', (message, noun) => {
    const body = new RegExp(`^message ${message} \\{\\n([^}]*)\\}`, 'm').exec(PROTO)![1]!;
    const fields = [...body.matchAll(/^ {2}(optional )?(\w+) (\w+) = (\d+) \[json_name = "(\w+)"\];/gm)];
    const expected = Object.entries(noun.columns).map(([property, column]) => [
      property,
      WIRE_TYPES[column.kind],
      column.nullable === true,
    ]);
    expect(fields.map(([, optional, type, , , property]) => [property, type, optional !== undefined])).toEqual(
      expected,
    );
    expect(new Set(fields.map(field => field[4])).size).toBe(fields.length);
  });
});

test('datetimes are ISO 8601 in UTC, with the sentinels of the classes', () => {
  expect(toDatetime(0)).toBe('1970-01-01T00:00:00.000Z');
  expect(toDatetime(null)).toBe(NEVER);
  expect(toDatetime(undefined, NOT_ENDED)).toBe('1601-01-01T00:00:00.000Z');
});
