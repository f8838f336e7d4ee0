import { RELEASE_DECISIONS, type ReleaseDecision } from '../../admin/backend.ts';
import { folderMemberNoun, folderNoun, vectorNoun } from '../../admin/records/folder.ts';
import { TandemError } from '../../base/errors.ts';
import type { CommandCall, CommandSpec } from '../command.ts';
import { printDone, printJson, printRecord, printRecords, recordToJson } from '../records-output.ts';
import { formatTable } from '../table.ts';

const FOLDER = { usage: '<folder>', about: 'name or GUID of the folder' };

export const folderCommands: readonly CommandSpec[] = [
  {
    words: ['folder', 'list'],
    summary: 'list the replicated folders of this member',
    examples: ['folder list', 'folder list --json'],
    target: 'daemon',
    run: call =>
      call.withClient(async client => {
        const { folders } = await client.folders();
        printRecords(call, {
          noun: folderNoun,
          rows: folders,
          none: 'this member has no folders; add them to group.yaml',
        });
      }),
  },
  {
    words: ['folder', 'show'],
    summary: 'show everything about one folder: state and why, counts, sizes, members',
    parameters: [FOLDER],
    examples: ['folder show docs'],
    target: 'daemon',
    run: call =>
      call.withClient(async client => {
        const { folder, members } = await client.folder({ folder: call.parameters[0]! });
        if (call.json) {
          const listed = members.map(member => recordToJson(folderMemberNoun, member));
          return printJson(call, { ...recordToJson(folderNoun, folder), Members: listed });
        }
        printRecord(call, folderNoun, folder);
        call.terminal.out(`\n${formatTable(folderMemberNoun, members, call.terminal.columns)}`);
      }),
  },
  {
    words: ['folder', 'vector'],
    summary: 'show a folder’s version vector: which versions of which databases are dealt with here',
    parameters: [FOLDER],
    examples: ['folder vector docs'],
    target: 'daemon',
    run: call =>
      call.withClient(async client => {
        const { vector, text } = await client.folderVector({ folder: call.parameters[0]! });
        if (call.json)
          return printJson(call, { Text: text, Vector: vector.map(interval => recordToJson(vectorNoun, interval)) });
        printRecords(call, { noun: vectorNoun, rows: vector, none: 'the vector is empty' });
      }),
  },
  {
    words: ['folder', 'rescan'],
    summary: 'compare the whole folder with what is known of it, now',
    parameters: [FOLDER],
    examples: ['folder rescan docs'],
    target: 'daemon',
    run: call =>
      call.withClient(async client => {
        const folder = call.parameters[0]!;
        await client.rescan({ folder });
        printDone(call, { sentence: `a full scan of ${folder} is ordered`, json: { folder, ordered: true } });
      }),
  },
  {
    words: ['folder', 'release'],
    summary: 'decide about a halted folder',
    parameters: [FOLDER],
    options: [
      { flags: '--accept', about: 'what is held is meant: tell the partners' },
      { flags: '--refuse', about: 'what is held is an accident: bring the files back from the partners' },
      { flags: '--retry', about: 'the cause is gone: look again' },
    ],
    examples: ['folder release docs --accept', 'folder release docs --refuse', 'folder release docs --retry'],
    target: 'daemon',
    run: call =>
      call.withClient(async client => {
        const folder = call.parameters[0]!;
        const decision = decisionOf(call);
        await client.release({ folder, decision });
        printDone(call, { sentence: `${folder} is released: ${decision}`, json: { folder, decision } });
      }),
  },
];

function decisionOf(call: CommandCall): ReleaseDecision {
  const given = RELEASE_DECISIONS.filter(decision => call.options[decision] === true);
  if (given.length !== 1 || given[0] === undefined) {
    throw new TandemError(
      'INVALID_ARGUMENT',
      'give one of --accept, --refuse and --retry; “tandem folder show FOLDER” tells what is held',
    );
  }
  return given[0];
}
