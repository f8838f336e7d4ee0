import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  areChangesWithin,
  CHANGE_HEAD_BYTES,
  type ChangeKind,
  createChangePack,
  packChange,
  packedBytes,
  unpackChanges,
} from '../../src/model/packed-changes.ts';

const SIZE = 2 ** 48;
const change = fc
  .record({
    kind: fc.constantFrom<ChangeKind>('write', 'trim', 'zero'),
    offset: fc.nat(SIZE / 2),
    length: fc.integer({ min: 1, max: SIZE / 2 }),
    data: fc.uint8Array({ minLength: 1, maxLength: 50 }),
  })
  .map(({ kind, offset, length, data }) =>
    kind === 'write' ? { kind, offset, length: data.length, data } : { kind, offset, length, data: new Uint8Array(0) },
  );
const changes = fc.array(change, { minLength: 1, maxLength: 20 });

test('what is packed comes out again, in its order, wherever in memory it lies', () => {
  fc.assert(
    fc.property(changes, fc.nat(7), (list, shift) => {
      const bytes = list.reduce((sum, { data }) => sum + CHANGE_HEAD_BYTES + data.length, 0);
      const pack = createChangePack(new Uint8Array(bytes + shift).subarray(shift));
      for (const one of list) expect(packChange(pack, one)).toBe(true);
      expect(packChange(pack, list[0]!)).toBe(false);
      expect([...unpackChanges(packedBytes(pack))]).toEqual(list);
      expect(areChangesWithin(packedBytes(pack), SIZE)).toBe(true);
    }),
  );
});

test('whatever bytes come, they are changes within the volume or refused', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(2 ** 20), (bytes, size) => {
      if (!areChangesWithin(bytes, size)) return;
      for (const one of unpackChanges(bytes)) {
        expect(one).not.toBeNull();
        expect(one!.offset + one!.length).toBeLessThanOrEqual(size);
      }
    }),
  );
});

test('a change that is cut off anywhere is refused', () => {
  fc.assert(
    fc.property(changes, fc.nat(), (list, at) => {
      const pack = createChangePack(new Uint8Array(4096));
      const ends = [0];
      for (const one of list) if (packChange(pack, one)) ends.push(pack.used);
      const cut = at % pack.used;
      expect(areChangesWithin(packedBytes(pack).subarray(0, cut), SIZE)).toBe(cut > 0 && ends.includes(cut));
    }),
  );
});
