import { describe, expect, it } from 'vitest';
import type { Uid } from '../../../src/model/version.ts';
import { makeVersion } from '../../../src/model/version.ts';
import { circleFrom, orderOfCircle, type Wait, type Waiting } from '../../../src/model/wait-circle.ts';
import { A } from './sample-update.ts';

const [a, b, c, d] = [9, 10, 11, 12].map(number => makeVersion(A, number)) as [Uid, Uid, Uid, Uid];

function waiting(uid: Uid, kind: Wait['kind'], ...on: Uid[]): Waiting {
  return { uid, present: true, wait: { kind, on } };
}

function deletion(uid: Uid, kind: Wait['kind'], ...on: Uid[]): Waiting {
  return { ...waiting(uid, kind, ...on), present: false };
}

function from(start: Uid, ...all: Waiting[]): Uid[] | null {
  return circleFrom(start, uid => all.find(one => one.uid === uid))?.map(one => one.uid) ?? null;
}

describe('updates that wait for one another', () => {
  it('are in a circle when each waits for the name of the next', () => {
    expect(from(a, waiting(a, 'name', b), waiting(b, 'name', c), waiting(c, 'name', a))).toEqual([a, b, c]);
  });

  it('are in none while one of them can still go on', () => {
    expect(from(a, waiting(a, 'name', b), waiting(b, 'directory', c))).toBeNull();
    expect(from(a, deletion(a, 'contents', b, c), waiting(b, 'name', a))).toBeNull();
  });

  it('are held up by a circle that they are no part of', () => {
    expect(from(a, waiting(a, 'directory', b), waiting(b, 'name', c), waiting(c, 'name', b))).toEqual([a, b, c]);
  });

  it('include everything that a deletion waits for', () => {
    const all = [
      deletion(a, 'contents', b, c),
      waiting(b, 'directory', d),
      waiting(c, 'name', d),
      waiting(d, 'name', a),
    ];
    expect(from(d, ...all)?.sort()).toEqual([a, b, c, d]);
  });
});

describe('the places of a circle', () => {
  it('are taken by a directory before what goes into it', () => {
    expect(orderOfCircle([waiting(a, 'directory', b), waiting(b, 'name', a)])).toEqual({ order: [b, a], astray: [] });
  });

  it('are made free by a deletion first, once its contents have stepped aside', () => {
    const all = [waiting(a, 'name', b), deletion(b, 'contents', c), waiting(c, 'directory', a)];
    expect(orderOfCircle(all)).toEqual({ order: [b, a, c], astray: [] });
  });

  it('are left by inner deletions before outer ones', () => {
    const all = [deletion(a, 'contents', b), deletion(b, 'contents', c), waiting(c, 'name', a)];
    expect(orderOfCircle(all).order).toEqual([b, a, c]);
  });

  it('do not exist for directories that lie in each other: one of them goes astray', () => {
    const all = [waiting(a, 'directory', b), waiting(b, 'directory', a), waiting(c, 'directory', b)];
    expect(orderOfCircle(all)).toEqual({ order: [a, b, c], astray: [a] });
  });

  it('are taken in their order by those who only wait for the ones that lie in each other', () => {
    const merged = [deletion(a, 'directory', d), waiting(b, 'directory', c), waiting(c, 'directory', b)];
    expect(orderOfCircle([...merged, waiting(d, 'directory', c)])).toEqual({ order: [b, c, d, a], astray: [b] });
  });

  it('need not wait for the winner of a name', () => {
    expect(orderOfCircle([deletion(b, 'winner', a), waiting(a, 'name', b)]).order).toEqual([b, a]);
  });
});
