import { expect, test } from 'vitest';
import { LIMITS } from '../../../src/base/limits.ts';
import { dirtyContext } from '../../../src/mirror/dirty-context.ts';
import { createDirtyMap } from '../../../src/model/dirty-map.ts';

const KIB = 1024;

test('clean and dirty stretches follow one another and fill what was asked, also from the middle of a granule', async () => {
  const map = createDirtyMap({ sizeBytes: 1000 * KIB, granuleBytes: 64 * KIB });
  const context = dirtyContext('7e7d', map);
  expect(context.name).toBe('tandem:dirty:7e7d');
  expect(await context.extents(0, 1000 * KIB)).toEqual([{ length: 1000 * KIB, flags: 0 }]);
  map.mark({ offset: 70 * KIB, length: 1 });
  map.mark({ offset: 999 * KIB, length: KIB });
  expect(await context.extents(0, 1000 * KIB)).toEqual([
    { length: 64 * KIB, flags: 0 },
    { length: 64 * KIB, flags: 1 },
    { length: 832 * KIB, flags: 0 },
    { length: 40 * KIB, flags: 1 },
  ]);
  expect(await context.extents(100 * KIB, 10 * KIB)).toEqual([{ length: 10 * KIB, flags: 1 }]);
  expect(await context.extents(100 * KIB, 100 * KIB)).toEqual([
    { length: 28 * KIB, flags: 1 },
    { length: 72 * KIB, flags: 0 },
  ]);
});

test('no more extents are told than an answer holds', async () => {
  const granules = 3 * LIMITS.nbdExtents;
  const map = createDirtyMap({ sizeBytes: granules * 4096, granuleBytes: 4096 });
  for (let granule = 0; granule < granules; granule += 2) map.mark({ offset: granule * 4096, length: 4096 });
  const extents = await dirtyContext('7e7d', map).extents(0, granules * 4096);
  expect(extents.length).toBeLessThanOrEqual(LIMITS.nbdExtents + 1);
  expect(extents[0]).toEqual({ length: 4096, flags: 1 });
});
