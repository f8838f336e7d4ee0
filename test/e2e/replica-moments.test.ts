/** Orders to groups while clients write to all of their volumes: what comes of it is one moment of all of them. */
import { expect, test } from 'vitest';
import type { Member } from './harness/member.ts';
import {
  HAS_NBDSH,
  inState,
  makeMirror,
  makeVolume,
  nbdsh,
  type OutcomeRow,
  startNbdsh,
  uriOf,
} from './harness/replicas.ts';
import { startGroup } from './harness/scenario.ts';
import { until } from './harness/until.ts';

const MIB = 1_048_576;
/** Each look into a volume is a program that starts. */
const TIME_MS = 240_000;

/** Writes stamps 1, 2, 3, … to the two volumes in turn, each when the one before is answered, and says how far it is. */
function startStamps(first: string, second: string) {
  return startNbdsh(
    first,
    'import nbd, sys, time',
    'g = nbd.NBD()',
    `g.connect_uri("${second}")`,
    'for i in range(250000):',
    '    (h if i % 2 == 0 else g).pwrite((i + 1).to_bytes(512, "big"), i // 2 * 512)',
    '    time.sleep(0.0005)',
    '    if i % 50 == 0: print(i + 1, flush=True)',
  );
}

/** How many stamps the element has: they lie one after the other from its beginning. */
function countStamps(uri: string, parity: number): number {
  const text = nbdsh(
    uri,
    'count = 0',
    'gap = False',
    `for at in range(0, 64, 16):`,
    `    data = h.pread(16 * ${MIB}, at * ${MIB})`,
    '    for block in range(0, len(data), 512):',
    '        stamp = int.from_bytes(data[block:block+512], "big")',
    '        if stamp == 0: gap = True',
    `        elif gap or stamp != count * 2 + 1 + ${parity}: raise Exception("stamp %d after %d" % (stamp, count))`,
    '        else: count += 1',
    'print(count)',
  );
  return Number(text);
}

function expectOneMoment(first: string, second: string): number {
  const [ones, others] = [countStamps(first, 0), countStamps(second, 1)];
  expect(ones - others, `${ones} and ${others} stamps`).toBeGreaterThanOrEqual(0);
  expect(ones - others, `${ones} and ${others} stamps`).toBeLessThanOrEqual(1);
  return ones + others;
}

async function written(stamps: ReturnType<typeof startStamps>, more: number): Promise<void> {
  const count = (): number => Number(stamps.output().trim().split('\n').at(-1) ?? 0);
  const before = count();
  await until('stamps are written', () => count() >= before + more, { timeoutMs: 30_000, everyMs: 20 });
}

const modify = (member: Member, id: string, operation: string) =>
  member.json<OutcomeRow>('replica', 'modify', id, operation);

test.skipIf(!HAS_NBDSH)(
  'a consistent group of mirrors has no later write without the earlier one, when it is split and when its source is lost [nbdsh]',
  async () => {
    const group = await startGroup({ label: 'moments', members: ['alpha', 'beta'] });
    const [alpha, beta] = [group.member('alpha'), group.member('beta')];
    const uris = [await makeVolume(alpha, 'data', '64MiB'), await makeVolume(alpha, 'log', '64MiB')] as const;
    const ids = [await makeMirror(alpha, 'data', 'beta:data'), await makeMirror(alpha, 'log', 'beta:log')] as const;
    await alpha.json('replica', 'group', 'create', 'base', '--pair', ids.join(','), '--consistent');
    await groupIs(alpha, 'Consistent');

    const stamps = startStamps(...uris);
    await written(stamps, 500);
    await modify(alpha, 'base', 'split');
    for (const id of ids) await inState(beta, id, 'Split');
    await written(stamps, 500);
    const there = expectOneMoment(await uriOf(beta, 'data'), await uriOf(beta, 'log'));
    expect(there).toBeGreaterThanOrEqual(500);

    // Nobody orders a moment when the source is lost.
    await modify(alpha, 'base', 'resync-replica');
    for (const id of ids) await inState(beta, id, 'Synchronized');
    await groupIs(alpha, 'Consistent');
    await written(stamps, 300);
    await alpha.kill();
    stamps.end();
    expect(expectOneMoment(await uriOf(beta, 'data'), await uriOf(beta, 'log'))).toBeGreaterThan(there);
  },
  TIME_MS,
);

test.skipIf(!HAS_NBDSH)(
  'snapshots of a group are of one moment, again and again [nbdsh]',
  async () => {
    const group = await startGroup({ label: 'moments', members: ['alpha'] });
    const alpha = group.member('alpha');
    const uris = [await makeVolume(alpha, 'data', '64MiB'), await makeVolume(alpha, 'log', '64MiB')] as const;
    const create = ['replica', 'group', 'create-replica', 'nightly', '--type', 'snapshot', '--source', 'data,log'];
    const stamps = startStamps(...uris);
    let last = 0;
    for (let round = 0; round < 3; round += 1) {
      await written(stamps, 200);
      if (round === 0) await alpha.json(...create, '--target', '*-then');
      else await modify(alpha, 'nightly', 'resync-replica');
      for (const { InstanceID } of await alpha.json<{ InstanceID: string }[]>('replica', 'list')) {
        await inState(alpha, InstanceID, 'Synchronized');
      }
      const now = expectOneMoment(await snapshotUri(alpha, 'data-then'), await snapshotUri(alpha, 'log-then'));
      expect(now).toBeGreaterThan(last);
      last = now;
    }
    stamps.end();
  },
  TIME_MS,
);

test.skipIf(!HAS_NBDSH)(
  'clones of a group on another member are of one moment, again and again [nbdsh]',
  async () => {
    const group = await startGroup({ label: 'moments', members: ['alpha', 'beta'] });
    const [alpha, beta] = [group.member('alpha'), group.member('beta')];
    const uris = [await makeVolume(alpha, 'data', '64MiB'), await makeVolume(alpha, 'log', '64MiB')] as const;
    const create = ['replica', 'group', 'create-replica', 'weekly', '--type', 'clone', '--source', 'data,log'];
    const stamps = startStamps(...uris);
    let last = 0;
    for (let round = 0; round < 2; round += 1) {
      await written(stamps, 200);
      if (round === 0) await alpha.json(...create, '--target', 'beta:*-then', '--wait', 'synchronized');
      else await alpha.json('replica', 'modify', 'weekly', 'resync-replica', '--force', '--wait', 'synchronized');
      const now = expectOneMoment(await uriOf(beta, 'data-then'), await uriOf(beta, 'log-then'));
      expect(now).toBeGreaterThan(last);
      last = now;
    }
    stamps.end();
  },
  TIME_MS,
);

async function groupIs(member: Member, consistency: string): Promise<void> {
  let last: unknown = null;
  const isSo = async (): Promise<boolean> => {
    const [group] = await member.json<{ ConsistencyStateName: string }[]>('replica', 'group', 'list');
    last = group;
    return group!.ConsistencyStateName === consistency;
  };
  await until(`the group is ${consistency}`, isSo, { explain: () => JSON.stringify(last) });
}

/** A snapshot is served beside its volume. */
async function snapshotUri(member: Member, name: string): Promise<string> {
  return (await uriOf(member, 'data')).replace('data', name);
}
