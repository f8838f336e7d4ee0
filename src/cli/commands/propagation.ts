import { type PropagationRecord, propagationNoun } from '../../admin/records/propagation.ts';
import { LIMITS } from '../../base/limits.ts';
import { formatDuration } from '../../base/sizes-and-durations.ts';
import { type CommandSpec, optionOf } from '../command.ts';
import { FOLDER_OPTION, LIMIT_OPTION } from '../option-values.ts';
import { printRecords } from '../records-output.ts';
import { parseTimeout } from './wait.ts';

export const propagationCommands: readonly CommandSpec[] = [
  {
    words: ['propagation', 'test'],
    summary: 'write a small hidden file into a folder and measure when each member has it; ends with 11 if one is late',
    options: [
      { flags: '--folder <folder>', about: 'the folder, by name or GUID', required: true },
      {
        flags: '--timeout <duration>',
        about: `for how long to wait for the members; ${formatDuration(LIMITS.waitMs)} at most`,
        fallback: '1m',
        parse: parseTimeout,
      },
    ],
    examples: ['propagation test --folder docs', 'propagation test --folder docs --timeout 10s --json'],
    target: 'daemon',
    run: call =>
      call.withClient(async client => {
        const rows: PropagationRecord[] = [];
        const query = { folder: optionOf<string>(call, 'folder'), timeoutMs: optionOf<number>(call, 'timeout') };
        try {
          for await (const row of client.propagationTest(query, call.interruption())) rows.push(row);
        } finally {
          // Also where one was late: the others' times are worth knowing.
          if (rows.length > 0 || call.json)
            printRecords(call, { noun: propagationNoun, rows, none: 'no other member has the folder' });
        }
      }),
  },
  {
    words: ['propagation', 'report'],
    summary: 'list the propagation tests of this member that the journal still knows, the newest first',
    options: [FOLDER_OPTION, { ...LIMIT_OPTION, fallback: 100 }],
    examples: ['propagation report', 'propagation report --folder docs --json'],
    target: 'daemon',
    run: call =>
      call.withClient(async client => {
        const folder = call.options.folder as string | undefined;
        const { rows, total } = await client.propagationReport({ folder, limit: optionOf(call, 'limit') });
        printRecords(call, {
          noun: propagationNoun,
          rows,
          total,
          none: 'no test is remembered; run “tandem propagation test --folder FOLDER”',
        });
      }),
  },
];
