/** ReplicaSync: bring a folder up to date from a source; the queue of such orders, and the sources. */
import type { AdminClient } from '../../admin/client.ts';
import {
  replicaSourceNoun,
  type SyncReportRecord,
  syncOperationNoun,
  syncReportNoun,
} from '../../admin/records/replica-sync.ts';
import { type ErrorCode, TandemError } from '../../base/errors.ts';
import { SYNC_OPTIONS, type SyncOption } from '../../model/replica-sync.ts';
import type { CommandCall, CommandSpec, OptionSpec } from '../command.ts';
import { FOLDER_OPTION, parseCount } from '../option-values.ts';
import { createProgress } from '../progress.ts';
import { printDone, printJson, printRecords, recordToJson } from '../records-output.ts';

/** In the order of the API’s values. */
const FLAGS: readonly (readonly [SyncOption, OptionSpec])[] = [
  ['ASYNCHRONOUS_OPERATION', { flags: '--async', about: 'do not wait: answer once the order is kept' }],
  ['WRITEABLE', { flags: '--writeable', about: 'only if the folder is writable here' }],
  ['PERIODIC', { flags: '--periodic', about: 'let all that is ordered by hand go first' }],
  [
    'INTERSITE_MESSAGING',
    {
      flags: '--intersite-messaging',
      about: 'from bundles that arrived in the spool of member.yaml; asks for one where none did',
    },
  ],
  ['ALL_SOURCES', { flags: '--all-sources', about: 'from every member the folder comes from; needs --async' }],
  ['FULL', { flags: '--full', about: 'compare all that the source has, and have again what is not so here' }],
  ['URGENT', { flags: '--urgent', about: 'before all others, and at once' }],
  ['NO_DISCARD', { flags: '--no-discard', about: 'run by itself, even if an equal order waits' }],
  ['FORCE', { flags: '--force', about: 'even if the connection is disabled, stopped or closed by its schedule' }],
  ['ADD_REFERENCE', { flags: '--add-reference', about: 'see to it that the source tells this member of changes' }],
];

export const syncCommands: readonly CommandSpec[] = [
  {
    words: ['sync'],
    summary: 'bring a folder here up to date from a member it comes from, and wait until it is',
    parameters: [{ usage: '<folder>', about: 'name or GUID of the folder' }],
    options: [
      { flags: '--from <member>', about: 'the source, by name or GUID' },
      ...FLAGS.map(([, option]) => option),
      {
        flags: '--options <sum>',
        about: 'options by the values of DsReplicaSync, beside the others: 0x20 is --full',
        parse: readSum,
      },
    ],
    examples: ['sync docs --from alpha', 'sync docs --from alpha --full --force', 'sync docs --all-sources --async'],
    target: 'daemon',
    run: synchronise,
  },
  {
    words: ['queue', 'list'],
    summary: 'list ordered synchronisations: what runs, then what waits in the order of its turns',
    examples: ['queue list', 'queue list --json'],
    target: 'daemon',
    run: call =>
      call.withClient(async client => {
        const { operations } = await client.syncQueue();
        printRecords(call, { noun: syncOperationNoun, rows: operations, none: 'no synchronisations are ordered' });
      }),
  },
  {
    words: ['queue', 'cancel'],
    summary: 'take an ordered synchronisation out of the queue, or end it',
    parameters: [{ usage: '<serial>', about: 'its number in “tandem queue list”' }],
    examples: ['queue cancel 7'],
    target: 'daemon',
    run: call =>
      call.withClient(async client => {
        const bounds = { what: 'number of a synchronisation', from: 1, to: Number.MAX_SAFE_INTEGER };
        const serial = parseCount(call.parameters[0]!, bounds);
        await client.cancelSync({ serial });
        printDone(call, { sentence: `synchronisation ${serial} is cancelled`, json: { SerialNumber: serial } });
      }),
  },
  {
    words: ['replica-source', 'list'],
    summary: 'list the members that folders come from: last attempt, last success, result, failures',
    options: [FOLDER_OPTION],
    examples: ['replica-source list', 'replica-source list --folder docs --json'],
    target: 'daemon',
    run: call =>
      call.withClient(async client => {
        const { sources } = await client.replicaSources({ folder: call.options.folder as string | undefined });
        const none = 'no connection brings a folder to this member';
        printRecords(call, { noun: replicaSourceNoun, rows: sources, none });
      }),
  },
];

/** Progress goes to the error output, the result to the output; one that is no success is also the command’s error. */
async function synchronise(call: CommandCall): Promise<void> {
  const order = {
    folder: call.parameters[0]!,
    source: call.options.from as string | undefined,
    options: sumOf(call),
  };
  const signal = call.interruption();
  let serial: number | null = null;
  const progress = createProgress(call, { firstMs: 0 });
  const told = async (client: AdminClient): Promise<SyncReportRecord | null> => {
    try {
      for await (const report of client.replicaSync(order, signal)) {
        serial = report.SerialNumber;
        if (report.Done) return report;
        progress.tell(report.Message, report.MissingVersions);
      }
      return null;
    } finally {
      progress.end();
    }
  };
  const report = await call.withClient(told);
  if (report === null) {
    const goesOn = serial === null ? '' : `; it goes on, “tandem queue cancel ${serial}” ends it`;
    throw new TandemError('CANCELLED', `nobody waits for the synchronisation any more${goesOn}`);
  }
  if (call.json) printJson(call, recordToJson(syncReportNoun, report));
  if (report.ReturnValue !== 0) {
    throw new TandemError(report.ErrorCode as ErrorCode, `${report.Message} (${report.ReturnValue})`);
  }
  if (!call.json) call.terminal.out(`${report.Message}\n`);
}

function sumOf({ options }: CommandCall): number {
  const given = FLAGS.filter(([name, { flags }]) => {
    // The parser takes “--no-…” for the opposite of an option.
    if (name === 'NO_DISCARD') return options.discard === false;
    return options[flags.slice(2).replaceAll(/-(\w)/g, (_, letter: string) => letter.toUpperCase())] === true;
  });
  const sum = (options.options as number | undefined) ?? 0;
  const named = given.reduce((all, [name]) => all | SYNC_OPTIONS[name], 0);
  // Beyond 32 bits there are no options: it is for the daemon to refuse them.
  return Math.abs(sum) > 0x7fffffff ? sum : sum | named;
}

function readSum(text: string): number {
  if (!/^(\d{1,15}|0x[0-9a-f]{1,8})$/i.test(text)) {
    throw new TandemError('INVALID_ARGUMENT', `“${text}” is no sum of options; write a number such as 0x21`);
  }
  return Number(text);
}
