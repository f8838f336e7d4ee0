import { expect, test } from 'vitest';
import { checkPattern, compileFilter } from '../../../src/model/filters.ts';

const excludes = (pattern: string, name: string) =>
  compileFilter({ files: [pattern], directories: [] }).excludesFile(name);

test('the usual filters do what DFS Replication’s do', () => {
  const filter = compileFilter({ files: ['~*', '*.bak', '*.tmp'], directories: ['node_modules'] });
  expect(['~lock', 'x.bak', '.tmp', '~'].map(filter.excludesFile)).toEqual([true, true, true, true]);
  expect(['x~', 'x.bak2', 'x.TMP', 'node_modules'].map(filter.excludesFile)).toEqual([false, false, false, false]);
  expect(['node_modules', '~x', 'node_modules2'].map(filter.excludesDirectory)).toEqual([true, false, false]);
});

test('stars stand for any run, question marks for just one character', () => {
  expect(excludes('*', 'anything')).toBe(true);
  expect(excludes('a*c', 'abc')).toBe(true);
  expect(excludes('a*c', 'ac')).toBe(true);
  expect(excludes('a*c', 'abcd')).toBe(false);
  expect(excludes('a*b*c', 'a-b-b-c')).toBe(true);
  expect(excludes('?', '😀')).toBe(true);
  expect(excludes('??', 'a')).toBe(false);
  expect(excludes('?*', 'a')).toBe(true);
  expect(excludes('*?', '')).toBe(false);
});

test('signs that mean something elsewhere mean themselves', () => {
  expect(excludes('a.c', 'abc')).toBe(false);
  expect(excludes('[ab]', 'a')).toBe(false);
  expect(excludes('*.*', 'name')).toBe(false);
  expect(excludes('(a+)+*?', '(a+)+x')).toBe(true);
});

test('no pattern makes a name take long', () => {
  const pattern = `${'*a'.repeat(120)}*b?`;
  const started = performance.now();
  for (let i = 0; i < 100; i++) expect(excludes(pattern, 'a'.repeat(255))).toBe(false);
  expect(performance.now() - started).toBeLessThan(2000);
});

test('a pattern for paths is refused', () => {
  expect(checkPattern('*.bak')).toBeNull();
  expect(checkPattern('a/b')).toContain('names, not for paths');
  expect(checkPattern('')).toContain('empty');
});
