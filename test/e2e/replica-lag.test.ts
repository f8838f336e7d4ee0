/** How far a mirror's target may be behind. */
import { expect, test } from 'vitest';
import { eventOf, events } from './harness/admin-view.ts';
import { HAS_NBDSH, inState, makeMirror, makeVolume, nbdsh, replica } from './harness/replicas.ts';
import { startGroup } from './harness/scenario.ts';
import { until } from './harness/until.ts';

test.skipIf(!HAS_NBDSH)(
  'an event tells when a target is further behind than wanted, once, and the gauge goes back when it has caught up [nbdsh]',
  async () => {
    const group = await startGroup({ label: 'lag', members: ['alpha', 'beta'], proxied: true });
    const alpha = group.member('alpha');
    const uri = await makeVolume(alpha, 'disk1');
    const bad = await alpha.tandem(
      ...['replica', 'create', '--type', 'mirror', '--source', 'disk1', '--target', 'beta:disk1', '--rpo', '0'],
    );
    expect(bad.stderr).toContain('give a duration from 1s to 100d');
    const id = await makeMirror(alpha, 'disk1', 'beta:disk1', '--rpo', '2s');
    for (const proxy of group.border(['alpha'])) proxy.set('cut');
    nbdsh(uri, 'h.pwrite(b"x" * 4096, 0)', 'h.flush()');
    const { Message } = await eventOf(alpha, 'REPLICA_BEHIND');
    expect(Message).toMatch(/is \d+ s behind; 2 s are wanted/);
    expect((await replica(alpha, id)).LagSeconds).toBeGreaterThanOrEqual(2);
    for (const proxy of group.border(['alpha'])) proxy.set('open');
    // A short outage leaves the state as it is.
    await until('the target has caught up', async () => (await replica(alpha, id)).LagSeconds < 2, {
      timeoutMs: 30_000,
    });
    await inState(alpha, id, 'Synchronized');
    expect((await events(alpha)).filter(({ EventName }) => EventName === 'REPLICA_BEHIND')).toHaveLength(1);
  },
);
