import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  formatBytes,
  formatDuration,
  formatElapsed,
  formatSize,
  parseDuration,
  parseSize,
} from '../../../src/base/sizes-and-durations.ts';

test('durations are read in every unit and in sums of units', () => {
  expect(['300ms', '10s', '5m', '1h', '60d', '2w', '1h30m', '1.5h', '0'].map(parseDuration)).toEqual([
    300, 10_000, 300_000, 3_600_000, 5_184_000_000, 1_209_600_000, 5_400_000, 5_400_000, 0,
  ]);
});

test('sizes are read in binary and decimal units and in bytes, whatever the case', () => {
  expect(['4GiB', '512 mib', '1.5TB', '10kB', '4096', '4096B'].map(parseSize)).toEqual([
    4 * 2 ** 30,
    2 ** 29,
    1.5e12,
    10_000,
    4096,
    4096,
  ]);
});

test('anything else is refused with the form that is expected', () => {
  for (const bad of ['', '5', '-1s', '1 h', '1y', 's', '1h30', '1e3s', '99999999999999d']) {
    expect(() => parseDuration(bad), bad).toThrow(/is not a duration such as 300ms/);
  }
  for (const bad of ['', 'GiB', '-1B', '1XiB', '1e3', '9999999TiB', '1 2']) {
    expect(() => parseSize(bad), bad).toThrow(/is not a size such as 512MiB/);
  }
});

test('what is written exactly is read as the same', () => {
  fc.assert(fc.property(fc.nat(2 ** 40), ms => parseDuration(formatDuration(ms)) === ms));
  fc.assert(fc.property(fc.nat(2 ** 50), bytes => parseSize(formatSize(bytes)) === bytes));
  expect([formatDuration(0), formatDuration(5_400_000), formatSize(4 * 2 ** 30), formatSize(1025)]).toEqual([
    '0s',
    '1h30m',
    '4GiB',
    '1025B',
  ]);
});

test('people get three digits and two units', () => {
  expect([0, 999, 1024, 1536, 15 * 2 ** 20, 700 * 2 ** 30].map(formatBytes)).toEqual([
    '0 B',
    '999 B',
    '1.00 KiB',
    '1.50 KiB',
    '15.0 MiB',
    '700 GiB',
  ]);
  expect([-5, 400, 61_000, 3_600_000, 90_061_000].map(formatElapsed)).toEqual([
    '0.0 s',
    '0.4 s',
    '1 min 1 s',
    '1 h',
    '1 d 1 h',
  ]);
});
