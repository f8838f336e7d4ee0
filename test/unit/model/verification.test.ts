import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LIMITS } from '../../../src/base/limits.ts';
import { type Association, createAssociation, startCopy } from '../../../src/model/association.ts';
import {
  beginVerification,
  endVerification,
  joinRanges,
  judgeVerification,
  knownDifferentBytes,
  noteCompared,
  outOfSyncBytes,
  verificationStanding,
} from '../../../src/model/verification.ts';

const MIRROR: Association = {
  ...createAssociation(
    {
      id: '55555555-5555-4555-8555-555555555555',
      syncType: 'Mirror',
      source: { member: 'alpha', name: 'disk' },
      target: { member: 'beta', name: 'disk' },
      here: 'source',
    },
    0,
  ),
  copyState: 'Synchronized',
};
const ALL_WELL = { peerReachable: true, peerVerifies: true, running: false };

describe('what is refused', () => {
  test.each<[string, Partial<Association>, Partial<typeof ALL_WELL>, number, string]>([
    ['a snapshot', { syncType: 'Snapshot' }, {}, 1, 'not_supported'],
    ['a clone', { syncType: 'Clone' }, {}, 1, 'not_supported'],
    ['one that runs', {}, { running: true }, 6, 'busy'],
    ['one that is suspended', { copyState: 'Suspended' }, {}, 4, 'illegal_state'],
    ['one that is broken', { copyState: 'Broken' }, {}, 4, 'illegal_state'],
    ['a source that is half copied', { sourceData: 'Inconsistent' }, {}, 4, 'inconsistent'],
    ['a partner out of reach', {}, { peerReachable: false, peerVerifies: false }, 4, 'peer_unreachable'],
    ['an older partner', {}, { peerVerifies: false }, 1, 'not_supported'],
  ])('%s', (_, association, facts, returnCode, detail) => {
    const refusal = judgeVerification({ ...MIRROR, ...association }, { ...ALL_WELL, ...facts });
    expect(refusal).toMatchObject({ returnCode, detail });
  });

  test('nothing else', () => expect(judgeVerification(MIRROR, ALL_WELL)).toBeNull());
});

test.each<[Partial<Association>, unknown]>([
  [{}, 'now'],
  [{ copyState: 'Broken', brokenBy: 'link' }, 'later'],
  [{ copyState: 'Broken', brokenBy: 'link', recoveryMode: 'Manual' }, { never: 'the pair is Broken' }],
  [{ copyState: 'Broken', brokenBy: 'source' }, { never: 'the pair is Broken' }],
  [{ copyState: 'Split' }, { never: 'the pair is Split' }],
  [{ here: 'target' }, { never: 'the roles were changed' }],
])('what runs stands, of %j', (association, standing) => {
  expect(verificationStanding({ ...MIRROR, ...association })).toEqual(standing);
});

test('what was found is counted, and kept unless it was mended; what has ended stays ended', () => {
  const begun = beginVerification({ id: 'x', member: 'alpha', repair: false, sizeBytes: 100, known: [] }, 1);
  const differing = [{ offset: 8, length: 4 }];
  const found = noteCompared(begun, { end: 50, differing, repaired: false });
  expect(found).toMatchObject({ comparedBytes: 50, differentBytes: 4, repairedBytes: 0, ranges: differing });
  const mended = noteCompared(found, { end: 100, differing: [{ offset: 60, length: 8 }], repaired: true });
  expect(mended).toMatchObject({ comparedBytes: 100, differentBytes: 12, repairedBytes: 8, ranges: differing });
  const ended = endVerification(mended, { state: 'done' }, 9)!;
  expect(ended).toMatchObject({ state: 'done', endedAt: 9 });
  expect(endVerification(ended, { state: 'cancelled' }, 10)).toBeNull();
});

test('what an earlier one found stays known until it is compared again, mended or not', () => {
  const known = [
    { offset: 10, length: 30 },
    { offset: 70, length: 8 },
    { offset: 96, length: 8 },
  ];
  for (const repair of [false, true]) {
    const begun = beginVerification({ id: 'x', member: 'alpha', repair, sizeBytes: 100, known }, 1);
    expect(knownDifferentBytes(begun)).toBe(42);
    const differing = [{ offset: 12, length: 4 }];
    const half = noteCompared(begun, { end: 20, differing, repaired: repair });
    const rest = [{ offset: 20, length: 20 }, known[1], { offset: 96, length: 4 }];
    expect(half.ranges).toEqual(repair ? rest : [...differing, ...rest]);
    expect(half.differentBytes).toBe(4);
    const all = noteCompared(half, { end: 100, differing: [], repaired: repair });
    expect(all.ranges).toEqual(repair ? [] : differing);
  }
});

test('bytes out of sync are those that were not sent and those that were found, but never more than there are', () => {
  const found = { ...beginVerification({ id: 'x', member: 'alpha', repair: false, sizeBytes: 100, known: [] }, 1) };
  const verification = { ...found, ranges: [{ offset: 0, length: 60 }] };
  expect(outOfSyncBytes(MIRROR, { dirtyBytes: 10, totalBytes: 100 }, verification)).toBe(70);
  expect(outOfSyncBytes(MIRROR, { dirtyBytes: 50, totalBytes: 100 }, verification)).toBe(100);
  expect(outOfSyncBytes(MIRROR, { dirtyBytes: 10, totalBytes: 100 }, null)).toBe(10);
  expect(outOfSyncBytes(MIRROR, { dirtyBytes: null, totalBytes: 100 }, verification)).toBeNull();
  // A copy has them in its map.
  const copying = startCopy(MIRROR, { operation: null, into: 'target' });
  expect(outOfSyncBytes(copying, { dirtyBytes: 70, totalBytes: 100 }, verification)).toBe(70);
});

test('however many ranges there are, few are kept, in order and apart, and all bytes are in them', () => {
  const range = fc.record({ offset: fc.nat(100_000), length: fc.integer({ min: 1, max: 50 }) });
  fc.assert(
    fc.property(fc.array(range, { maxLength: 300 }), ranges => {
      const joined = joinRanges(ranges);
      expect(joined.length).toBeLessThanOrEqual(LIMITS.verifyRanges);
      for (const [at, { offset }] of joined.entries()) {
        if (at > 0) expect(offset).toBeGreaterThan(joined[at - 1]!.offset + joined[at - 1]!.length);
      }
      const isIn = (from: number, to: number): boolean =>
        joined.some(({ offset, length }) => offset <= from && to <= offset + length);
      for (const { offset, length } of ranges) expect(isIn(offset, offset + length)).toBe(true);
    }),
  );
});
