/**
 * Two members carry out a transition, and one of them dies or the link is cut at any step, also while they recover: never do
 * both write that must not, nothing that was flushed is lost, and in the end both know the same. [volumes.md §10.3]
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Association, StorageElement } from '../../src/model/association.ts';
import { dutiesOf } from '../../src/model/association-duties.ts';
import { stepAssociation } from '../../src/model/association-step.ts';
import { arrowOf, type ElementSide } from '../../src/model/replica-operations.ts';
import type { CopyState, ReplicaOperation } from '../../src/model/replica-values.ts';
import {
  mayWrite,
  planTransition,
  recoverTransition,
  type TransitionIntent,
  type TransitionStep,
} from '../../src/model/transition-plan.ts';
import { sampleAssociation } from '../unit/model/sample-association.ts';

type Message = 'proposal' | 'agreement' | 'barrier' | 'durable' | 'decision' | 'confirmation';

const AWAITED: Partial<Record<TransitionStep, Message>> = {
  'expect-proposal': 'proposal',
  'expect-agreement': 'agreement',
  'expect-barrier': 'barrier',
  'expect-durable': 'durable',
  'expect-decision': 'decision',
  'expect-confirmation': 'confirmation',
};
const SENT: Partial<Record<TransitionStep, Message>> = {
  propose: 'proposal',
  agree: 'agreement',
  'send-barrier': 'barrier',
  'confirm-barrier': 'durable',
  'tell-decision': 'decision',
  'confirm-decision': 'confirmation',
};

/** What is on the disk survives; the rest does not. */
interface Member {
  readonly element: StorageElement;
  readonly disk: {
    association: Association | 'removed';
    intent: TransitionIntent | null;
    writes: Set<number>;
  };
  cache: Set<number>;
  up: boolean;
  held: boolean;
  closed: boolean;
  streams: boolean;
  steps: TransitionStep[];
  inbox: Message[];
}

type Disruption = 'decider dies' | 'follower dies' | 'both die' | 'the link is cut';

class Pair {
  readonly members: Record<ElementSide, Member>;
  readonly accepted: Association;
  readonly decider: ElementSide;
  readonly mayBothWrite: boolean;
  readonly flushed = new Set<number>();
  readonly plans: Readonly<Record<ElementSide, readonly TransitionStep[]>>;
  linked = true;
  private committed: Association | 'removed' | null = null;
  private onTheWay: number[] = [];
  private counter = 0;

  constructor(operation: ReplicaOperation, from: Association) {
    const arrow = arrowOf(operation, 'Mirror', from.copyState)!;
    let accepted = stepAssociation(from, { type: 'operation-accepted', operation, arrow }, 0);
    if (accepted !== 'removed' && accepted?.work?.phase === 'copy') {
      accepted = stepAssociation(accepted, { type: 'copy-finished' }, 0);
    }
    this.accepted = accepted as Association;
    const plan = planTransition(this.accepted, { alone: false });
    this.decider = plan.decider;
    this.plans = { [plan.decider]: plan.deciderSteps, [this.other(plan.decider)]: plan.followerSteps } as never;
    const end = this.end(false);
    this.mayBothWrite = [this.accepted, end].some(
      each => mayWrite(each, this.accepted.source) && mayWrite(each, this.accepted.target),
    );
    this.members = { source: this.member('source'), target: this.member('target') };
  }

  /** One step of one member; false: it has nothing to do, or waits. */
  advance(side: ElementSide): boolean {
    const member = this.members[side];
    const step = member.steps[0];
    if (!member.up || step === undefined) return false;
    const awaited = AWAITED[step];
    if (awaited !== undefined && member.inbox[0] !== awaited) return false;
    if (awaited !== undefined) member.inbox.shift();
    member.steps.shift();
    this.perform(side, step);
    this.check();
    return true;
  }

  private perform(side: ElementSide, step: TransitionStep): void {
    const member = this.members[side];
    const part = side === this.decider ? 'decider' : 'follower';
    const sent = SENT[step];
    if (sent !== undefined && this.linked) this.members[this.other(side)].inbox.push(sent);
    switch (step) {
      case 'write-intent':
        member.disk.intent = {
          id: 't1',
          operation: this.accepted.work!.operation!,
          part,
          decided: false,
          holds: part === 'follower' && member.held,
        };
        break;
      case 'hold-writes':
        member.held = true;
        break;
      case 'drain':
        if (this.linked) this.deliver();
        break;
      case 'stop-stream':
        member.streams = false;
        break;
      case 'flush':
        for (const write of member.cache) member.disk.writes.add(write);
        break;
      case 'close-clients':
        member.closed = true;
        break;
      case 'decide':
        this.committed ??= this.end(this.isSourceAhead());
        member.disk.association = this.committed;
        member.disk.intent = { ...member.disk.intent!, decided: true };
        member.streams = false;
        break;
      case 'commit':
        member.disk.association = this.committed!;
        member.disk.intent = null;
        break;
      case 'release-writes':
        member.held = false;
        break;
      case 'open-clients':
        member.closed = false;
        member.held = false;
        break;
      case 'clear-intent':
        member.disk.intent = null;
    }
  }

