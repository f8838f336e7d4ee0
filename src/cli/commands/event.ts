import { type EventRecord, eventNoun } from '../../admin/records/event.ts';
import type { CommandSpec } from '../command.ts';
import { optionOf } from '../command.ts';
import { LIMIT_OPTION, parseCount } from '../option-values.ts';
import { printRecords, recordToJson } from '../records-output.ts';
import { formatCell } from '../table.ts';

const AFTER = {
  flags: '--after <sequence>',
  about: 'only events after this position in the journal',
  parse: (text: string) => parseCount(text, { what: 'position', from: 0, to: Number.MAX_SAFE_INTEGER }),
};

export const eventCommands: readonly CommandSpec[] = [
  {
    words: ['event', 'list'],
    summary: 'list the newest events of the member’s journal, oldest first',
    options: [AFTER, { ...LIMIT_OPTION, fallback: 100 }],
    examples: ['event list', 'event list --limit 20 --json'],
    target: 'daemon',
    run: call =>
      call.withClient(async client => {
        const { events } = await client.events({
          after: call.options.after as number | undefined,
          limit: optionOf(call, 'limit'),
        });
        printRecords(call, { noun: eventNoun, rows: events, none: 'no events' });
      }),
  },
  {
    words: ['event', 'follow'],
    summary: 'print events as they happen, until interrupted; with --json one object a line',
    options: [AFTER],
    examples: ['event follow', 'event follow --after 0 --json'],
    target: 'daemon',
    run: call =>
      call.withClient(async client => {
        for await (const event of client.followEvents(
          { after: call.options.after as number | undefined },
          call.interruption(),
        )) {
          call.terminal.out(call.json ? `${JSON.stringify(recordToJson(eventNoun, event))}\n` : eventLine(event));
        }
      }),
  },
];

function eventLine(event: EventRecord): string {
  const { columns } = eventNoun;
  const time = formatCell(columns.Time, event.Time);
  return `${time}  ${event.Severity.padEnd(11)}  ${String(event.EventId).padStart(5)}  ${event.EventName}  ${formatCell(columns.Message, event.Message)}\n`;
}
