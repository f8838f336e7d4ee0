/** Filters match as the regular expressions do that one would write for them. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compileFilter } from '../../src/model/filters.ts';

const text = (characters: string[], maxLength: number) =>
  fc.array(fc.constantFrom(...characters), { maxLength }).map(list => list.join(''));
const pattern = text(['a', 'b', '.', '*', '*', '?', '😀', '(', '\\'], 8);
const name = text(['a', 'b', '.', '😀', '\n', '(', '\\', '*'], 10);

test('a filter excludes a name exactly if one of its patterns matches it', () => {
  fc.assert(
    fc.property(fc.array(pattern, { maxLength: 4 }), name, (patterns, one) => {
      const expected = patterns.some(source => reference(source).test(one));
      expect(compileFilter({ files: patterns, directories: [] }).excludesFile(one)).toBe(expected);
      expect(compileFilter({ files: [], directories: patterns }).excludesDirectory(one)).toBe(expected);
      expect(compileFilter({ files: [], directories: patterns }).excludesFile(one)).toBe(false);
    }),
    { numRuns: 2000 },
  );
});

function reference(pattern: string): RegExp {
  const escaped = pattern.replace(/[.+^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`^${escaped.replaceAll('*', '.*').replaceAll('?', '.')}$`, 'su');
}
