import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LIMITS } from '../../../src/base/limits.ts';
import { LEVEL_FULL, LEVEL_OFF, levelNamed } from '../../../src/model/bandwidth.ts';
import { type HostLoad, nextCopyRange, overlap, paceCopy } from '../../../src/model/copy-plan.ts';
import { type ByteRange, createDirtyMap } from '../../../src/model/dirty-map.ts';
import type { CopyPriority } from '../../../src/model/replica-values.ts';

const MIB = 1024 * 1024;
const busy = { bytesPerSecond: 100 * MIB, waiting: 4, idle: 0.5 };
const idle = { bytesPerSecond: 0, waiting: 0, idle: 1 };
const pace = (priority: CopyPriority, level = LEVEL_FULL, host = busy) =>
  paceCopy({ priority, level, link: true }, host);

describe('beside busy clients', () => {
  test('each priority has a greater share than the one below, and urgent gives way to nobody', () => {
    const rates = (['Low', 'Not Managed', 'Same', 'High'] as const).map(priority => pace(priority).bytesPerSecond!);
    expect(rates).toEqual([...rates].sort((a, b) => a - b));
    expect(new Set(rates).size).toBe(4);
    expect(pace('Same').bytesPerSecond).toBe(busy.bytesPerSecond);
    expect(pace('Urgent')).toMatchObject({ windowBytes: LIMITS.copyWindowBytes, bytesPerSecond: null, reason: null });
  });

  test('a copy never stands still for them', () => {
    expect(pace('Low', LEVEL_FULL, { bytesPerSecond: 1, waiting: 90, idle: 0.5 }).bytesPerSecond).toBe(
      LIMITS.copyLeastBytesPerSecond,
    );
  });

  test('a copy has its share of its own speed where they want little, in small pieces', () => {
    const light: HostLoad = { bytesPerSecond: 1, waiting: 1, idle: 0.9 };
    const paceAt = (own: number, level = LEVEL_FULL) => paceCopy({ priority: 'Same', level, link: true }, light, own);
    expect(paceAt(80 * MIB)).toEqual({
      windowBytes: LIMITS.copyRangeBytes,
      bytesPerSecond: 40 * MIB,
      reason: 'clients',
      epochBytesPerSecond: null,
    });
    expect(paceAt(80 * MIB, levelNamed('1Mbps')!)).toMatchObject({ bytesPerSecond: 128_000, reason: 'schedule' });
    expect(paceAt(1).bytesPerSecond).toBe(LIMITS.copyLeastBytesPerSecond);
  });
});

describe('epochs', () => {
  const epochs = (priority: CopyPriority, host: HostLoad): number | null =>
    pace(priority, LEVEL_FULL, host).epochBytesPerSecond;

  test('go as fast as they can while the event loop has time, or nobody wants it', () => {
    expect(epochs('Low', { ...busy, idle: 0.3 })).toBe(null);
    expect(epochs('Low', { ...idle, idle: 0 })).toBe(null);
  });

  test('get a share of a busy event loop that the priority says', () => {
    const rates = (['Low', 'Same', 'High'] as const).map(priority => epochs(priority, { ...busy, idle: 0.2 })!);
    expect(rates).toEqual([10e6, 40e6, 100e6]);
    expect(epochs('Not Managed', { ...busy, idle: 0 })).toBe(40e6);
    expect(epochs('Urgent', { ...busy, idle: 0 })).toBe(null);
  });
});

test('the schedule holds for every priority, and not within one member', () => {
  const level = levelNamed('1Mbps')!;
  expect(pace('Urgent', level)).toMatchObject({ bytesPerSecond: 128_000, reason: 'schedule' });
  expect(pace('Urgent', LEVEL_OFF)).toMatchObject({ windowBytes: 0, reason: 'schedule' });
  expect(paceCopy({ priority: 'Same', level: LEVEL_OFF, link: false }, idle).windowBytes).toBe(LIMITS.copyWindowBytes);
});

test('every dirty byte is copied once, whatever is on its way', () => {
  const mark = fc.record({ at: fc.nat(63), granules: fc.integer({ min: 1, max: 20 }) });
  const run = (marks: readonly { at: number; granules: number }[], done: readonly number[]) => {
    const granuleBytes = 256 * 1024;
    const map = createDirtyMap({ sizeBytes: 64 * granuleBytes, granuleBytes });
    for (const { at, granules } of marks) {
      map.mark({ offset: at * granuleBytes, length: Math.min(granules, 64 - at) * granuleBytes });
    }
    const expected = map.dirtyBytes;
    let copied = 0;
    let from = 0;
    const onTheWay: ByteRange[] = [];
    for (let turn = 0; turn < 1000; turn++) {
      const next = nextCopyRange(map, from, onTheWay);
      if (next === null && onTheWay.length === 0) break;
      if (next !== null) {
        expect(onTheWay.some(range => overlap(range, next))).toBe(false);
        expect(next.length).toBeLessThanOrEqual(LIMITS.copyRangeBytes);
        onTheWay.push(next);
        copied += next.length;
        from = next.offset + next.length;
      }
      if (next === null || onTheWay.length > 3)
        map.clear(onTheWay.splice(done[turn % done.length]! % onTheWay.length, 1)[0]!);
    }
    expect(map.count).toBe(0);
    expect(copied).toBe(expected);
  };
  fc.assert(fc.property(fc.array(mark, { maxLength: 12 }), fc.array(fc.nat(9), { minLength: 1, maxLength: 9 }), run));
});
