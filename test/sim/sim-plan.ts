/** What a seed makes of the group: members, connections, first synchronisation, and how rough the weather is. */

import type { ConnectionConfig, FolderConfig, GroupConfig } from '../../src/config/config.ts';
import { ALWAYS } from '../../src/model/schedule.ts';
import { SIM_ROOT } from './sim-member.ts';
import { createSimRandom } from './sim-random.ts';

export type Topology = 'mesh' | 'ring' | 'chain' | 'hub';

export interface SimPlan {
  readonly members: readonly string[];
  readonly topology: Topology;
  readonly primary: string | null;
  /** What lies in the folders at the beginning. */
  readonly before: 'nothing' | 'equal' | 'different';
  readonly brakes: boolean;
  readonly rounds: number;
  readonly actionsPerRound: number;
  readonly roundMs: number;
  readonly crashes: boolean;
  readonly partitions: boolean;
  /** Chance that a message breaks its call. */
  readonly cuts: number;
  readonly hintLoss: number;
  /** Users that edit between two steps of one file operation. */
  readonly races: boolean;
  readonly clocks: 'right' | 'off' | 'jumping';
  /** Databases that are lost. */
  readonly losses: boolean;
  readonly quietMs: number;
  /** Users that give files a second name. */
  readonly hardLinks: boolean;
  /** Names that stay out of replication. */
  readonly filters: boolean;
  /** Disks that are full for a while. */
  readonly fullDisks: boolean;
  /** Databases that are put back as they were some time ago. */
  readonly oldCopies: boolean;
  /** Administrators that fence folders and parts of them. */
  readonly fences: boolean;
  /** Users that move directories about, many at one instant. */
  readonly bursts: boolean;
  /** Users that move directories away and back while they are looked at. */
  readonly toAndFro: boolean;
}

/** Names of files and of directories, so that nothing replicated can want the name of what is not. */
const FILTERED = ['*~*', 'e', 'x*'];

export type PlanOverrides = { readonly [K in keyof SimPlan]?: SimPlan[K] };

export function planOf(seed: number, overrides: PlanOverrides = {}): SimPlan {
  const random = createSimRandom(seed, 'plan');
  const more = createSimRandom(seed, 'plan, further');
  const count = random.pick([2, 2, 3, 3, 4]);
  const members = ['alpha', 'beta', 'gamma', 'delta'].slice(0, count);
  const plan: SimPlan = {
    members,
    topology: random.pick(['mesh', 'ring', 'chain', 'hub'] as const),
    primary: random.chance(0.5) ? members[0]! : null,
    before: random.pick(['nothing', 'equal', 'different'] as const),
    brakes: random.chance(0.15),
    rounds: random.pick([1, 2, 2, 3]),
    actionsPerRound: random.pick([6, 15, 30, 50]),
    roundMs: random.pick([2000, 10_000, 40_000]),
    crashes: random.chance(0.6),
    partitions: random.chance(0.6),
    cuts: random.chance(0.5) ? 0 : random.pick([0.005, 0.03]),
    hintLoss: random.pick([0, 0.1, 1]),
    races: random.chance(0.4),
    clocks: random.pick(['right', 'off', 'off', 'jumping'] as const),
    losses: random.chance(0.12),
    quietMs: random.pick([0, 100, 400, 2000]),
    hardLinks: more.chance(0.2),
    filters: more.chance(0.2),
    fullDisks: more.chance(0.15),
    oldCopies: more.chance(0.12),
    fences: more.chance(0.2),
    bursts: more.chance(0.2),
    toAndFro: more.chance(0.2),
  };
  const all = { ...plan, ...overrides };
  // What was away for a moment may be told as deleted. A copy of the database of before that does not know who told so.
  return all.oldCopies && !overrides.toAndFro ? { ...all, toAndFro: false } : all;
}

export function groupOf(seed: number, plan: SimPlan): GroupConfig {
  const random = createSimRandom(seed, 'group');
  const guids = new Map(plan.members.map(name => [name, random.guid()]));
  const folder: FolderConfig = {
    name: 'docs',
    guid: random.guid(),
    primary: plan.primary,
    members: new Map(plan.members.map(name => [name, SIM_ROOT])),
    readOnly: [],
    filters: plan.filters ? { files: FILTERED, directories: FILTERED } : { files: [], directories: [] },
    quietMs: plan.quietMs,
    quietLimitMs: 10_000,
    rescanMs: 20_000,
    stagingQuotaBytes: 1e9,
    conflictQuotaBytes: 1e9,
    purgeOnlyCopies: false,
    brakes: plan.brakes
      ? { deletedShare: 0.4, changedShare: 0.4, minimumFiles: 4 }
      : { deletedShare: 1, changedShare: 1, minimumFiles: 1 },
  };
  return {
    name: 'simulated',
    guid: random.guid(),
    tombstoneLifetimeMs: 60 * 24 * 3_600_000,
    members: new Map([...guids].map(([name, guid]) => [name, { name, guid, host: name, port: 7420, certificate: '' }])),
    connections: pairsOf(plan).map(
      ([from, to]): ConnectionConfig => ({ guid: random.guid(), from, to, enabled: true, schedule: ALWAYS }),
    ),
    folders: new Map([[folder.guid, folder]]),
    digest: 'd'.repeat(64),
  };
}

/** Who sends to whom. */
function pairsOf({ members, topology }: SimPlan): [string, string][] {
  const both = (a: string, b: string): [string, string][] => [
    [a, b],
    [b, a],
  ];
  switch (topology) {
    case 'mesh':
      return members.flatMap(a => members.filter(b => b !== a).map((b): [string, string] => [a, b]));
    case 'ring':
      return members.map((a, i): [string, string] => [a, members[(i + 1) % members.length]!]);
    case 'chain':
      return members.slice(1).flatMap((b, i) => both(members[i]!, b));
    case 'hub':
      return members.slice(1).flatMap(b => both(members[0]!, b));
  }
}
