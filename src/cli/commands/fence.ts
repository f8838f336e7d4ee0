import { FENCE_MODE_NAMES, type FenceRecord, fenceNoun } from '../../admin/records/fence.ts';
import { TandemError } from '../../base/errors.ts';
import { FENCE_MODES } from '../../model/fence.ts';
import { type CommandCall, type CommandSpec, optionOf } from '../command.ts';
import { printJson, recordToJson } from '../records-output.ts';

export const fenceCommands: readonly CommandSpec[] = [
  {
    words: ['folder', 'fence'],
    summary:
      'have what this member holds of a folder win over all that others changed meanwhile (authoritative restore), or give way to it',
    parameters: [
      { usage: '<folder>', about: 'name or GUID of the folder' },
      {
        usage: '[path]',
        about:
          'a file, or a directory with all in it; below the folder’s root, absolute, or a UID. Else the whole folder',
      },
    ],
    options: [
      {
        flags: '--mode <mode>',
        about:
          'fence: wins over every other version, and over every fence known so far; unfence: loses every conflict, so that partners’ versions come back; default, initial-primary, initial-sync: the ranks in between. Or 4, 0, 3, 2, 1',
        fallback: 'fence',
        parse: readMode,
      },
      { flags: '--only', about: 'a directory by itself, without what is in it' },
      { flags: '--dry-run', about: 'count what would be fenced, and change nothing' },
    ],
    examples: [
      'folder fence docs --dry-run',
      'folder fence docs',
      'folder fence docs reports/2025',
      'folder fence docs reports/2025 --mode unfence',
    ],
    target: 'daemon',
    run: call => call.withClient(client => runFence(call, order => client.fenceFolder(order, call.interruption()))),
  },
];

type Order = { folder: string; file?: string; mode: number; recursive: boolean; dryRun: boolean };

async function runFence(call: CommandCall, fence: (order: Order) => AsyncIterable<FenceRecord>): Promise<void> {
  const [folder, file] = call.parameters;
  const dryRun = call.options.dryRun === true;
  const recursive = call.options.only !== true;
  if (!recursive && file === undefined)
    throw new TandemError('INVALID_ARGUMENT', '--only goes with a path: the root itself has no record');
  const order: Order = { folder: folder!, mode: optionOf(call, 'mode'), recursive, dryRun };
  let last: FenceRecord | null = null;
  for await (const progress of fence(file === undefined ? order : { ...order, file })) last = progress;
  if (last === null || last.Stage === 'scanning') throw new TandemError('CANCELLED', 'interrupted; nothing is fenced');
  if (last.Stage === 'fencing')
    throw new TandemError('CANCELLED', 'interrupted, but the order is begun and goes on in the daemon');
  if (call.json) printJson(call, recordToJson(fenceNoun, last));
  else call.terminal.out(`${sentenceOf(last)}\n`);
}

function sentenceOf(done: FenceRecord): string {
  const { FileCount, DirectoryCount, SymlinkCount, TombstoneCount, FullPathName, ReplicatedFolderName } = done;
  const what = FullPathName === '' ? ReplicatedFolderName : `“${FullPathName}” in ${ReplicatedFolderName}`;
  const counts = `${FileCount} files, ${DirectoryCount} directories, ${SymlinkCount} symlinks and ${TombstoneCount} deletions`;
  const mode = `mode ${FENCE_MODE_NAMES[done.Mode as keyof typeof FENCE_MODE_NAMES]}, fence ${done.Fence}`;
  if (FileCount + DirectoryCount + SymlinkCount + TombstoneCount === 0)
    return `nothing to do: all of ${what} has such a fence (${mode})`;
  return done.Stage === 'counted' ? `${counts} of ${what} would get ${mode}` : `${counts} of ${what} have ${mode} now`;
}

/** Whether a number is a mode is for the daemon to say. */
function readMode(text: string): number {
  const known = FENCE_MODES[text as keyof typeof FENCE_MODES];
  if (known !== undefined) return known;
  if (/^\d{1,3}$/.test(text)) return Number(text);
  const names = Object.keys(FENCE_MODES).join(', ');
  throw new TandemError('INVALID_ARGUMENT', `“${text}” is no mode; write ${names}, or 0 to 4`);
}
