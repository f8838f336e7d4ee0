/** Trying a mirror's target out while it goes on being mirrored to. */
import { expect, test } from 'vitest';
import { HAS_NBDSH, inState, makeMirror, makeVolume, nbdsh, type OutcomeRow, uriOf } from './harness/replicas.ts';
import { startGroup } from './harness/scenario.ts';
import { until } from './harness/until.ts';

test.skipIf(!HAS_NBDSH)(
  'a writable snapshot of a target can be used while the mirror goes on, and keeps its moment [nbdsh]',
  async () => {
    const group = await startGroup({ label: 'try', members: ['alpha', 'beta'] });
    const [alpha, beta] = [group.member('alpha'), group.member('beta')];
    const uri = await makeVolume(alpha, 'disk1');
    nbdsh(uri, 'h.pwrite(b"1" * 4096, 0)', 'h.flush()');
    const mirror = await makeMirror(alpha, 'disk1', 'beta:disk1');
    const { Synchronization } = await beta.json<OutcomeRow>(
      ...['replica', 'create', '--type', 'snapshot', '--source', 'disk1', '--target', 'try-out', '--writable'],
    );
    await inState(beta, Synchronization!, 'Synchronized');
    const target = await uriOf(beta, 'disk1');
    const tried = target.replace('disk1', 'try-out');
    const read = (from: string, at: number): string => nbdsh(from, `print(h.pread(4, ${at}).decode())`).trim();

    nbdsh(tried, 'h.pwrite(b"tried" * 100, 8192)', 'h.flush()');
    nbdsh(uri, 'h.pwrite(b"2" * 4096, 0)', 'h.flush()');
    await until('the mirror goes on', () => read(target, 0) === '2222', { timeoutMs: 20_000, everyMs: 300 });
    expect(read(tried, 0)).toBe('1111');
    expect(read(tried, 8192)).toBe('trie');
    expect(read(target, 8192)).toBe('\0\0\0\0');
    await inState(alpha, mirror, 'Synchronized');

    // It would change the target beneath the mirror.
    const restored = await beta.tandem('replica', 'modify', Synchronization!, 'restore-from-replica', '--force');
    expect(restored.exitCode).not.toBe(0);
    expect(restored.stderr).toContain('detach that mirror first');
    await beta.json('replica', 'modify', Synchronization!, 'return-to-resourcepool');
    expect(read(target, 0)).toBe('2222');
  },
);
