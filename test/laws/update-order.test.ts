/** The order of updates is total, and so members agree whatever arrives when. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { judgeUpdate } from '../../src/model/reconcile.ts';
import type { FileRecord, Update } from '../../src/model/update.ts';
import { compareUpdates, compareVersions, inheritAncestry, knows, supersedes } from '../../src/model/update-order.ts';
import { databaseOf, makeVersion } from '../../src/model/version.ts';
import { sampleUpdate } from '../unit/model/sample-update.ts';

const version = fc
  .tuple(fc.constantFrom('0', '7', 'a', 'f'), fc.integer({ min: 9, max: 13 }))
  .map(([digit, vsn]) => makeVersion(digit.repeat(32), vsn));
const uid = fc.constantFrom(...[9, 10, 11].map(vsn => makeVersion('e'.repeat(32), vsn)));
const few = fc.integer({ min: 0, max: 2 });

/** Few values for each field, so that ties happen in all of them. */
const update = fc
  .record({
    uid,
    gvsn: version,
    fence: few,
    createTime: few,
    clock: few,
    directory: fc.boolean(),
    state: few,
    ancestry: fc.uniqueArray(version, { maxLength: 3, selector: databaseOf }),
  })
  .map(({ directory, state, ...fields }) => {
    const present = state === 0;
    const kind = directory ? ('directory' as const) : ('file' as const);
    const content = present && !directory ? {} : { hash: '', size: 0 };
    return sampleUpdate({ ...fields, kind, present, nameConflict: state === 2, ...content });
  });
/** GVSNs name versions: two updates with one GVSN are the same update. */
const history = fc.uniqueArray(update, { selector: one => one.gvsn, maxLength: 12 });
const oneFile = history.map(updates => updates.map(one => ({ ...one, uid: makeVersion('e'.repeat(32), 9) })));

const sign = (value: number) => Math.sign(value);

for (const [name, compare, updates] of [
  ['the order of updates', compareUpdates, history],
  ['the order of versions of one file', compareVersions, oneFile],
] as const) {
  test(`${name} is total and antisymmetric`, () => {
    fc.assert(
      fc.property(updates, list => {
        for (const a of list) {
          for (const b of list) {
            expect(sign(compare(a, b)) + sign(compare(b, a))).toBe(0);
            expect(compare(a, b) === 0).toBe(a === b);
          }
        }
      }),
    );
  });

  test(`${name} is transitive`, () => {
    fc.assert(
      fc.property(updates, list => {
        for (const a of list) {
          for (const b of list) {
            for (const c of list) if (compare(a, b) > 0 && compare(b, c) > 0) expect(compare(a, c)).toBeGreaterThan(0);
          }
        }
      }),
    );
  });
}

test('a name given up in a conflict is never taken back by a present version', () => {
  fc.assert(
    fc.property(oneFile, list => {
      for (const a of list) for (const b of list) if (a.present && b.nameConflict) expect(supersedes(a, b)).toBe(false);
    }),
  );
});

test('the highest of each file is kept whatever the order of arrival', () => {
  const twoOrders = history.chain(list => fc.tuple(shuffled(list), shuffled([...list, ...list])));
  fc.assert(
    fc.property(twoOrders, ([once, twice]) => {
      expect(receive(twice)).toEqual(receive(once));
    }),
  );
});

test('whoever takes an update holds the highest of all it has seen', () => {
  fc.assert(
    fc.property(history, list => {
      const held = receive(list);
      for (const seen of list) expect(compareVersions(held.get(seen.uid)!, seen)).toBeGreaterThanOrEqual(0);
    }),
  );
});

test('a successor knows all that its predecessor knew, once for each database', () => {
  fc.assert(
    fc.property(update, version, (previous, any) => {
      const ancestry = inheritAncestry(previous);
      const next = { gvsn: makeVersion('1'.repeat(32), 9), ancestry };
      expect(new Set(ancestry.map(databaseOf)).size).toBe(ancestry.length);
      expect(knows(next, any)).toBe(knows(previous, any));
    }),
  );
});

function receive(updates: readonly Update[]): Map<string, Update> {
  const records = new Map<string, FileRecord>();
  for (const incoming of updates) {
    const judgement = judgeUpdate(records.get(incoming.uid), incoming);
    if (judgement.kind === 'take') records.set(incoming.uid, { ...incoming, disk: null, provisional: false });
  }
  return new Map([...records].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function shuffled<T>(list: readonly T[]): fc.Arbitrary<T[]> {
  return fc.shuffledSubarray([...list], { minLength: list.length });
}
