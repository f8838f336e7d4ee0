import { expect, it } from 'vitest';
import { createDigestBehind } from '../../../src/disk/digest-behind.ts';

/** Readings that end when they are told to. */
function readings() {
  const begun: { id: string; bytes: number; end: (value: string | null) => void; fail: () => void }[] = [];
  const read = (id: string, bytes: number): Promise<string | null> =>
    new Promise((resolve, reject) => begun.push({ id, bytes, end: resolve, fail: () => reject(new Error('no')) }));
  const settled = () => new Promise(resolve => setImmediate(resolve));
  return { begun, read, settled };
}

it('reads one stretch after the other, as far as the file was then', async () => {
  const { begun, read, settled } = readings();
  const behind = createDigestBehind(read);
  behind.appended('a', 10);
  behind.appended('a', 20);
  behind.appended('b', 5);
  behind.appended('a', 30);
  expect(begun.map(({ id, bytes }) => [id, bytes])).toEqual([
    ['a', 10],
    ['b', 5],
  ]);
  begun[0]!.end('x');
  await settled();
  expect(begun.at(-1)).toMatchObject({ id: 'a', bytes: 30 });
  const digest = behind.finish('a', 30);
  await settled();
  expect(begun).toHaveLength(3);
  begun[2]!.end('y');
  await settled();
  expect(begun.at(-1)).toMatchObject({ id: 'a', bytes: 30 });
  begun.at(-1)!.end('whole');
  expect(await digest).toBe('whole');
});

it('tells of a failed reading when the file is finished, and begins another one before', async () => {
  const { begun, read, settled } = readings();
  const behind = createDigestBehind(read);
  behind.appended('a', 10);
  begun[0]!.fail();
  await settled();
  behind.appended('a', 20);
  expect(begun).toHaveLength(2);
  const digest = behind.finish('a', 20);
  begun[1]!.fail();
  await settled();
  begun[2]!.fail();
  await expect(digest).rejects.toThrow('no');
});
