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

test('streams wait as well, but for the events, which go on', async () => {
  let stand = (): void => {};
  const standing = new Promise<void>(resolve => {
    stand = resolve;
  });
  const fake = createFakeBackend();
  const backend = settledBackend(fake, () => standing);
  const stop = new AbortController();
  const { value } = await backend.followEvents({}, stop.signal)[Symbol.asyncIterator]().next();
  expect(value).toMatchObject({ Sequence: 1 });
  const query = { folder: 'docs', member: 'beta', timeoutMs: 5000 };
  const first = backend.waitForMember(query, stop.signal)[Symbol.asyncIterator]().next();
  await Promise.resolve();
  expect(fake.orders).toEqual([]);
  stand();
  expect((await first).value).toMatchObject({ Stage: 'waiting' });
  stop.abort();
});
