import { expect, test } from 'vitest';
import { count, datetime, NEVER, type Noun, nullable, path, text } from '../../../src/admin/records/column.ts';
import { formatProperties, formatTable } from '../../../src/cli/table.ts';
import { displayWidth, printable, shortenEnd, shortenMiddle } from '../../../src/cli/terminal.ts';

const NOUN: Noun = {
  title: 'Thing',
  about: 'A thing.',
  columns: {
    Name: text('', { heading: 'NAME' }),
    Where: path('', { heading: 'WHERE' }),
    Size: count('', { unit: 'bytes', heading: 'SIZE' }),
    Secret: text(''),
    When: nullable(datetime('', { heading: 'WHEN' })),
  },
};

test('columns stand under their headings, numbers to the right, columns without a heading left out', () => {
  const rows = [
    { Name: 'a', Where: '/x', Size: 5, Secret: 's', When: null },
    { Name: 'long name', Where: '/y', Size: 2048, Secret: 's', When: NEVER },
  ];
  expect(formatTable(NOUN, rows, null)).toBe(
    'NAME       WHERE      SIZE  WHEN\n' + //
      'a          /x          5 B  –\n' +
      'long name  /y     2.00 KiB  –\n',
  );
});

test('a narrow terminal shortens the widest columns first', () => {
  const rows = [{ Name: 'n'.repeat(40), Where: `/srv/${'d/'.repeat(40)}file.txt`, Size: 5, Secret: '', When: null }];
  const lines = formatTable(NOUN, rows, 60).trimEnd().split('\n');
  for (const line of lines) expect(displayWidth(line)).toBeLessThanOrEqual(60);
  expect(lines[1]).toMatch(/^n+…\s+\/srv\S*…\S*file\.txt +5 B {2}–$/);
});

test('a terminal too narrow for anything still gets the table', () => {
  expect(formatTable(NOUN, [{ Name: 'abcdefghijkl', Where: '/abcdefghijkl', Size: 5, When: null }], 10)).toContain(
    'abcdefg…',
  );
});

test('wide characters count twice', () => {
  expect(displayWidth('日本.txt')).toBe(8);
  expect(shortenEnd('日本語の名前', 7)).toBe('日本語…');
  expect(shortenMiddle('日本語/の/名前.txt', 14)).toBe('日本…/名前.txt');
});

test('characters that could draw on the terminal are shown by their number', () => {
  expect(printable('a\u001b[31mb\nc\u202ed')).toBe('a\\x1b[31mb\\x0ac\\u202ed');
  expect(formatTable(NOUN, [{ Name: 'x\ty', Where: '\u0007', Size: 0, When: null }], null)).toContain('x\\x09y  \\x07');
});

test('all properties are listed one a line', () => {
  expect(formatProperties(NOUN, { Name: 'a', Where: '/x', Size: 5, Secret: 's', When: null })).toBe(
    'Name    a\nWhere   /x\nSize    5 B\nSecret  s\nWhen    –\n',
  );
});
