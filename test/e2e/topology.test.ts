/** Who is joined with whom: an update travels through members that are not its origin, once to each. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { preservedItems } from './harness/admin-view.ts';
import { createChance } from './harness/chance.ts';
import { arrives, put, vanishes } from './harness/files.ts';
import { makePlainTree } from './harness/generate.ts';
import { startGroup } from './harness/scenario.ts';

type Pair = readonly [string, string];
const both = (a: string, b: string): readonly Pair[] => [
  [a, b],
  [b, a],
];

const TOPOLOGIES: Readonly<
  Record<string, { readonly members: readonly string[]; readonly connections?: readonly Pair[] }>
> = {
  'a full mesh of four': { members: ['a', 'b', 'c', 'd'] },
  'a chain of four': {
    members: ['a', 'b', 'c', 'd'],
    connections: [...both('a', 'b'), ...both('b', 'c'), ...both('c', 'd')],
  },
  'a hub and three spokes': {
    members: ['hub', 'x', 'y', 'z'],
    connections: [...both('hub', 'x'), ...both('hub', 'y'), ...both('hub', 'z')],
  },
  'a ring in one direction': {
    members: ['a', 'b', 'c'],
    connections: [
      ['a', 'b'],
      ['b', 'c'],
      ['c', 'a'],
    ],
  },
};

describe('topologies', () => {
  for (const [name, { members, connections }] of Object.entries(TOPOLOGIES)) {
    test(`${name}: what anyone does reaches everyone`, async () => {
      const group = await startGroup({ label: 'topology', members, ...(connections && { connections }) });
      for (const member of group.members)
        makePlainTree(join(member.root, `of ${member.name}`), 40, createChance(member.name.charCodeAt(0)));
      await group.identical({ timeoutMs: 60_000 });
      const [first, last] = [group.members[0]!, group.members.at(-1)!];
      put(last.root, { 'from the end': 'e', [`of ${first.name}/edited at the end`]: 'x' });
      await arrives(first, 'from the end', 'e');
      rmSync(join(first.root, `of ${last.name}`), { recursive: true });
      await vanishes(last, `of ${last.name}`);
      await group.identical();
      for (const member of group.members) expect(await preservedItems(member)).toEqual([]);
    });
  }

  test('content crosses each line of a mesh of three at most once, and never back', async () => {
    const group = await startGroup({ label: 'once', members: ['a', 'b', 'c'], proxied: true });
    await group.identical();
    const content = createChance(12).bytes(8 << 20);
    const origin = group.member('a');
    const received = (name: string): number =>
      group.members
        .filter(member => member.name !== name)
        .reduce((bytes, from) => bytes + group.proxy(name, from.name).counted.toCaller, 0);
    const before = Object.fromEntries(group.members.map(({ name }) => [name, received(name)]));
    put(origin.root, { large: content });
    for (const name of ['b', 'c']) await arrives(group.member(name), 'large', content);
    await group.identical();
    for (const name of ['b', 'c']) expect(received(name) - before[name]!).toBeLessThan(12 << 20);
    expect(received('a') - before.a!).toBeLessThan(256 << 10);
  });

  test('a chain goes on where a middle member was away', async () => {
    const group = await startGroup({ members: ['a', 'b', 'c'], connections: [...both('a', 'b'), ...both('b', 'c')] });
    const [a, b, c] = [group.member('a'), group.member('b'), group.member('c')];
    put(a.root, { first: '1' });
    await group.identical();
    await b.kill();
    put(a.root, { second: '2' });
    put(c.root, { third: '3' });
    await b.start();
    await arrives(c, 'second', '2');
    await arrives(a, 'third', '3');
    await group.identical();
  });
});
