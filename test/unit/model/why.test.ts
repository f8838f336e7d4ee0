import { describe, expect, test } from 'vitest';
import { explainWhy, type PartnerFacts, type WhyFacts } from '../../../src/model/why.ts';

const HAS: PartnerFacts = { name: 'beta', has: 'yes', ahead: 0, silence: '', outbound: '', next: null };
const FACTS: WhyFacts = {
  excluded: null,
  unreadable: null,
  halt: null,
  obstacles: [],
  readOnly: false,
  notServing: '',
  updates: [],
  record: { present: true, provisional: false, nameConflict: false, author: 'alpha', madeAt: 1000 },
  disk: { look: 'as-recorded', changedAt: 900 },
  quiet: { restMs: 2000, limitMs: 60_000 },
  partners: [HAS],
  preserved: [],
};
const UPDATE = { version: '{A}-v9', partner: 'beta', stage: 'blocked', reason: 'waits for its name', since: 5 };
const kinds = (facts: Partial<WhyFacts>) => {
  const { verdict, holds } = explainWhy({ ...FACTS, ...facts });
  return [verdict, ...holds.map(({ kind }) => kind)];
};

describe('nothing holds it', () => {
  test('where every partner that is known has the version', () => {
    expect(explainWhy(FACTS)).toEqual({
      verdict: 'identical',
      sentence: 'identical everywhere known; also on beta',
      holds: [],
    });
  });

  test('also where one is not known, which is said', () => {
    const gamma: PartnerFacts = { ...HAS, name: 'gamma', has: 'unknown', silence: 'gamma does not answer', next: 77 };
    const why = explainWhy({ ...FACTS, partners: [HAS, gamma] });
    expect(why.verdict).toBe('identical');
    expect(why.sentence).toBe('identical everywhere known; also on beta; not known of gamma');
    expect(why.holds).toMatchObject([{ kind: 'partner-unknown', member: 'gamma', nextAt: 77 }]);
  });

  test('also in a read-only folder, of which nothing flows out', () => {
    expect(kinds({ readOnly: true, partners: [{ ...HAS, has: 'no' }] })).toEqual(['identical', 'read-only']);
  });

  test('and preserved copies are told of without holding anything', () => {
    const preserved = [{ id: 'c1', reason: 'lost to beta', time: 7 }];
    expect(kinds({ preserved })).toEqual(['identical', 'preserved-copy']);
    expect(explainWhy({ ...FACTS, preserved }).holds[0]!.next).toContain('tandem conflict show c1');
  });
});

describe('what holds it is named, the gravest first', () => {
  test.each<[string, Partial<WhyFacts>, string[]]>([
    [
      'a filter',
      { record: null, excluded: { kind: 'filter', reason: 'the file filter “*.tmp” excludes it' } },
      ['not-replicated', 'filter'],
    ],
    [
      'its kind',
      { record: null, excluded: { kind: 'unsupported', reason: 'fifo' } },
      ['not-replicated', 'unsupported'],
    ],
    ['an unreadable directory', { unreadable: 'a/b' }, ['held', 'unreadable']],
    [
      'a halt',
      {
        halt: { reason: 'root emptied', since: 3, command: 'tandem folder release docs --accept' },
        disk: { look: 'nothing', changedAt: null },
      },
      ['held', 'halted'],
    ],
    [
      'a full disk',
      {
        obstacles: [{ kind: 'disk-full', sentence: 'the file system is full', since: 4 }],
        updates: [{ ...UPDATE, retryAt: null }],
      },
      ['held', 'disk-full', 'pending'],
    ],
    ['an update under way', { updates: [{ ...UPDATE, retryAt: null }] }, ['held', 'pending']],
    [
      'an update that was put off',
      { record: null, disk: { look: 'nothing', changedAt: null }, updates: [{ ...UPDATE, retryAt: 99 }] },
      ['held', 'put-off'],
    ],
    ['its own restlessness', { disk: { look: 'changed', changedAt: 900 } }, ['held', 'not-quiet']],
    [
      'the first synchronisation',
      {
        record: { ...FACTS.record!, provisional: true },
        notServing: 'first synchronisation',
        partners: [{ ...HAS, has: 'no' }],
      },
      ['held', 'first-sync', 'not-serving'],
    ],
    ['a disk that has lost it', { disk: { look: 'nothing', changedAt: null } }, ['held', 'missing-here']],
    [
      'a partner that lacks it',
      { partners: [{ ...HAS, has: 'no', outbound: 'beta has not called' }] },
      ['held', 'partner-lacks'],
    ],
    [
      'a read-only folder, where it was changed',
      { readOnly: true, disk: { look: 'changed', changedAt: 900 } },
      ['held', 'undone', 'read-only'],
    ],
    [
      'a read-only folder, where it was deleted',
      { readOnly: true, disk: { look: 'nothing', changedAt: null } },
      ['held', 'undone', 'read-only'],
    ],
    ['a partner that is ahead', { partners: [{ ...HAS, ahead: 3 }] }, ['held', 'partner-ahead']],
  ])('%s', (_what, facts, expected) => {
    expect(kinds(facts)).toEqual(expected);
  });

  test('with its time and what comes next', () => {
    const { holds } = explainWhy({ ...FACTS, disk: { look: 'changed', changedAt: 900 } });
    expect(holds[0]).toMatchObject({
      since: 900,
      nextAt: 2900,
      next: 'is recorded 2 s after its last change, or after 60 s of changes',
    });
    const halted = explainWhy({
      ...FACTS,
      halt: { reason: 'emptied', since: 3, command: 'tandem folder release docs --accept' },
    });
    expect(halted.holds[0]).toMatchObject({ since: 3, next: 'decide: tandem folder release docs --accept' });
    expect(halted.sentence).toBe('the folder is halted: emptied');
  });
});

describe('a deletion', () => {
  const record = { ...FACTS.record!, present: false };
  const disk = { look: 'nothing', changedAt: null } as const;

  test('names who made it and who knows of it', () => {
    expect(explainWhy({ ...FACTS, record, disk })).toEqual({
      verdict: 'deleted',
      sentence: 'it was deleted on alpha; also on beta',
      holds: [],
    });
    expect(explainWhy({ ...FACTS, record: { ...record, author: null }, disk }).sentence).toContain(
      'not known any more',
    );
  });

  test('that a partner lacks is told as such', () => {
    const why = explainWhy({ ...FACTS, record, disk, partners: [{ ...HAS, has: 'no' }] });
    expect(why).toMatchObject({
      verdict: 'deleted',
      holds: [{ kind: 'partner-lacks', reason: 'beta lacks this deletion' }],
    });
  });

  test('does not stand where the name is in use again', () => {
    expect(kinds({ record, disk: { look: 'changed', changedAt: 900 } })).toEqual(['held', 'not-quiet']);
  });
});

test('where nothing is and nothing was', () => {
  expect(kinds({ record: null, disk: { look: 'nothing', changedAt: null } })).toEqual(['absent']);
});