  disrupt(how: Disruption): void {
    this.linked = false;
    this.onTheWay = [];
    for (const side of ['source', 'target'] as const) {
      const member = this.members[side];
      member.inbox = [];
      const dies = how === 'both die' || how === `${side === this.decider ? 'decider' : 'follower'} dies`;
      if (dies)
        Object.assign(member, { up: false, steps: [], cache: new Set(), held: false, closed: false, streams: true });
      else this.recover(side);
      this.check();
    }
  }

  /** Everybody is up and the link is there; `order`: who looks first. */
  rejoin(order: readonly ElementSide[]): void {
    for (const side of order) {
      const member = this.members[side];
      if (member.up) continue;
      member.up = true;
      member.cache = new Set(member.disk.writes);
      this.recover(side);
      this.check();
    }
    this.linked = true;
    for (const side of order) this.recover(side);
    this.check();
  }

  private recover(side: ElementSide): void {
    const member = this.members[side];
    const { intent } = member.disk;
    member.steps = [];
    if (intent === null) {
      member.held = false;
      return;
    }
    const partner = this.members[this.other(side)].disk.intent;
    const word = !this.linked
      ? null
      : intent.part === 'decider'
        ? partner === null && this.members[this.other(side)].disk.association !== this.accepted
          ? 'committed'
          : 'unknown'
        : partner === null
          ? 'unknown'
          : partner.decided
            ? 'decided'
            : 'under-way';
    const plan = this.plans[side];
    switch (recoverTransition(intent, word)) {
      case 'abort':
        member.disk.intent = null;
        Object.assign(member, { held: false, closed: false, streams: true });
        break;
      case 'tell':
        member.steps = plan.slice(plan.indexOf('tell-decision'));
        member.held = false;
        break;
      case 'commit':
        member.steps = plan.slice(plan.indexOf('expect-decision'));
        member.held = intent.holds;
        break;
      case 'wait':
        member.held = intent.part === 'follower' && intent.holds;
        break;
      case 'finish':
        member.steps = ['clear-intent'];
        member.held = false;
    }
  }

  /** A client writes wherever it may; a flush is answered when it is durable where it has to be. */
  clientWrites(side: ElementSide, flushes: boolean): void {
    if (!this.canWrite(side)) return;
    const write = ++this.counter;
    const member = this.members[side];
    const other = this.members[this.other(side)];
    member.cache.add(write);
    const mirrored = this.linked && member.streams && member.disk.association === this.accepted && this.flows();
    if (mirrored) this.onTheWay.push(write);
    if (!flushes) return;
    if (mirrored) {
      this.deliver();
      for (const each of other.cache) other.disk.writes.add(each);
    }
    for (const each of member.cache) member.disk.writes.add(each);
    for (const each of member.cache) this.flushed.add(each);
  }

  canWrite(side: ElementSide): boolean {
    const { up, held, closed, disk, element } = this.members[side];
    return up && !held && !closed && mayWrite(disk.association, element);
  }

  /** What must hold at every moment. */
  check(): void {
    if (!this.mayBothWrite) expect(this.canWrite('source') && this.canWrite('target')).toBe(false);
  }

  private flows(): boolean {
    return this.accepted.copyState === 'Synchronized' || this.accepted.work?.operation === 'Failback';
  }

  private deliver(): void {
    const to = this.members[this.other(this.decider)];
    for (const write of this.onTheWay) to.cache.add(write);
    this.onTheWay = [];
  }

  private end(sourceAhead: boolean): Association | 'removed' {
    return stepAssociation(this.accepted, { type: 'transition-committed', sourceAhead }, 0)!;
  }

  private isSourceAhead(): boolean {
    const { source, target } = this.members;
    return [...source.cache].some(write => !target.cache.has(write));
  }

  private other(side: ElementSide): ElementSide {
    return side === 'source' ? 'target' : 'source';
  }

  private member(side: ElementSide): Member {
    return {
      element: this.accepted[side],
      disk: { association: this.accepted, intent: null, writes: new Set() },
      cache: new Set(),
      up: true,
      held: false,
      closed: false,
      streams: true,
      steps: [...this.plans[side]],
      inbox: [],
    };
  }
}

