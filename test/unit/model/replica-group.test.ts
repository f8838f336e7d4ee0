import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  addPairs,
  conditionOf,
  nextGroupTurn,
  type ReplicaGroup,
  removePairs,
} from '../../../src/model/replica-group.ts';
import { planTransition, type TransitionStep } from '../../../src/model/transition-plan.ts';
import { acceptance, afterEvents, sampleAssociation } from './sample-association.ts';

const group: ReplicaGroup = {
  id: 'group-1',
  name: 'ledger',
  syncType: 'Mirror',
  consistency: 'on',
  deleteOnEmptyElement: true,
  pairs: ['a', 'b'],
};
const synchronized = sampleAssociation({ copyState: 'Synchronized' });
const suspended = sampleAssociation({ copyState: 'Suspended' });

describe('a group', () => {
  test('has the state of its pairs, or is mixed and not consistent', () => {
    expect(conditionOf(group, [synchronized, synchronized])).toEqual({
      copyState: 'Synchronized',
      progressStatus: 'Completed',
      consistencyState: 'Consistent',
      consistencyStatus: 'Completed',
    });
    expect(conditionOf(group, [synchronized, suspended])).toEqual({
      copyState: 'Mixed',
      progressStatus: 'Mixed',
      consistencyState: 'Inconsistent',
      consistencyStatus: 'Error',
    });
    expect(conditionOf({ ...group, consistency: 'off' }, []).copyState).toBe('Not Applicable');
    expect(conditionOf({ ...group, consistency: 'activating' }, [synchronized]).consistencyStatus).toBe('In Progress');
  });

  test('keeps the order of its pairs and goes with the last one if it is to', () => {
    expect(addPairs(group, ['c', 'a']).pairs).toEqual(['a', 'b', 'c']);
    expect(removePairs(group, ['a'])?.pairs).toEqual(['b']);
    expect(removePairs(group, ['a', 'b'])).toBeNull();
    expect(removePairs({ ...group, deleteOnEmptyElement: false }, ['a', 'b'])?.pairs).toEqual([]);
  });
});

test('all pairs are held before one is drained, durable before one is decided, decided at once, and only then released', () => {
  const plans = [synchronized, suspended].map(pair => {
    const accepted = afterEvents(pair, acceptance(pair, 'Split'));
    return planTransition(accepted, { alone: false }).deciderSteps;
  });
  const before: readonly [TransitionStep, TransitionStep][] = [
    ['hold-writes', 'drain'],
    ['expect-durable', 'decide'],
    ['flush', 'send-barrier'],
    ['decide', 'release-writes'],
  ];
  const run = (which: readonly number[], choices: readonly number[]) => {
    const pairs = which.map(index => ({ steps: plans[index]!, done: 0 }));
    const taken: { pair: number; step: TransitionStep; turn: number }[] = [];
    for (let turn = 0; turn < 200; turn++) {
      const next = nextGroupTurn(pairs);
      if (next.kind === 'done') break;
      const chosen =
        next.kind === 'each' ? [next.pairs[choices[turn % choices.length]! % next.pairs.length]!] : next.pairs;
      for (const pair of chosen) {
        taken.push({ pair, step: pairs[pair]!.steps[pairs[pair]!.done]!, turn });
        pairs[pair] = { ...pairs[pair]!, done: pairs[pair]!.done + 1 };
      }
    }
    expect(pairs.every(({ steps, done }) => done === steps.length)).toBe(true);
    for (const [first, then] of before) {
      const last = Math.max(...taken.filter(({ step }) => step === first).map(({ turn }) => turn));
      const earliest = taken.filter(({ step }) => step === then).map(({ turn }) => turn);
      for (const turn of earliest) expect(turn, `${first} before ${then}`).toBeGreaterThan(last);
    }
    expect(new Set(taken.filter(({ step }) => step === 'decide').map(({ turn }) => turn)).size).toBe(1);
  };
  fc.assert(
    fc.property(
      fc.array(fc.nat(1), { minLength: 1, maxLength: 5 }),
      fc.array(fc.nat(9), { minLength: 1, maxLength: 60 }),
      run,
    ),
  );
});

test('nobody is held for longer because another pair waits for its partner', () => {
  const decided = (steps: readonly TransitionStep[]) => ({ steps, done: 0 });
  const turn = nextGroupTurn([
    decided(['release-writes', 'tell-decision', 'expect-confirmation', 'clear-intent']),
    decided(['expect-confirmation', 'clear-intent']),
  ]);
  expect(turn).toEqual({ kind: 'each', pairs: [0, 1] });
});
