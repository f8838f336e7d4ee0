/** Tables and property lists for people, made from a noun's columns. */
import type { Column, Noun } from '../admin/records/column.ts';
import { NEVER, NOT_ENDED } from '../admin/records/column.ts';
import { formatBytes, formatElapsed } from '../base/sizes-and-durations.ts';
import { displayWidth, printable, shortenEnd, shortenMiddle } from './terminal.ts';

type Row = Readonly<Record<string, unknown>>;

const GAP = 2;
const NARROWEST_TEXT = 8;
const NARROWEST_PATH = 20;

/** Lines with a heading; fitted into `columns`, or as wide as they are if that is null. */
export function formatTable(noun: Noun, rows: readonly Row[], columns: number | null): string {
  const shown = Object.entries(noun.columns).filter(([, column]) => column.heading !== undefined);
  const cells = rows.map(row => shown.map(([property, column]) => formatCell(column, row[property])));
  const natural = shown.map(([, column], index) =>
    Math.max(displayWidth(column.heading!), ...cells.map(line => displayWidth(line[index]!))),
  );
  const widths = columns === null ? natural : fitWidths(natural, { columns, shown: shown.map(([, column]) => column) });
  const line = (texts: readonly string[]) =>
    texts
      .map((text, index) => {
        const column = shown[index]![1];
        const width = widths[index]!;
        const short = column.kind === 'path' ? shortenMiddle(text, width) : shortenEnd(text, width);
        const padding = ' '.repeat(width - displayWidth(short));
        return column.kind === 'number' ? padding + short : short + padding;
      })
      .join(' '.repeat(GAP))
      .trimEnd();
  return [line(shown.map(([, column]) => column.heading!)), ...cells.map(line)].map(text => `${text}\n`).join('');
}

/** One property a line: `State  Normal` */
export function formatProperties(noun: Noun, row: Row): string {
  const properties = Object.entries(noun.columns);
  const width = Math.max(...properties.map(([property]) => property.length));
  return properties
    .map(([property, column]) => `${property.padEnd(width)}  ${formatCell(column, row[property])}`.trimEnd())
    .join('\n')
    .concat('\n');
}

export function formatCell(column: Column, value: unknown): string {
  if (value === null || value === undefined) return '–';
  switch (column.kind) {
    case 'boolean':
      return value ? 'yes' : 'no';
    case 'choice':
      return column.names[value as number] ?? String(value);
    case 'datetime':
      return formatDatetime(String(value));
    case 'number':
      if (column.unit === 'bytes') return formatBytes(value as number);
      return column.unit === 'seconds' ? formatElapsed((value as number) * 1000) : String(value);
    case 'path':
    case 'text':
      return printable(String(value));
  }
}

/** The local time, as `date` would show it: `2025-03-01 12:00:05` */
function formatDatetime(iso: string): string {
  if (iso === NEVER || iso === NOT_ENDED || iso === '') return '–';
  const time = new Date(iso);
  const two = (part: number) => String(part).padStart(2, '0');
  const day = `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())}`;
  return `${day} ${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}`;
}

/** Takes from the widest columns first. Only text and paths give, and not below what still tells something. */
function fitWidths(
  natural: readonly number[],
  limits: { readonly columns: number; readonly shown: readonly Column[] },
): number[] {
  const least = limits.shown.map(({ kind, heading }, index) => {
    const narrowest = kind === 'path' ? NARROWEST_PATH : kind === 'text' ? NARROWEST_TEXT : natural[index]!;
    return Math.min(natural[index]!, Math.max(narrowest, displayWidth(heading!)));
  });
  const widths = [...natural];
  let excess = widths.reduce((sum, width) => sum + width + GAP, -GAP) - limits.columns;
  while (excess > 0) {
    const candidates = widths
      .map((width, index) => ({ width, index }))
      .filter(({ width, index }) => width > least[index]!);
    if (candidates.length === 0) break;
    const widest = candidates.reduce((best, each) => (each.width > best.width ? each : best));
    widths[widest.index] = widest.width - 1;
    excess--;
  }
  return widths;
}
