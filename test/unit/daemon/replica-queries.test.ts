/** What can become the target of a volume, asked of members in memory over their links. */
import { expect, test } from 'vitest';
import { TandemError } from '../../../src/base/errors.ts';
import { createReplicaQueries } from '../../../src/daemon/replica-queries.ts';
import { numberOf, SYNC_TYPES, type SyncType } from '../../../src/model/replica-values.ts';
import type { MirrorLink } from '../../../src/peer/link.ts';
import type { MemberName } from '../../sim/mirror-world.ts';
import { Members, SIZE } from '../mirror/members.ts';

class Asking extends Members {
  /** By alpha. `linkTo`: as it is, if left out. */
  async targets(
    source: string,
    type: SyncType,
    linkTo = (name: MemberName): MirrorLink => this.linkTo('alpha', name),
  ): Promise<readonly (readonly [string, boolean | null, boolean, string])[]> {
    const queries = createReplicaQueries({
      member: 'alpha',
      volumes: this.members.alpha.on,
      partners: {
        linkTo: name => linkTo(name as MemberName),
        levelTo: () => 15,
        list: () => ['beta', 'gamma'].map(name => ({ name, address: `${name}.example:7420` })),
        ask: async () => {},
        close: () => {},
      },
    });
    const { targets, outcome } = await this.pass(
      queries.replicaTargets({ source, syncType: numberOf(SYNC_TYPES, type) }),
    );
    expect(outcome.ReturnValue).toBe(0);
    return targets.map(({ TargetElement, Exists, RequiresForce, StatusReason, SizeInBytes }) => {
      expect(SizeInBytes).toBe(Exists === null ? null : SIZE);
      return [TargetElement, Exists, RequiresForce, StatusReason];
    });
  }
}

test('partners tell which of their volumes can be a target, and those that cannot be asked are named', async () => {
  const world = await Asking.start('disk', 'other');
  const { alpha, beta, gamma } = world.members;
  expect(await world.targets('disk', 'Mirror')).toEqual([
    ['beta:disk', false, false, ''],
    ['gamma:disk', null, false, 'gamma was not asked: gamma cannot be reached'],
  ]);
  await gamma.start();
  for (const [member, name, size] of [
    [alpha, 'small', SIZE / 2],
    [beta, 'empty', SIZE],
    [beta, 'full', SIZE],
    [beta, 'large', SIZE * 2],
    [gamma, 'disk', SIZE],
  ] as const) {
    await world.pass(member.on.shelf.create({ name, size }));
  }
  await world.pass(beta.write('full', 0, Buffer.alloc(4096, 1)));
  await world.mirror('other', 'Synchronous');
  const away = [
    ['beta:empty', true, false, ''],
    ['beta:full', true, true, ''],
    ['beta:disk', false, false, ''],
    ['gamma:disk', true, false, ''],
  ];
  expect(await world.targets('disk', 'Mirror'), 'neither too large nor bound').toEqual(away);
  expect(await world.targets('disk', 'Clone')).toEqual(away);
  await world.pass(alpha.on.shelf.create({ name: 'next', size: SIZE }));
  expect(await world.targets('disk', 'Clone')).toEqual([['alpha:next', true, false, ''], ...away]);
  expect(await world.targets('disk', 'Snapshot')).toEqual([]);
  // What is listed is taken.
  const { returnCode } = await world.pass(
    alpha.on.replicas.create({
      ...{ syncType: numberOf(SYNC_TYPES, 'Mirror'), mode: null, source: 'disk', target: 'beta:empty', settings: null },
      ...{ waitForCopyState: null, writable: false, detachWhenCopied: false, force: false },
    }),
  );
  expect([0, 4096]).toContain(returnCode);
  expect((await world.targets('disk', 'Mirror')).map(([name]) => name)).toEqual([
    'beta:full',
    'beta:disk',
    'gamma:disk',
  ]);
});

test('a partner of an older version is not asked, and the others are', async () => {
  const world = await Asking.start('disk');
  await world.members.gamma.start();
  const older = (name: MemberName): MirrorLink => ({
    ...world.linkTo('alpha', name),
    ...(name === 'beta' && {
      listTargets: () => Promise.reject(new TandemError('PEER_INCOMPATIBLE', 'beta does not know this call')),
    }),
  });
  expect(await world.targets('disk', 'Mirror', older)).toEqual([
    ['beta:disk', null, false, 'beta was not asked: its version of Tandem does not tell what can be a target'],
    ['gamma:disk', false, false, ''],
  ]);
});
