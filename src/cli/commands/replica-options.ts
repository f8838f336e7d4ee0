/** What commands about replicas have in common: their options, and what they print of an outcome. */
import { type ReplicaOutcomeRecord, replicaOutcomeNoun } from '../../admin/records/replica.ts';
import type { OutcomeAnswer } from '../../admin/replicas.ts';
import { TandemError } from '../../base/errors.ts';
import { parseDuration } from '../../base/sizes-and-durations.ts';
import { COPY_PRIORITIES, COPY_RECOVERY_MODES, COPY_STATES, MODES, SYNC_TYPES } from '../../model/replica-values.ts';
import type { CommandCall } from '../command.ts';
import { printJson, recordToJson } from '../records-output.ts';

export const PAIR = { usage: '<pair>', about: 'the pair, by its id, the beginning of it, or its target' };
export const PRIORITY_FORM = `one of ${Object.values(COPY_PRIORITIES).join(', ').toLowerCase()}, or 0 to 4`;
export const WAIT = {
  flags: '--wait <state>',
  about: 'answer when the pair is in this CopyState, by name or number, or after a minute',
  parse: (text: string) => numberIn(COPY_STATES, text, 'CopyState'),
} as const;

export const SETTINGS = [
  {
    flags: '--stop-host-io [value]',
    about: 'synchronous: writes wait, then fail, while the target is out of reach; “false” lets them go on',
  },
  {
    flags: '--recovery <mode>',
    about: 'whether it goes on by itself when the link is back: automatic (else) or manual',
    parse: (text: string) => numberIn(COPY_RECOVERY_MODES, text, 'recovery mode'),
  },
  { flags: '--priority <priority>', about: PRIORITY_FORM, parse: readPriority },
  {
    flags: '--rpo <duration>',
    about: 'an event tells when a mirror’s target is further behind than this; 1s to 100d',
    parse: readRpo,
  },
] as const;

const MODE_WORDS: Readonly<Record<string, string>> = { sync: 'Synchronous', async: 'Asynchronous' };
/** What was refused is an error of the command, whose number the JSON has. */
export function printOutcome(call: CommandCall, { outcome }: OutcomeAnswer): void {
  if (call.json) printJson(call, recordToJson(replicaOutcomeNoun, outcome));
  else if (isDone(outcome)) call.terminal.out(`${outcome.Message}\n`);
  assertDone(outcome);
}

export function assertDone(outcome: ReplicaOutcomeRecord): void {
  if (!isDone(outcome)) throw new TandemError(codeOf(outcome), outcome.Message);
}

function isDone({ ReturnValue }: ReplicaOutcomeRecord): boolean {
  return ReturnValue === 0 || ReturnValue === 4096;
}

function codeOf({ ReturnValue }: ReplicaOutcomeRecord): 'INVALID_ARGUMENT' | 'REFUSED' {
  return ReturnValue === 5 ? 'INVALID_ARGUMENT' : 'REFUSED';
}

export function settingsOf(call: CommandCall): string | undefined {
  const { priority, recovery, stopHostIo, rpo, goOn } = call.options;
  const properties = [
    ...(priority === undefined ? [] : [`CopyPriority = ${String(priority)};`]),
    ...(recovery === undefined ? [] : [`CopyRecoveryMode = ${String(recovery)};`]),
    ...(stopHostIo === undefined ? [] : [`FailedCopyStopsHostIO = ${String(stopHostIo)};`]),
    ...(rpo === undefined ? [] : [`DesiredRPO = "${String(rpo)}";`]),
    ...(goOn === true ? ['OnGroupOrListError = 2;'] : []),
  ];
  return properties.length === 0 ? undefined : `instance of CIM_ReplicationSettingData { ${properties.join(' ')} };`;
}

export function listOf(text: unknown): string[] {
  return typeof text === 'string'
    ? text
        .split(',')
        .map(part => part.trim())
        .filter(part => part !== '')
    : [];
}

export function readMode(text: string): number {
  return numberIn({ ...MODES }, MODE_WORDS[text] ?? text, 'mode');
}

export function readSyncType(text: string): number {
  return numberIn(SYNC_TYPES, text, 'type');
}

/** As an interval of CIM, ddddddddhhmmss.mmmmmm:000. */
function readRpo(text: string): string {
  const seconds = Math.round(parseDuration(text) / 1000);
  if (seconds < 1 || seconds > 100 * 86_400) {
    throw new TandemError('INVALID_ARGUMENT', `“${text}” is out of range; give a duration from 1s to 100d`);
  }
  const parts = [
    [Math.floor(seconds / 86_400), 8],
    [Math.floor(seconds / 3600) % 24, 2],
    [Math.floor(seconds / 60) % 60, 2],
    [seconds % 60, 2],
  ] as const;
  return `${parts.map(([count, digits]) => String(count).padStart(digits, '0')).join('')}.000000:000`;
}

export function readPriority(text: string): number {
  return numberIn(COPY_PRIORITIES, text, 'priority');
}

/** By number, or by name in any case, with dashes for blanks. Whether a number is one is for the daemon to say. */
export function numberIn(names: Readonly<Record<number, string>>, text: string, what: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  const plain = (name: string): string => name.toLowerCase().replaceAll(/[^a-z]/g, '');
  const found = Object.entries(names).find(([, name]) => plain(name) === plain(text));
  if (found !== undefined) return Number(found[0]);
  const known = Object.values(names).join(', ');
  throw new TandemError('INVALID_ARGUMENT', `“${text}” is no ${what}; write one of ${known}, or its number`);
}
