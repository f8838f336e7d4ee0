import { type WaitRecord, waitNoun } from '../../admin/records/wait.ts';
import { TandemError } from '../../base/errors.ts';
import { LIMITS } from '../../base/limits.ts';
import { formatDuration, formatElapsed, parseDuration } from '../../base/sizes-and-durations.ts';
import { type CommandCall, type CommandSpec, optionOf } from '../command.ts';
import { createProgress } from '../progress.ts';
import { printJson, recordToJson } from '../records-output.ts';

export const waitCommands: readonly CommandSpec[] = [
  {
    words: ['wait'],
    summary: 'wait until a member has everything that is on this host’s disk now; ends with 11 when the time is over',
    options: [
      { flags: '--folder <folder>', about: 'the folder, by name or GUID', required: true },
      { flags: '--member <member>', about: 'the member that is to have it, by name or GUID', required: true },
      {
        flags: '--timeout <duration>',
        about: `for how long, such as 30s or 10m; ${formatDuration(LIMITS.waitMs)} at most`,
        fallback: '5m',
        parse: parseTimeout,
      },
    ],
    examples: ['wait --folder docs --member beta', 'wait --folder docs --member beta --timeout 30s --json'],
    target: 'daemon',
    run: call => call.withClient(client => runWait(call, query => client.waitForMember(query, call.interruption()))),
  },
];

async function runWait(
  call: CommandCall,
  wait: (query: { folder: string; member: string; timeoutMs: number }) => AsyncIterable<WaitRecord>,
): Promise<void> {
  const { terminal } = call;
  const line = createProgress(call, { firstMs: LIMITS.progressLineMs });
  let last: WaitRecord | null = null;
  try {
    for await (const progress of wait({
      folder: optionOf(call, 'folder'),
      member: optionOf(call, 'member'),
      timeoutMs: optionOf(call, 'timeout'),
    })) {
      last = progress;
      line.tell(progressLine(progress), progress.Reason === '' ? progress.MissingVersions : null);
    }
  } finally {
    line.end();
  }
  if (!last?.Arrived) throw new TandemError('CANCELLED', 'the wait was interrupted');
  if (call.json) printJson(call, recordToJson(waitNoun, last));
  else
    terminal.out(
      `${last.MemberName} has everything of ${last.ReplicatedFolderName}, after ${formatElapsed(last.ElapsedSeconds * 1000)}\n`,
    );
}

function progressLine({ Stage, MemberName, MissingVersions, Reason }: WaitRecord): string {
  if (Reason !== '') return Stage === 'scanning' ? Reason : `${MemberName}: ${Reason}`;
  return `${MemberName} lacks ${MissingVersions} versions`;
}

/** Milliseconds. */
export function parseTimeout(text: string): number {
  const ms = parseDuration(text);
  if (ms >= 1 && ms <= LIMITS.waitMs) return ms;
  throw new TandemError(
    'INVALID_ARGUMENT',
    `“${text}” is out of range; give a duration from 1ms to ${formatDuration(LIMITS.waitMs)}`,
  );
}
