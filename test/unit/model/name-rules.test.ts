import { expect, test } from 'vitest';
import { checkName, isReserved, utf8Length } from '../../../src/model/name-rules.ts';

test('anything Linux allows is a name', () => {
  for (const name of [
    'a',
    '...',
    '..a',
    ' ',
    'a\nb',
    'ü',
    'u\u0308',
    '😀',
    '\\',
    'CON',
    'a'.repeat(255),
    'é'.repeat(127),
    '-rf',
    '\u{10ffff}',
  ]) {
    expect(checkName(name), name).toBeNull();
  }
});

test('what could escape, mislead or not be stored is no name', () => {
  for (const name of ['', '.', '..', '/', 'a/b', '../x', 'a\0', '\ud800', 'a\udc00', '\udc00\ud800', 'a\ud83d']) {
    expect(checkName(name), JSON.stringify(name)).toEqual(expect.any(String));
  }
  expect(checkName('a'.repeat(256))).toContain('longer than 255 bytes');
  expect(checkName('é'.repeat(128))).toContain('longer than 255 bytes');
  expect(checkName('a'.repeat(1_000_000))!.length).toBeLessThan(200);
});

test('Tandem’s own directory is reserved only directly under the root', () => {
  expect(isReserved(true, '.tandem')).toBe(true);
  expect(isReserved(false, '.tandem')).toBe(false);
  expect(isReserved(true, '.Tandem')).toBe(false);
});

test('bytes are counted as UTF-8 has them', () => {
  for (const text of ['', 'abc', 'ü', '€', '😀', 'a😀é€', '\ud800', '\ud800x', 'x\udc00']) {
    expect(utf8Length(text)).toBe(new TextEncoder().encode(text).length);
  }
});
