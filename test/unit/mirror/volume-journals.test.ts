import { expect, test } from 'vitest';
import { VolumeJournals } from '../../../src/mirror/volume-journals.ts';
import { packedWrite } from '../block/packed.ts';
import { filled, inMemory, makeVolume, readAt } from '../block/small-volume.ts';

test('a pair that comes to a volume which is a target already leaves what is staged there alone', async () => {
  const at = inMemory();
  const volume = await makeVolume(at);
  const journals = new VolumeJournals(at.files, () => false);
  const staged = (await journals.use(volume)).begin(1);
  await staged.add(packedWrite(0, filled(3000, 7)));
  const other = await journals.use(volume);
  await (await staged.commit()).applied;
  expect(other.applied).toBe(1);
  expect((await readAt(volume, 0, 1))[0]).toBe(7);
  await journals.leave(volume);
  await (await other.begin(2).commit()).applied;
  await journals.leave(volume);
  expect((await journals.use(volume)).applied).toBe(2);
  await journals.leave(volume);
  await volume.close();
});
