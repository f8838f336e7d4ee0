import { expect, test } from 'vitest';
import { settledBackend } from '../../../src/daemon/settled-backend.ts';
import { createFakeBackend } from '../admin/fake-backend.ts';

test('calls wait until the member stands again, and are made then', async () => {
  let stand = (): void => {};
  const standing = new Promise<void>(resolve => {
    stand = resolve;
  });
  const fake = createFakeBackend();
  let asked = 0;
  const counting = {
    ...fake,
    connections: async () => {
      asked++;
      return fake.connections();
    },
  };
  const backend = settledBackend(counting, () => standing);
  const answer = backend.connections();
  await Promise.resolve();
  expect(asked).toBe(0);
  stand();
  expect((await answer).connections).toHaveLength(1);
});
