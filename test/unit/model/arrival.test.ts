import { expect, test } from 'vitest';
import { judgeArrival } from '../../../src/model/arrival.ts';
import { databaseIdFromGuid, makeVersion } from '../../../src/model/version.ts';
import { EMPTY_VECTOR, vectorFromVersions } from '../../../src/model/version-vector.ts';

const [A, B] = ['a', 'b'].map(digit => databaseIdFromGuid(`${digit.repeat(8)}-0000-4000-8000-000000000000`));
const versions = (database: string, ...numbers: number[]) => numbers.map(number => makeVersion(database, number));
const wanted = vectorFromVersions([...versions(A!, 9, 10, 11), ...versions(B!, 20)]);

test('what the vector covers has arrived, whatever else it holds', () => {
  const vector = vectorFromVersions([...versions(A!, 9, 10, 11, 12), ...versions(B!, 19, 20, 30)]);
  expect(judgeArrival(wanted, { kind: 'vector', vector })).toEqual({ kind: 'arrived' });
  expect(judgeArrival(EMPTY_VECTOR, { kind: 'vector', vector: EMPTY_VECTOR })).toEqual({ kind: 'arrived' });
});

test('what it does not cover is counted', () => {
  const vector = vectorFromVersions(versions(A!, 9, 12));
  expect(judgeArrival(wanted, { kind: 'vector', vector })).toEqual({ kind: 'missing', versions: 3 });
});

test('a member that is silent or halted may have it or not', () => {
  expect(judgeArrival(EMPTY_VECTOR, { kind: 'silent', reason: 'beta does not answer' })).toEqual({
    kind: 'unknown',
    reason: 'beta does not answer',
  });
  expect(judgeArrival(EMPTY_VECTOR, { kind: 'not-serving', state: 'in-error' })).toMatchObject({
    kind: 'unknown',
    reason: expect.stringContaining('in-error'),
  });
});
