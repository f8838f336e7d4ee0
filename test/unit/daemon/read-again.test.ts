import { expect, test, vi } from 'vitest';
import { PROTOCOL } from '../../../src/peer/link.ts';
import { GROUP, ROOT, startPair } from './two-members.ts';

test('a partner that calls while a member is building itself anew has to call again, and then hears of its folders', async () => {
  const pair = await startPair();
  const { alpha, beta } = pair;
  const { guid } = GROUP.connections[0]!;
  const greet = () =>
    alpha.member.service.establishConnection('beta', {
      protocol: PROTOCOL,
      capabilities: [],
      software: 'test',
      group: GROUP.guid,
      connection: guid,
      member: GROUP.members.get('beta')!.guid,
      configDigest: GROUP.digest,
      now: Date.now(),
      folders: [],
      forced: false,
    });
  const reachable = () => alpha.member.service.checkConnectivity('beta', { group: GROUP.guid, connection: guid });
  await alpha.readAgain(async () => {
    await expect(greet()).rejects.toMatchObject({ code: 'PEER_UNREACHABLE' });
    await expect(reachable()).rejects.toMatchObject({ code: 'PEER_UNREACHABLE' });
  });
  expect((await greet()).folders).toHaveLength(1);
  await reachable();
  alpha.user.writeFile(`${ROOT}/downstream`, 'd');
  alpha.hint();
  await vi.waitFor(() => expect(beta.user.readFile(`${ROOT}/downstream`).toString()).toBe('d'), { timeout: 10_000 });
  await pair.stop();
});
