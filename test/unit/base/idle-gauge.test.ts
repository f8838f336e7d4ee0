import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { createIdleGauge } from '../../../src/base/idle-gauge.ts';

function keepBusy(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}

test('tells how much of its time the event loop had nothing to do since it was asked before', async () => {
  const idle = createIdleGauge();
  await pause(100);
  expect(idle()).toBeGreaterThan(0.5);
  for (let turn = 0; turn < 20; turn++) {
    keepBusy(10);
    await new Promise(setImmediate);
  }
  expect(idle()).toBeLessThan(0.2);
});
