import { resolve } from 'node:path';
import { idRecordNoun } from '../../admin/records/id-record.ts';
import type { CommandSpec } from '../command.ts';
import { fileOf } from '../option-values.ts';
import { printRecord } from '../records-output.ts';

export const recordCommands: readonly CommandSpec[] = [
  {
    words: ['record', 'show'],
    summary: 'show what this member knows of one file, and what holds it back',
    parameters: [{ usage: '<file>', about: 'a path on this host, a path below the root of --folder, or a UID' }],
    options: [{ flags: '--folder <folder>', about: 'the folder; then <file> is a path below its root, or a UID' }],
    examples: [
      'record show /srv/docs/report.txt',
      'record show --folder docs report.txt',
      "record show '{3F1B2C9E-5D1A-4C7E-9A55-0D8F6F0E1B7A}-v538'",
    ],
    target: 'daemon',
    run: call =>
      call.withClient(async client => {
        const { record } = await client.record(fileOf(call, resolve));
        printRecord(call, idRecordNoun, record);
      }),
  },
];
