import { expect, test } from 'vitest';
import { discard, isAlone, own, ownedBlocks } from '../../../src/base/owned-blocks.ts';

const block = (text: string): Uint8Array => new Uint8Array(Buffer.from(text));

test('who has all views of an owned block has the block', () => {
  const whole = block('abcdef');
  const views = [whole.subarray(1, 3), whole.subarray(4)];
  expect(ownedBlocks(views)).toEqual([]);
  own(views);
  expect(ownedBlocks(views)).toEqual([whole.buffer]);
  expect(ownedBlocks(views.slice(1))).toEqual([]);
  expect(ownedBlocks([...views, block('other')])).toEqual([whole.buffer]);
});

test('what is discarded is empty, and what is not owned stays', () => {
  const [mine, theirs] = [block('mine'), block('theirs')];
  own([mine]);
  discard([mine, theirs]);
  expect(mine.length).toBe(0);
  expect(Buffer.from(theirs).toString()).toBe('theirs');
  // What is gone cannot be given away again.
  expect(ownedBlocks([mine])).toEqual([]);
  discard([mine]);
});

test('the memory of what is discarded is used again at once', () => {
  const before = process.memoryUsage().arrayBuffers;
  for (let round = 0; round < 200; round++) {
    const bytes = new Uint8Array(1024 * 1024);
    own([bytes]);
    discard([bytes]);
  }
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(10 * 1024 * 1024);
});

test('bytes are alone in their block where only a few stand before them', () => {
  const whole = block('12345rest');
  expect(isAlone(whole.subarray(5), 5)).toBe(true);
  expect(isAlone(whole.subarray(6), 5)).toBe(false);
  expect(isAlone(whole.subarray(5, 8), 5)).toBe(false);
});
