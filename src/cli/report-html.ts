/** The health report as one page that needs nothing else: no script, no font, no picture from anywhere. */
import type { Column } from '../admin/records/column.ts';
import { type Report, type ReportSection, shownNoun } from './report.ts';
import { formatCell } from './table.ts';

const STYLE = `
body { font: 14px/1.4 system-ui, sans-serif; margin: 2em; color: #222; background: #fff; }
h1 { font-size: 1.4em; } h2 { font-size: 1.1em; margin-top: 2em; }
table { border-collapse: collapse; } th, td { border: 1px solid #ccc; padding: 0.2em 0.6em; text-align: left; vertical-align: top; }
th { background: #f0f0f0; font-size: 0.85em; } td.number { text-align: right; font-variant-numeric: tabular-nums; }
td.path { font-family: monospace; word-break: break-all; } .none { color: #777; }
`;

export function reportToHtml({ title, time, sections }: Report): string {
  const head = escapeHtml(`Health report of ${title}`);
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${head}</title>
<style>${STYLE}</style>
</head>
<body>
<h1>${head}</h1>
<p>Made at ${escapeHtml(time)}. Times in the tables are those of this host.</p>
${sections.map(sectionToHtml).join('\n')}
</body>
</html>
`;
}

function sectionToHtml(section: ReportSection): string {
  const title = `<h2>${escapeHtml(section.title)}</h2>`;
  if (section.rows.length === 0) return `${title}\n<p class="none">${escapeHtml(section.none)}</p>`;
  const columns = Object.entries(shownNoun(section).columns).filter(([, { heading }]) => heading !== undefined);
  const heads = columns.map(
    ([, { heading, about }]) => `<th title="${escapeHtml(about)}">${escapeHtml(heading!)}</th>`,
  );
  const lines = section.rows.map(row => {
    const cells = columns.map(([property, column]) => cellToHtml(column, row[property]));
    return `<tr>${cells.join('')}</tr>`;
  });
  return `${title}\n<table>\n<tr>${heads.join('')}</tr>\n${lines.join('\n')}\n</table>`;
}

function cellToHtml(column: Column, value: unknown): string {
  return `<td class="${column.kind}">${escapeHtml(formatCell(column, value))}</td>`;
}

/** For text and for attributes in double quotes. */
export function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}
