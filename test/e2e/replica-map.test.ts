/** What a partner lacks of a mirrored volume, asked for by a real NBD client. */
import { expect, test } from 'vitest';
import { HAS_NBDSH, inState, makeMirror, makeVolume, mapOf, nbdsh } from './harness/replicas.ts';
import { startGroup } from './harness/scenario.ts';

test.skipIf(!HAS_NBDSH)(
  'an NBD client sees in the map of a mirrored volume what its partner lacks [nbdinfo, nbdsh]',
  async () => {
    const group = await startGroup({ label: 'map', members: ['alpha', 'beta'] });
    const alpha = group.member('alpha');
    const uri = await makeVolume(alpha, 'disk1');
    const id = await makeMirror(alpha, 'disk1', 'beta:disk1');
    const context = `tandem:dirty:${id}`;
    expect(mapOf(uri, context)).toMatchObject([{ offset: 0, length: 16 * 2 ** 20, type: 0 }]);

    await alpha.json('replica', 'modify', id, 'suspend');
    await inState(alpha, id, 'Suspended');
    nbdsh(uri, 'h.pwrite(b"x" * 512, 5 * 1048576)', 'h.flush()');
    const dirty = mapOf(uri, context).filter(({ type }) => type === 1);
    expect(dirty).toHaveLength(1);
    const { offset, length } = dirty[0]!;
    expect(offset).toBeLessThanOrEqual(5 * 2 ** 20);
    expect(offset + length).toBeGreaterThanOrEqual(5 * 2 ** 20 + 512);
    expect(length).toBeLessThanOrEqual(2 ** 20);

    await alpha.json('replica', 'modify', id, 'resume', '--wait', 'synchronized');
    await inState(alpha, id, 'Synchronized');
    expect(mapOf(uri, context)).toMatchObject([{ type: 0 }]);
    await alpha.json('replica', 'modify', id, 'detach');
    expect(() => mapOf(uri, context)).toThrow();
  },
);
