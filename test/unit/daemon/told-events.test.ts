/** Events that nothing else would notice if they were missing. */
import { expect, test, vi } from 'vitest';
import { GROUP, groupWith, ROOT, startPair, type TestMember } from './two-members.ts';

async function eventsOf({ backend, events }: TestMember): Promise<string[]> {
  await events.flush();
  return (await backend.events({ limit: 1000 })).events.map(({ EventName }) => EventName);
}

test('a member that no enabled connection joins says so when it starts', async () => {
  const pair = await startPair({ ...GROUP, connections: GROUP.connections.map(each => ({ ...each, enabled: false })) });
  try {
    expect(await eventsOf(pair.alpha)).toContain('NO_CONNECTIONS');
  } finally {
    await pair.stop();
  }
  const joined = await startPair();
  try {
    expect(await eventsOf(joined.alpha)).not.toContain('NO_CONNECTIONS');
  } finally {
    await joined.stop();
  }
});

test('a staging quota that is used up is told once, however many files wait', async () => {
  const pair = await startPair(groupWith({ stagingQuotaBytes: 50_000 }));
  try {
    for (let i = 0; i < 20; i++) pair.alpha.user.writeFile(`${ROOT}/${i}`, String(i).repeat(30_000));
    pair.alpha.hint();
    await vi.waitFor(() => expect(pair.beta.user.readFile(`${ROOT}/19`).length).toBe(60_000), 20_000);
    expect((await eventsOf(pair.beta)).filter(name => name === 'STAGING_FULL')).toHaveLength(1);
  } finally {
    await pair.stop();
  }
});
