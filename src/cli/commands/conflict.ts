import { conflictNoun } from '../../admin/records/conflict.ts';
import { type CommandSpec, optionOf } from '../command.ts';
import { FOLDER_OPTION, LIMIT_OPTION } from '../option-values.ts';
import { printDone, printRecord, printRecords } from '../records-output.ts';

const ID = { usage: '<id>', about: 'the item’s id, from “tandem conflict list”' };
const ITS_FOLDER = { flags: '--folder <folder>', about: 'the folder, where two folders have an item of the same id' };

export const conflictCommands: readonly CommandSpec[] = [
  {
    words: ['conflict', 'list'],
    summary: 'list content that was preserved when an update took its place',
    options: [FOLDER_OPTION, LIMIT_OPTION],
    examples: ['conflict list', 'conflict list --folder docs --json'],
    target: 'daemon',
    run: call =>
      call.withClient(async client => {
        const folder = call.options.folder as string | undefined;
        const { conflicts, total } = await client.conflicts({ folder, limit: optionOf(call, 'limit') });
        printRecords(call, { noun: conflictNoun, rows: conflicts, none: 'nothing is preserved', total });
      }),
  },
  {
    words: ['conflict', 'show'],
    summary: 'show one preserved item: who, when, why, which partner, and where it is now',
    parameters: [ID],
    options: [ITS_FOLDER],
    examples: ['conflict show 0198f2-report.txt'],
    target: 'daemon',
    run: call =>
      call.withClient(async client => {
        const { conflict } = await client.conflict({
          id: call.parameters[0]!,
          folder: call.options.folder as string | undefined,
        });
        printRecord(call, conflictNoun, conflict);
      }),
  },
  {
    words: ['conflict', 'restore'],
    summary: 'put a preserved item back into the folder',
    parameters: [ID],
    options: [
      ITS_FOLDER,
      { flags: '--to <path>', about: 'path below the folder’s root; else where the item was' },
      { flags: '--copy', about: 'keep the preserved item too' },
    ],
    examples: ['conflict restore 0198f2-report.txt', 'conflict restore 0198f2-report.txt --to reports/old.txt --copy'],
    target: 'daemon',
    run: call =>
      call.withClient(async client => {
        const id = call.parameters[0]!;
        const order = {
          id,
          folder: call.options.folder as string | undefined,
          to: call.options.to as string | undefined,
        };
        const { path } = await client.restoreConflict({ ...order, copy: call.options.copy === true });
        printDone(call, { sentence: `${id} is back at ${path}`, json: { id, path } });
      }),
  },
  {
    words: ['conflict', 'delete'],
    summary: 'delete a preserved item for good',
    parameters: [ID],
    options: [ITS_FOLDER],
    examples: ['conflict delete 0198f2-report.txt'],
    target: 'daemon',
    run: call =>
      call.withClient(async client => {
        const id = call.parameters[0]!;
        await client.deleteConflict({ id, folder: call.options.folder as string | undefined });
        printDone(call, { sentence: `${id} is deleted`, json: { id, deleted: true } });
      }),
  },
];
