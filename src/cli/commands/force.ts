/** Orders to connections: check them, force or stop them, have content again. */
import type { AdminClient } from '../../admin/client.ts';
import { type MethodResult, methodResultNoun } from '../../admin/records/method-result.ts';
import { type ErrorCode, TandemError } from '../../base/errors.ts';
import { LEVEL_FORM, levelNamed } from '../../model/bandwidth.ts';
import { FORCE_MODES } from '../../model/force.ts';
import { type CommandCall, type CommandSpec, type OptionSpec, optionOf } from '../command.ts';
import { printJson, recordToJson } from '../records-output.ts';

const CONNECTION = { usage: '<connection>', about: 'GUID of an inbound connection, or name of its partner' };
const CONNECTION_OPTION: OptionSpec = {
  flags: '--connection <connection>',
  about: 'the inbound connection, by GUID or by its partner’s name',
  required: true,
};
const MODES = {
  schedule: FORCE_MODES.obey,
  sync: FORCE_MODES.now,
  stop: FORCE_MODES.stop,
  'until-in-sync': FORCE_MODES.untilInSync,
};

export const forceCommands: readonly CommandSpec[] = [
  {
    words: ['connection', 'check'],
    summary: 'call the partner of an inbound connection and see whether it answers and knows the connection',
    parameters: [CONNECTION],
    examples: ['connection check alpha'],
    target: 'daemon',
    run: call => order(call, client => client.checkConnectivity({ connection: call.parameters[0]! })),
  },
  {
    words: ['connection', 'force'],
    summary: 'synchronise or stop an inbound connection for a while, whatever its schedule says',
    parameters: [CONNECTION],
    options: [
      {
        flags: '--mode <mode>',
        about:
          'sync: now, for the time given; stop: not at all, for the time given; until-in-sync: now, until nothing is missing; schedule: take an order back. Or 2, 3, 4, 1',
        required: true,
        parse: readMode,
      },
      ...span({ fallback: 0, more: '. Needed for sync and stop; 0: no limit but a week' }),
    ],
    examples: [
      'connection force alpha --mode sync --minutes 60 --bandwidth 16Mbps',
      'connection force alpha --mode stop --minutes 480',
      'connection force alpha --mode until-in-sync',
      'connection force alpha --mode schedule',
    ],
    target: 'daemon',
    run: call =>
      order(call, client =>
        client.forceReplication({
          connection: call.parameters[0]!,
          mode: optionOf(call, 'mode'),
          ...spanOf(call),
        }),
      ),
  },
  {
    words: ['folder', 'force'],
    summary: 'synchronise one folder over an inbound connection for a while, whatever its schedule says',
    parameters: [{ usage: '<folder>', about: 'name or GUID of the folder' }],
    options: [CONNECTION_OPTION, ...span({ required: true })],
    examples: ['folder force docs --connection alpha --minutes 30 --bandwidth 4Mbps'],
    target: 'daemon',
    run: call =>
      order(call, client =>
        client.forceFolderReplication({
          folder: call.parameters[0]!,
          connection: optionOf(call, 'connection'),
          ...spanOf(call),
        }),
      ),
  },
  {
    words: ['update', 'force-download'],
    summary: 'have the content of one file from a partner again, even if it is believed to be here',
    parameters: [{ usage: '<uid>', about: 'UID of the file, or its path below the folder’s root' }],
    options: [{ flags: '--folder <folder>', about: 'the folder, by name or GUID', required: true }, CONNECTION_OPTION],
    examples: ['update force-download reports/may.pdf --folder docs --connection alpha'],
    target: 'daemon',
    run: call =>
      order(call, client =>
        client.forceDownload({
          uid: call.parameters[0]!,
          folder: optionOf(call, 'folder'),
          connection: optionOf(call, 'connection'),
        }),
      ),
  },
];

/** For how long and how fast an order goes before the schedule. */
function span({
  more = '',
  ...need
}: { readonly more?: string } & ({ readonly required: true } | { readonly fallback: number })): OptionSpec[] {
  return [
    {
      flags: '--minutes <count>',
      about: `for how long, at most 10080 (a week); then the schedule rules again${more}`,
      parse: readMinutes,
      ...need,
    },
    {
      flags: '--bandwidth <level>',
      about: `${LEVEL_FORM}; or its number, 0x0 to 0xF`,
      fallback: 'full',
      parse: readLevel,
    },
  ];
}

function spanOf(call: CommandCall): { readonly durationMinutes: number; readonly bandwidth: number } {
  return { durationMinutes: optionOf(call, 'minutes'), bandwidth: optionOf(call, 'bandwidth') };
}

/** Prints the result; one that is no success is also the command’s error. */
async function order(
  call: CommandCall,
  ask: (client: AdminClient) => Promise<{ readonly result: MethodResult }>,
): Promise<void> {
  const { result } = await call.withClient(ask);
  if (call.json) printJson(call, recordToJson(methodResultNoun, result));
  if (result.ReturnValue !== 0) throw new TandemError(result.ErrorCode as ErrorCode, result.Message);
  if (!call.json) call.terminal.out(`${result.Message}\n`);
}

/** Whether a number is in range is for the daemon to say. */
function readWhole(text: string, what: string): number {
  if (!/^-?(\d{1,15}|0x[0-9a-f]{1,8})$/i.test(text)) {
    throw new TandemError('INVALID_ARGUMENT', `“${text}” is no ${what}`);
  }
  return text.startsWith('-') ? -Number(text.slice(1)) : Number(text);
}

function readMode(text: string): number {
  const known = Object.keys(MODES).join(', ');
  return MODES[text as keyof typeof MODES] ?? readWhole(text, `mode; write ${known}, or 1 to 4`);
}

function readMinutes(text: string): number {
  return readWhole(text, 'number of minutes');
}

function readLevel(text: string): number {
  return levelNamed(text) ?? readWhole(text, `bandwidth level; write ${LEVEL_FORM}, or 0x0 to 0xF`);
}
