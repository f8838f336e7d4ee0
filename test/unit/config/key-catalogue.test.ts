import { expect, test } from 'vitest';
import { findKeys, KEY_CATALOGUE } from '../../../src/config/key-catalogue.ts';

const keysOf = (query: string) => findKeys(query).map(({ key }) => key);

test('every key is catalogued once in its file, with what it expects and means', () => {
  const keys = KEY_CATALOGUE.map(({ file, key }) => `${file} ${key}`);
  expect(new Set(keys).size).toBe(keys.length);
  expect(keys).toContain('group.yaml folders.<folder>.brakes.deletedShare');
  expect(keys).toContain('group.yaml connections[].from');
  expect(keys).toContain('member.yaml listen');
});

test('defaults are shown as they would stand in the file', () => {
  const entry = (key: string) => KEY_CATALOGUE.find(each => each.key === key);
  expect(entry('folders.<folder>.stagingQuota')).toMatchObject({ defaultText: '4GiB', required: false });
  expect(entry('folders.<folder>.filters.files')).toMatchObject({ defaultText: '["~*","*.bak","*.tmp"]' });
  expect(entry('members.<member>.guid')).toMatchObject({ defaultText: null, required: true });
});

test('a key is found by its whole path, with names of one’s own or placeholders, and by its end', () => {
  expect(keysOf('folders.docs.quiet')).toEqual(['folders.<folder>.quiet']);
  expect(keysOf('folders.<folder>.quiet')).toEqual(['folders.<folder>.quiet']);
  expect(keysOf('quiet')).toEqual(['folders.<folder>.quiet']);
  expect(keysOf('connections[3].from')).toEqual(['connections[].from']);
  expect(keysOf('group').filter(key => !key.startsWith('group.schedule.'))).toEqual([
    'group',
    'group',
    'group.name',
    'group.guid',
    'group.tombstoneLifetime',
    'group.schedule',
  ]);
  expect(keysOf('connections[0].schedule')).toContain('connections[].schedule.week');
  expect(keysOf('brakes')).toEqual(
    ['', '.deletedShare', '.changedShare', '.minimumFiles'].map(end => `folders.<folder>.brakes${end}`),
  );
  expect(keysOf('nonsense')).toEqual([]);
});
