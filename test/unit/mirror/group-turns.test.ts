import { expect, test } from 'vitest';
import { GroupTurns } from '../../../src/mirror/group-turns.ts';
import { type BookChange, openReplicaBook } from '../../../src/mirror/replica-book.ts';
import type { TransitionStep } from '../../../src/model/transition-plan.ts';

const STEPS: readonly TransitionStep[] = ['write-intent', 'hold-writes', 'drain', 'decide', 'release-writes'];
const change = (id: string): BookChange => ({ removed: { [id]: { removedAt: 1, partner: null, aspect: null } } });

async function book() {
  const writes: string[][] = [];
  const table = {
    read: async () => new Map<string, unknown>(),
    write: async (entries: ReadonlyMap<string, unknown>) => void writes.push([...entries.keys()]),
  };
  return { book: await openReplicaBook(table), writes };
}

const turn = () => new Promise(resolve => setImmediate(resolve));

test('nobody drains before all are held, and what is decided of several pairs is one write', async () => {
  const { book: kept, writes } = await book();
  const turns = new GroupTurns(kept, [STEPS, STEPS]);
  const log: string[] = [];
  const run = async (index: number, ms: number): Promise<void> => {
    const mine = turns.of(index);
    for (const step of STEPS) {
      await mine.before();
      log.push(`${step} ${index}`);
      if (step === 'hold-writes') await new Promise(resolve => setTimeout(resolve, ms));
      if (step === 'write-intent' || step === 'decide') await mine.write(change(`${step}${index}`));
      log.push(`${step} ${index} done`);
      mine.after();
    }
    mine.end(null);
  };
  await Promise.all([run(0, 1), run(1, 30)]);
  for (const gate of ['drain', 'release-writes']) {
    const before = STEPS[STEPS.indexOf(gate as TransitionStep) - 1];
    const opened = Math.min(log.indexOf(`${gate} 0`), log.indexOf(`${gate} 1`));
    expect(opened).toBeGreaterThan(log.indexOf(`${before} 0 done`));
    expect(opened).toBeGreaterThan(log.indexOf(`${before} 1 done`));
  }
  expect(writes).toEqual([
    ['removed/write-intent0', 'removed/write-intent1'],
    ['removed/decide0', 'removed/decide1'],
  ]);
});

test('a pair that fails before the decision takes the others along, and nothing is written', async () => {
  const { book: kept, writes } = await book();
  const turns = new GroupTurns(kept, [['decide'], ['decide']]);
  const [one, other] = [turns.of(0), turns.of(1)];
  await Promise.all([one.before(), other.before()]);
  const write = one.write(change('a'));
  write.catch(() => {});
  other.end(new Error('meanwhile it would lose writes'));
  await expect(write).rejects.toThrow('lose writes');
  expect(one.givenUp).toBe(true);
  await expect(one.before()).rejects.toThrow('lose writes');
  await expect(other.write(change('b'))).rejects.toThrow('lose writes');
  expect(writes).toEqual([]);
});

test('a pair that fails after the decision keeps no other from its end', async () => {
  const { book: kept, writes } = await book();
  const steps: readonly TransitionStep[] = ['decide', 'release-writes', 'tell-decision', 'clear-intent'];
  const turns = new GroupTurns(kept, [steps, steps]);
  const [one, other] = [turns.of(0), turns.of(1)];
  await Promise.all([one.before(), other.before()]);
  await Promise.all([one.write(change('a')), other.write(change('b'))]);
  one.after();
  other.after();
  await one.before();
  one.end(new Error('the link is lost'));
  expect(one.givenUp).toBe(false);
  for (const step of steps.slice(1)) {
    await other.before();
    if (step === 'clear-intent') await other.write(change('c'));
    other.after();
  }
  other.end(null);
  await turn();
  expect(writes).toHaveLength(2);
});
