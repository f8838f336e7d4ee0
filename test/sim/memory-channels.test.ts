import { expect, test } from 'vitest';
import { LIMITS } from '../../src/base/limits.ts';
import type { MirrorMessage } from '../../src/model/mirror-message.ts';
import { createMemoryChannels } from './memory-channels.ts';
import { SimTime } from './sim-clock.ts';

async function take(messages: AsyncIterable<MirrorMessage>, count: number): Promise<MirrorMessage[]> {
  const all: MirrorMessage[] = [];
  if (count > 0) for await (const message of messages) if (all.push(message) === count) break;
  return all;
}

const write = (seq: number, bytes = 16): MirrorMessage => ({
  kind: 'write',
  seq,
  offset: seq * 4096,
  data: Buffer.alloc(bytes, seq),
});

test('both ends hear each other in order, and the end', async () => {
  const [a, b] = createMemoryChannels();
  const sent = Array.from({ length: 200 }, (_, i) => write(i));
  for (const message of sent) void a.send(message);
  await b.send({ kind: 'arrived', seqs: [0, 1] });
  expect(await take(b.messages, 200)).toEqual(sent);
  expect(await take(a.messages, 1)).toEqual([{ kind: 'arrived', seqs: [0, 1] }]);
});

test('what was said before the end arrives', async () => {
  const [a, b] = createMemoryChannels();
  void a.send(write(1));
  void a.send(write(2));
  a.close();
  const heard: MirrorMessage[] = [];
  for await (const message of b.messages) heard.push(message);
  expect(heard).toEqual([write(1), write(2)]);
  b.close();
  await expect(a.send(write(3))).rejects.toMatchObject({ code: 'CANCELLED' });
});

test('a cut link fails both ends', async () => {
  const channels = createMemoryChannels();
  const [a, b] = channels;
  const reading = [take(a.messages, 1), take(b.messages, 1)];
  channels.cut();
  for (const each of reading) await expect(each).rejects.toMatchObject({ code: 'PEER_UNREACHABLE' });
  await expect(a.send(write(1))).rejects.toMatchObject({ code: 'PEER_UNREACHABLE' });
});

test('messages take simulated time and keep their order', async () => {
  const time = new SimTime();
  let turn = 0;
  const [a, b] = createMemoryChannels({ time, delayMs: () => [50, 5][turn++ % 2]! });
  const heard: [number, MirrorMessage][] = [];
  void (async () => {
    for await (const message of b.messages) heard.push([time.now, message]);
  })();
  void a.send(write(1));
  await time.run(100);
  void a.send(write(2));
  await time.run(200);
  expect(heard).toEqual([
    [50, write(1)],
    [105, write(2)],
  ]);
});

test('a reader that does not read makes the other side wait', async () => {
  const [a, b] = createMemoryChannels();
  let sent = 0;
  const sending = (async () => {
    for (; sent < 64; sent++) await a.send(write(sent, LIMITS.mirrorWriteBytes));
  })();
  await new Promise(resolve => setImmediate(resolve));
  expect(sent).toBeLessThan(12);
  await take(b.messages, 64);
  await sending;
});

test('what breaks the protocol ends both ends', async () => {
  const [a, b] = createMemoryChannels();
  void a.send(write(1, LIMITS.mirrorWriteBytes + 1)).catch(() => {});
  await expect(take(b.messages, 1)).rejects.toMatchObject({ code: 'PEER_VIOLATION' });
  await expect(a.send(write(2))).rejects.toMatchObject({ code: 'PEER_VIOLATION' });
});
