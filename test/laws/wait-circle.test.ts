/** Circles of waits: none is found where something moves, and each that is found can be carried out in order. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { makeVersion } from '../../src/model/version.ts';
import { circleFrom, orderOfCircle, type Waiting } from '../../src/model/wait-circle.ts';

const UIDS = Array.from({ length: 7 }, (_, i) => makeVersion('e'.repeat(32), 9 + i));
const uid = fc.constantFrom(...UIDS);
const waiting: fc.Arbitrary<Waiting> = fc.record({
  uid,
  present: fc.boolean(),
  wait: fc.record({
    kind: fc.constantFrom('name', 'directory', 'contents', 'winner'),
    on: fc.uniqueArray(uid, { minLength: 1, maxLength: 3 }),
  }),
});
const world = fc.uniqueArray(waiting, { selector: one => one.uid, maxLength: UIDS.length });

test('a circle is found just where nobody in reach can go on', () => {
  fc.assert(
    fc.property(world, uid, (all, start) => {
      const waitingOf = (at: string) => all.find(one => one.uid === at);
      const circle = circleFrom(start, waitingOf);
      // Who goes on lets go on whoever waits for them alone.
      const moving = new Set<string>(UIDS.filter(one => waitingOf(one) === undefined));
      const reach = (at: string, seen: Set<string>): boolean => {
        if (seen.has(at)) return false;
        seen.add(at);
        return moving.has(at) || waitingOf(at)!.wait.on.some(next => reach(next, seen));
      };
      expect(circle === null).toBe(reach(start, new Set()));
      for (const member of circle ?? []) {
        for (const on of member.wait.on) expect(circle!.some(other => other.uid === on)).toBe(true);
      }
    }),
  );
});

test('everyone has a place in the order, after the directory they wait for unless they are astray, or deletions that wait for a circle', () => {
  fc.assert(
    fc.property(world, all => {
      const { order, astray } = orderOfCircle(all);
      expect([...order].sort()).toEqual(all.map(one => one.uid).sort());
      const place = new Map(order.map((one, i) => [one, i]));
      const awaited = (of: string, found = new Set<string>()): Set<string> => {
        for (const on of all.find(one => one.uid === of)?.wait.on ?? []) if (!found.has(on)) awaited(on, found.add(on));
        return found;
      };
      for (const member of all) {
        if (member.wait.kind !== 'directory' || astray.includes(member.uid)) continue;
        if (!member.present && [...awaited(member.uid)].some(one => awaited(one).has(one))) continue;
        for (const on of member.wait.on) {
          if (on !== member.uid && place.has(on)) expect(place.get(on)!).toBeLessThan(place.get(member.uid)!);
        }
      }
    }),
  );
});

test('only what is present goes astray', () => {
  fc.assert(
    fc.property(world, all => {
      for (const uid of orderOfCircle(all).astray) expect(all.find(one => one.uid === uid)!.present).toBe(true);
    }),
  );
});

test('the order does not depend on the order of discovery', () => {
  fc.assert(
    fc.property(world, all => {
      expect(orderOfCircle([...all].reverse())).toEqual(orderOfCircle(all));
    }),
  );
});
