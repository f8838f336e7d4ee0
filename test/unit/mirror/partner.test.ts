import { describe, expect, test } from 'vitest';
import { LIMITS } from '../../../src/base/limits.ts';
import type { FlowMessage } from '../../../src/mirror/outbox.ts';
import { createGenerations } from '../../../src/model/generations.ts';
import { packedWrite } from '../block/packed.ts';
import { filled, readAt } from '../block/small-volume.ts';
import { COPY, openCleanSide, Pair } from './pair.ts';

const VIOLATION = expect.objectContaining({ code: 'PEER_VIOLATION' });
const write = (seq: number, more: Partial<FlowMessage & { kind: 'write' }> = {}): FlowMessage => ({
  kind: 'write',
  seq,
  offset: 0,
  data: filled(512, 1),
  ...more,
});

const changes = (seq: number, epoch: number, packed = packedWrite(0, filled(512, 1))): FlowMessage => ({
  kind: 'epoch-changes',
  seq,
  epoch,
  packed,
});

async function inStep() {
  const pair = new Pair(await openCleanSide(), await openCleanSide());
  const connected = pair.connect('Synchronous');
  await connected.source.mirror();
  return { pair, size: pair.target.volume.size, ...connected };
}

function refusal(work: () => unknown): unknown {
  try {
    work();
    return null;
  } catch (error) {
    return error;
  }
}

describe('a partner that lies', () => {
  test.each<[string, (size: number) => readonly FlowMessage[]]>([
    ['a number twice', () => [write(1), write(1)]],
    ['a number left out', () => [write(2)]],
    ['a write beyond the end', size => [write(1, { offset: size - 511 })]],
    ['a write before the beginning', () => [write(1, { offset: -512 })]],
    ['a write of nothing', () => [write(1, { data: filled(0, 0) })]],
    ['a write too long', () => [write(1, { data: filled(1024 * 1024 + 1, 1) })]],
    ['a clear beyond the end', size => [{ kind: 'clear', seq: 1, offset: 1, length: size, keep: false }]],
    ['an epoch that goes back', () => [changes(1, 5), { kind: 'epoch-end', epoch: 5, shared: null }, changes(2, 4)]],
    ['two epochs at once', () => [changes(1, 5), changes(2, 6)]],
    ['the end of another epoch', () => [changes(1, 5), { kind: 'epoch-end', epoch: 6, shared: null }]],
    ['the end of an epoch that is empty', () => [{ kind: 'epoch-end', epoch: 6, shared: null }]],
    ['a plain write within an epoch', () => [changes(1, 5), write(2)]],
    ['a change beyond the end in an epoch', size => [changes(1, 5, packedWrite(size - 511, filled(512, 1)))]],
    ['no changes in an epoch', () => [changes(1, 5, filled(0, 0))]],
    ['changes that are cut off', () => [changes(1, 5, packedWrite(0, filled(512, 1)).subarray(0, 500))]],
    ['changes of no known kind', () => [changes(1, 5, filled(20, 9))]],
    ['answers to a target', () => [{ kind: 'arrived', seqs: [1] }]],
    [
      'digests of pieces that are not there',
      () => [
        {
          kind: 'digests',
          seq: 1,
          pieces: [{ offset: 512, length: 512, sha256: null, blocks: new BigUint64Array(0) }],
        },
      ],
    ],
    [
      'digests with other blocks',
      size => [
        {
          kind: 'digests',
          seq: 1,
          pieces: [{ offset: 0, length: size, sha256: filled(32, 1), blocks: new BigUint64Array(3) }],
        },
      ],
    ],
  ])('is refused by the target: %s', async (_, messages) => {
    const { target, size } = await inStep();
    const said = messages(size);
    for (const message of said.slice(0, -1)) void target.receive(message);
    expect(refusal(() => target.receive(said.at(-1)!))).toEqual(VIOLATION);
    await target.stop();
  });

  test('is refused by the source: answers to nothing, of another kind, epochs and blocks that are not there', async () => {
    const { pair, source, wire } = await inStep();
    wire.held = true;
    const sent = pair.source.volume.write(0, filled(10, 1));
    await pair.time.run(pair.time.now + 1);
    for (const message of [
      { kind: 'arrived', seqs: [7] },
      { kind: 'differing', seq: 1, ranges: [] },
      { kind: 'applied', epoch: 1 },
      { kind: 'failed', seq: 9, reason: 'no', full: false },
      { kind: 'dirty', range: { offset: 0, length: 4096 }, runs: [0, 2], last: true },
      { kind: 'dirty', range: { offset: pair.source.volume.size, length: 4096 }, runs: [0, 1], last: true },
      write(1),
    ] as const satisfies readonly FlowMessage[]) {
      expect(
        refusal(() => source.receive(message)),
        message.kind,
      ).toEqual(VIOLATION);
    }
    wire.held = false;
    await pair.until(sent);
  });
});