const CASES: readonly [ReplicaOperation, CopyState][] = [
  ['Failover', 'Synchronized'],
  ['Failover', 'Fractured'],
  ['Failover', 'Suspended'],
  ['Failback', 'Failedover'],
  ['Reverse Roles', 'Synchronized'],
  ['Reverse Roles', 'Split'],
  ['Reverse Roles', 'Failedover'],
  ['Split', 'Synchronized'],
  ['Split', 'Suspended'],
  ['Detach', 'Synchronized'],
  ['Dissolve', 'Fractured'],
  ['Fracture', 'Synchronized'],
  ['Suspend', 'Synchronized'],
  ['Deactivate', 'Synchronized'],
  ['Reset To Sync', 'Synchronized'],
  ['Resync Replica', 'Skewed'],
  ['Restore from Replica', 'Split'],
  ['Unprepare', 'Skewed'],
];

const sides = fc.constantFrom<ElementSide>('source', 'target');
const disruption = fc.record({
  afterSteps: fc.nat(24),
  how: fc.constantFrom<Disruption>('decider dies', 'follower dies', 'both die', 'the link is cut'),
  order: fc.constantFrom<readonly ElementSide[]>(['source', 'target'], ['target', 'source']),
});
const happening = fc.record({ side: sides, writes: fc.boolean(), flushes: fc.boolean() });

describe.each(CASES)('%s from %s', (operation, copyState) => {
  const start = (): Pair =>
    new Pair(operation, sampleAssociation({ copyState, targetData: 'UpToDate', mode: 'Asynchronous' }));
  const finish = (pair: Pair): void => {
    while (pair.advance('source') || pair.advance('target'));
  };
  const settled = (pair: Pair): void => {
    const { source, target } = pair.members;
    expect(source.disk.intent).toBeNull();
    expect(target.disk.intent).toBeNull();
    expect(target.disk.association).toEqual(source.disk.association);
    const writable = (['source', 'target'] as const).filter(side => pair.canWrite(side));
    expect(writable.length).toBe(expectedWriters(source.disk.association));
    // Where one is in use it has everything that was ever flushed.
    const { association } = source.disk;
    if (pair.mayBothWrite || writable.length !== 1 || association === 'removed' || association.diverged) return;
    for (const write of pair.flushed) expect(pair.members[writable[0]!].cache).toContain(write);
  };

  test('undisturbed comes to its end', () => {
    const pair = start();
    pair.clientWrites(pair.decider, true);
    finish(pair);
    settled(pair);
    expect(pair.members.source.disk.association).not.toBe(pair.accepted);
  });

  test('disturbed at any step, and again, comes to one of the two ends', () => {
    const run = (
      disruptions: readonly { afterSteps: number; how: Disruption; order: readonly ElementSide[] }[],
      happenings: readonly { side: ElementSide; writes: boolean; flushes: boolean }[],
    ) => {
      const pair = start();
      let next = 0;
      const some = (count: number) => {
        for (let taken = 0; taken < count; taken++) {
          const { side, writes, flushes } = happenings[next++ % happenings.length]!;
          if (writes) pair.clientWrites(side, flushes);
          if (!pair.advance(side) && !pair.advance(side === 'source' ? 'target' : 'source')) return;
        }
      };
      for (const { afterSteps, how, order } of disruptions) {
        some(afterSteps);
        pair.disrupt(how);
        for (const { side, flushes } of happenings.slice(0, 3)) pair.clientWrites(side, flushes);
        pair.rejoin(order);
      }
      finish(pair);
      settled(pair);
    };
    fc.assert(
      fc.property(
        fc.array(disruption, { minLength: 1, maxLength: 4 }),
        fc.array(happening, { minLength: 1, maxLength: 40 }),
        run,
      ),
      { numRuns: 1000 },
    );
  });
});

function expectedWriters(association: Association | 'removed'): number {
  if (association === 'removed') return 2;
  const { source, target } = dutiesOf(association);
  return [source, target].filter(access => access === 'read-write').length;
}

test('only what the decider has decided is committed, and only what it does not know is given up', () => {
  const intent = { id: 't1', operation: 'Split' as const, part: 'follower' as const, decided: false, holds: false };
  const words = ['decided', 'unknown', 'under-way', null] as const;
  expect(words.map(word => recoverTransition(intent, word))).toEqual(['commit', 'abort', 'wait', 'wait']);
  const decided = { ...intent, part: 'decider' as const, decided: true };
  const told = ['committed', 'unknown', null] as const;
  expect(told.map(word => recoverTransition(decided, word))).toEqual(['finish', 'tell', 'wait']);
  expect(recoverTransition({ ...decided, decided: false }, null)).toBe('abort');
});
