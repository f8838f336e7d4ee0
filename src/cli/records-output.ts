/** Records as a command prints them: tables for people, JSON with the classes' property names for programs. */
import type { Noun } from '../admin/records/column.ts';
import type { CommandCall } from './command.ts';
import { formatProperties, formatTable } from './table.ts';

type Row = Readonly<Record<string, unknown>>;

/** The record with a sibling `…Name` beside each number that stands for a state, type or reason. */
export function recordToJson(noun: Noun, record: Row): Row {
  return Object.fromEntries(
    Object.entries(noun.columns).flatMap(([property, column]) => {
      const value = record[property];
      if (column.kind !== 'choice') return [[property, value]];
      return [
        [property, value],
        [`${property}Name`, column.names[value as number] ?? null],
      ];
    }),
  );
}

export function printJson(call: CommandCall, value: unknown): void {
  call.terminal.out(`${JSON.stringify(value, null, 2)}\n`);
}

/** `none` is the sentence for people if there are no rows; `total` is how many there are if not all are given. */
export function printRecords(
  call: CommandCall,
  list: { readonly noun: Noun; readonly rows: readonly Row[]; readonly none: string; readonly total?: number },
): void {
  const { noun, rows, none, total = rows.length } = list;
  if (call.json) {
    printJson(
      call,
      rows.map(row => recordToJson(noun, row)),
    );
  } else if (rows.length === 0) {
    call.terminal.out(`${none}\n`);
  } else {
    call.terminal.out(formatTable(noun, rows, call.terminal.columns));
    if (total > rows.length) call.terminal.out(`and ${total - rows.length} more; see them with --limit ${total}\n`);
  }
}

export function printRecord(call: CommandCall, noun: Noun, record: Row): void {
  if (call.json) printJson(call, recordToJson(noun, record));
  else call.terminal.out(formatProperties(noun, record));
}

/** What an order answers: nothing but that it was carried out. */
export function printDone(call: CommandCall, done: { readonly sentence: string; readonly json: Row }): void {
  if (call.json) printJson(call, done.json);
  else call.terminal.out(`${done.sentence}\n`);
}
