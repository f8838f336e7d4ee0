import { expect, test } from 'vitest';
import { type LoadLooks, lookAtLoad } from '../../../src/model/host-load.ts';

class Looks {
  #looks: LoadLooks | null = null;

  at(seconds: number, bytes: number): number {
    const { looks, bytesPerSecond } = lookAtLoad(this.#looks, { atMs: seconds * 1000, bytes });
    this.#looks = looks;
    return bytesPerSecond;
  }
}

test('nothing is known of the time before the first look', () => {
  expect(new Looks().at(10, 1e9)).toBe(0);
});

test('the load is that of the last second or two, however often it is asked', () => {
  const looks = new Looks();
  for (let tenths = 0; tenths <= 50; tenths++) looks.at(tenths / 10, tenths * 100);
  expect(looks.at(5.1, 5100)).toBeCloseTo(1000);
  expect(looks.at(6.1, 5100)).toBeLessThan(600);
  looks.at(7.2, 5100);
  expect(looks.at(8.3, 5100)).toBe(0);
});

test('a burst is seen at once, also where nobody has asked for hours', () => {
  const looks = new Looks();
  looks.at(0, 0);
  looks.at(1, 0);
  expect(looks.at(1.01, 64e6)).toBeGreaterThan(30e6);
  const later = new Looks();
  later.at(0, 0);
  expect(later.at(36_000, 64e6)).toBe(32e6);
});

test('a clock that is set back begins anew', () => {
  const looks = new Looks();
  looks.at(100, 5000);
  expect(looks.at(50, 6000)).toBe(0);
  expect(looks.at(51, 7000)).toBe(1000);
});
