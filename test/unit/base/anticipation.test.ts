import { expect, test } from 'vitest';
import { type Anticipation, createAnticipation } from '../../../src/base/anticipation.ts';
import { pause } from '../../e2e/harness/until.ts';

const isAwake = (): boolean => process.getActiveResourcesInfo().includes('Immediate');

function chat(anticipation: Anticipation, times: number): void {
  for (let turn = 0; turn < times; turn++) {
    anticipation.said();
    anticipation.heard();
  }
}

test('stays awake for who is always heard at once, and not for long', async () => {
  const anticipation = createAnticipation();
  chat(anticipation, 100);
  await pause(5);
  expect(isAwake()).toBe(false);
  anticipation.said();
  expect(isAwake()).toBe(true);
  await pause(20);
  expect(isAwake()).toBe(false);
});

test('sleeps for who takes time, from the first moment on, and after the end', async () => {
  const anticipation = createAnticipation();
  anticipation.said();
  expect(isAwake()).toBe(false);
  anticipation.heard();
  chat(anticipation, 100);
  await pause(5);
  for (let turn = 0; turn < 30; turn++) {
    anticipation.said();
    await pause(2);
    anticipation.heard();
  }
  anticipation.said();
  expect(isAwake()).toBe(false);
  const other = createAnticipation();
  chat(other, 100);
  await pause(5);
  other.end();
  other.said();
  expect(isAwake()).toBe(false);
});
