import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { groupMemberNoun } from '../../admin/records/group-member.ts';
import { messageOf, TandemError } from '../../base/errors.ts';
import { type CommandSpec, optionOf } from '../command.ts';
import { parseCount } from '../option-values.ts';
import { printDone, printRecords, recordToJson } from '../records-output.ts';
import { gatherReport, type Report, shownNoun } from '../report.ts';
import { reportToHtml } from '../report-html.ts';
import { formatTable } from '../table.ts';
import { printable } from '../terminal.ts';

const FORMATS = ['text', 'json', 'html'] as const;

export const reportCommands: readonly CommandSpec[] = [
  {
    words: ['report'],
    summary:
      'make a health report of this member: members, folders, connections, backlogs, sessions, conflicts, troubles',
    options: [
      {
        flags: '--format <format>',
        about: 'how it is written; --json is --format json',
        fallback: 'text',
        choices: FORMATS,
      },
      { flags: '--output <file>', about: 'write it into this file, in place of what is there' },
      {
        flags: '--days <count>',
        about: 'errors and warnings of so many days',
        fallback: 7,
        parse: text => parseCount(text, { what: 'number of days', from: 1, to: 3650 }),
      },
    ],
    examples: ['report', 'report --format html --output health.html', 'report --json --days 30'],
    target: 'daemon',
    run: call =>
      call.withClient(async client => {
        const report = await gatherReport(client, { days: optionOf(call, 'days'), now: Date.now() });
        const format = call.json ? 'json' : optionOf<(typeof FORMATS)[number]>(call, 'format');
        const output = call.options.output as string | undefined;
        const columns = output === undefined ? call.terminal.columns : null;
        const text = formatReport(report, format, columns);
        if (output === undefined) return call.terminal.out(text);
        const file = resolve(output);
        await writeFile(file, text).catch(error => {
          throw new TandemError('INVALID_ARGUMENT', `the report cannot be written to ${file}: ${messageOf(error)}`);
        });
        printDone(call, { sentence: `the report is in ${file}`, json: { file } });
      }),
  },
  {
    words: ['member', 'list'],
    summary: 'list the members of the group, what runs there, and whose configuration differs',
    examples: ['member list', 'member list --json'],
    target: 'daemon',
    run: call =>
      call.withClient(async client =>
        printRecords(call, { noun: groupMemberNoun, rows: (await client.groupMembers()).members, none: 'no members' }),
      ),
  },
];

function formatReport(report: Report, format: (typeof FORMATS)[number], columns: number | null): string {
  switch (format) {
    case 'html':
      return reportToHtml(report);
    case 'json':
      return `${JSON.stringify(reportToJson(report), null, 2)}\n`;
    case 'text':
      return reportToText(report, columns);
  }
}

function reportToJson({ title, time, days, sections }: Report) {
  const lists = sections.map(({ name, noun, rows }) => [name, rows.map(row => recordToJson(noun, row))] as const);
  return { Title: title, Time: time, Days: days, ...Object.fromEntries(lists) };
}

function reportToText({ title, time, sections }: Report, columns: number | null): string {
  const parts = sections.map(section => {
    const { rows, none } = section;
    const body = rows.length > 0 ? formatTable(shownNoun(section), rows, columns) : `${none}\n`;
    return `${section.title}\n${'-'.repeat(section.title.length)}\n${body}`;
  });
  return [`Health report of ${printable(title)}, ${time}\n`, ...parts].join('\n');
}