describe('a target', () => {
  test('overwrites nothing before it is durable that a copy has begun, and ends it after everything is', async () => {
    const pair = new Pair(await openCleanSide(), await openCleanSide());
    await pair.source.volume.write(0, filled(4096, 1));
    const seen: unknown[] = [];
    const look = async (what: string): Promise<void> => {
      await pair.clock.sleep(500);
      seen.push([what, (await readAt(pair.target.volume, 0, 1))[0]]);
    };
    const { source, target, events } = pair.connect('Synchronous', {
      target: {
        beginCopy: async (generations, extent) => {
          expect(generations).toEqual(createGenerations('g1'));
          expect(extent).toBe('dirty');
          await look('begin');
        },
        endCopy: () => look('end'),
      },
    });
    target.tellDirty();
    const copy = source.startCopy(COPY);
    await pair.time.run(pair.time.now + 100);
    // A write to what is clean is not sent either.
    await pair.source.volume.write(100_000, filled(10, 5));
    expect(events).toEqual([]);
    expect(await pair.until(copy)).toBe(true);
    expect(seen).toEqual([
      ['begin', 0],
      ['end', 1],
    ]);
    expect((await readAt(pair.target.volume, 100_000, 1))[0]).toBe(5);
  });

  test('a copy that cannot be noted fails', async () => {
    const pair = new Pair(await openCleanSide(), await openCleanSide());
    const { source, target, events, alone } = pair.connect('Synchronous', {
      target: { beginCopy: () => Promise.reject(new Error('the record cannot be written')) },
    });
    target.tellDirty();
    expect(await pair.until(source.startCopy(COPY))).toBe(false);
    expect(events).toEqual([{ kind: 'failed', element: 'target', reason: 'the record cannot be written' }]);
    await pair.until(source.stop());
    expect(alone.count).toBe(1);
  });

  test('the roles can change on one stream', async () => {
    const { pair, source, target, numbers, wire, violations } = await inStep();
    await pair.until(pair.source.volume.write(0, filled(10, 1)));
    await pair.until(source.drain());
    await pair.until(source.stop());
    await target.stop();
    expect(numbers[0].sent).toBe(numbers[1].received);
    expect(wire.toTarget.length).toBeGreaterThan(0);
    expect(violations).toEqual([]);
    [pair.source, pair.target] = [pair.target, pair.source];
    const back = pair.connect('Synchronous', { source: { numbers: numbers[1] }, target: { numbers: numbers[0] } });
    await back.source.mirror();
    await pair.until(pair.source.volume.write(0, filled(10, 2)));
    expect((await readAt(pair.target.volume, 0, 1))[0]).toBe(2);
  });

  test('a flow that is ended with much on its way can be followed by another one on the same stream', async () => {
    for (const mode of ['Synchronous', 'Asynchronous'] as const) {
      const pair = new Pair(await openCleanSide(), await openCleanSide());
      let open = (): void => {};
      const gate = new Promise<void>(resolve => {
        open = resolve;
      });
      let sent = 0;
      const first = pair.connect(mode);
      first.wire.room = () => (++sent >= 3 ? gate : null);
      await first.source.mirror();
      const writes: Promise<void>[] = [];
      for (let at = 0; at < 10; at++) {
        writes.push(pair.source.volume.write(at * 8192, filled(10, at + 1)));
        // Those that come together go together.
        if (mode === 'Asynchronous') await pair.time.run(pair.time.now + LIMITS.mirrorPartMs + 1);
      }
      await pair.time.run(pair.time.now + 5);
      const stopped = first.source.stop();
      open();
      await pair.until(Promise.all([stopped, ...writes]));
      await pair.until(first.target.drain());
      await first.target.stop();
      const [ours, theirs] = first.numbers;
      expect(ours).toMatchObject({ sent: 3 });
      expect(theirs).toMatchObject({ received: 3 });
      const second = pair.connect(mode, { source: { numbers: ours }, target: { numbers: theirs } });
      second.source.receive({ kind: 'arrived', seqs: [3] });
      second.target.tellDirty();
      expect(await pair.until(second.source.startCopy(COPY))).toBe(true);
      expect(second.violations).toEqual([]);
      expect((await readAt(pair.target.volume, 9 * 8192, 1))[0]).toBe(10);
    }
  });

  test('a source whose disk cannot be read says so', async () => {
    const pair = new Pair(await openCleanSide(), await openCleanSide());
    await pair.source.volume.write(0, filled(4096, 1));
    const { source, target, events } = pair.connect('Synchronous');
    target.tellDirty();
    pair.source.files.fault = { on: 'read', path: /data$/, code: 'EIO' };
    expect(await pair.until(source.startCopy(COPY))).toBe(false);
    expect(events).toMatchObject([{ kind: 'copy-started' }, { kind: 'failed', element: 'source' }]);
  });
});
