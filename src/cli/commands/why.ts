import { resolve } from 'node:path';
import type { WhyAnswer } from '../../admin/insight.ts';
import { NEVER } from '../../admin/records/column.ts';
import { whyNoun } from '../../admin/records/why.ts';
import type { CommandSpec } from '../command.ts';
import { fileOf } from '../option-values.ts';
import { printJson, recordToJson } from '../records-output.ts';
import { formatCell } from '../table.ts';
import { printable } from '../terminal.ts';

export const whyCommands: readonly CommandSpec[] = [
  {
    words: ['why'],
    summary:
      'say what holds a file back, here and on the partners: which rule, wait, member or error, since when, and what happens next',
    parameters: [{ usage: '<file>', about: 'a path on this host, a path below the root of --folder, or a UID' }],
    options: [{ flags: '--folder <folder>', about: 'the folder; then <file> is a path below its root, or a UID' }],
    examples: ['why /srv/docs/report.txt', 'why --folder docs report.txt --json'],
    target: 'daemon',
    run: call =>
      call.withClient(async client => {
        const answer = await client.why(fileOf(call, resolve));
        if (call.json) return printJson(call, whyToJson(answer));
        call.terminal.out(whyText(answer));
      }),
  },
];

function whyToJson({ path, folder, verdict, sentence, holds }: WhyAnswer) {
  return {
    FullPathName: path,
    ReplicatedFolderName: folder,
    Verdict: verdict,
    Sentence: sentence,
    Holds: holds.map(hold => recordToJson(whyNoun, hold)),
  };
}

/** Sentences rather than a table: they are what is asked for, and no terminal is wide enough for them side by side. */
function whyText({ path, folder, verdict, sentence, holds }: WhyAnswer): string {
  const { columns } = whyNoun;
  const lines = holds.flatMap(({ Kind, Reason, Since, Next, NextTime }) => {
    const since = Since === NEVER ? '' : ` (since ${formatCell(columns.Since, Since)})`;
    const at = NextTime === NEVER ? '' : ` at ${formatCell(columns.NextTime, NextTime)}`;
    return [
      `  ${Kind}: ${printable(Reason)}${since}`,
      ...(Next + at === '' ? [] : [`    next: ${printable(Next)}${at}`]),
    ];
  });
  return [`${printable(path)} in ${printable(folder)}: ${verdict}`, printable(sentence), ...lines]
    .join('\n')
    .concat('\n');
}
