import { expect, it } from 'vitest';
import { TandemError } from '../../../src/base/errors.ts';
import { silentLog } from '../../../src/base/log.ts';
import { systemClock } from '../../../src/base/system-clock.ts';
import { makeVersion } from '../../../src/model/version.ts';
import type { CancelRequest, FolderLink } from '../../../src/peer/link.ts';
import { Cancellations } from '../../../src/replication/cancellations.ts';

it('tells of hundreds of updates in a few calls, one at a time, and goes on after one that fails', async () => {
  const calls: CancelRequest[] = [];
  let open = 0;
  let most = 0;
  const link = {
    async cancelUpdates(request: CancelRequest) {
      calls.push(request);
      most = Math.max(most, ++open);
      await new Promise(resolve => setImmediate(resolve));
      open--;
      if (calls.length === 1) throw new TandemError('PEER_UNREACHABLE', 'it does not answer');
    },
  } as unknown as FolderLink;
  const cancellations = new Cancellations('c', { clock: systemClock, log: silentLog });
  const update = (i: number) => ({ gvsn: makeVersion('d0000000000000000000000000000001', i), reason: 'it changed' });
  for (let i = 1; i <= 500; i++) cancellations.add(link, i % 2 === 0 ? 'even' : 'odd', [update(i)]);
  const count = (folder: string) =>
    calls.filter(call => call.folder === folder).reduce((sum, call) => sum + call.updates.length, 0);
  await expect.poll(() => [count('odd'), count('even')]).toEqual([250, 250]);
  expect(calls.length).toBeLessThanOrEqual(4);
  expect(most).toBe(1);
});
