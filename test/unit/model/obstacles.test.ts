import { expect, test } from 'vitest';
import { Obstacles } from '../../../src/model/obstacles.ts';

test('an obstacle stands from the first who meets it until the last has passed', () => {
  const obstacles = new Obstacles();
  const full = { kind: 'disk-full', since: 1, sentence: 'full' } as const;
  expect(obstacles.meet('scan', full)).toBe(true);
  expect(obstacles.meet('install', { ...full, since: 5, sentence: 'full as ever' })).toBe(false);
  obstacles.pass('scan');
  expect(obstacles.of('disk-full')).toEqual(full);
  obstacles.pass('install');
  expect(obstacles.standing).toEqual([]);
  expect(obstacles.meet('scan', { ...full, since: 9 })).toBe(true);
});

test('kinds stand beside one another, and whoever passes has passed all of them', () => {
  const obstacles = new Obstacles();
  obstacles.meet('install', { kind: 'stopped', since: 1, sentence: 'input/output error' });
  obstacles.meet('install', { kind: 'disk-full', since: 2, sentence: 'full' });
  obstacles.meet('scan', { kind: 'disk-full', since: 3, sentence: 'full' });
  expect(obstacles.standing.map(({ kind }) => kind)).toEqual(['stopped', 'disk-full']);
  obstacles.pass('install');
  expect(obstacles.standing.map(({ kind }) => kind)).toEqual(['disk-full']);
});
