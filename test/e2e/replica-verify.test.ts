/** Bytes that somebody changed below a mirror's target are found and mended. */
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import {
  HAS_NBDSH,
  inState,
  makeMirror,
  makeVolume,
  nbdsh,
  type OutcomeRow,
  type ReplicaRow,
} from './harness/replicas.ts';
import { startGroup } from './harness/scenario.ts';
import { until } from './harness/until.ts';

type VerifiedRow = ReplicaRow &
  Readonly<Record<'Verification' | 'VerifyRanges', string>> &
  Readonly<Record<'VerifiedBytes' | 'VerifyDifferentBytes' | 'VerifyRepairedBytes', number>>;

test.skipIf(!HAS_NBDSH)(
  'a verification finds bytes that changed below the target, and --repair mends them [nbdsh]',
  async () => {
    const group = await startGroup({ label: 'verify', members: ['alpha', 'beta'] });
    const [alpha, beta] = [group.member('alpha'), group.member('beta')];
    const uri = await makeVolume(alpha, 'disk1');
    nbdsh(uri, 'h.pwrite(b"x" * 1048576, 5 * 1048576)', 'h.flush()');
    const id = await makeMirror(alpha, 'disk1', 'beta:disk1', '--mode', 'sync');
    const verify = async (...more: string[]): Promise<VerifiedRow> => {
      await beta.json<OutcomeRow>('replica', 'verify', id, ...more);
      return await until('both tell of the end', async () => {
        const rows = [
          await alpha.json<VerifiedRow>('replica', 'show', id),
          await beta.json<VerifiedRow>('replica', 'show', id),
        ];
        return rows.every(row => row.Verification === 'Completed') ? rows[0]! : null;
      });
    };
    const at = 5 * 2 ** 20 + 4096 * 7;
    const file = await open(join(beta.home, 'volumes', 'disk1', 'data'), 'r+');
    await file.write('below', at + 99);
    await file.close();

    const found = await verify();
    expect(found).toMatchObject({ VerifiedBytes: 16 * 2 ** 20, VerifyDifferentBytes: 4096, VerifyRepairedBytes: 0 });
    expect(found.VerifyRanges).toBe(`${at}+4096`);
    const events = await beta.json<{ Name: string }[]>('event', 'list');
    expect(JSON.stringify(events)).toContain('REPLICA_DIFFERS');

    expect(await verify('--repair')).toMatchObject({
      VerifyDifferentBytes: 4096,
      VerifyRepairedBytes: 4096,
      VerifyRanges: '',
    });
    expect(await verify()).toMatchObject({ VerifyDifferentBytes: 0 });
    await inState(alpha, id, 'Synchronized');

    await alpha.json('replica', 'modify', id, 'suspend');
    await expect(alpha.json('replica', 'verify', id)).rejects.toThrow(/Suspended/);
  },
);
