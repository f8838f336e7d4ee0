import { setMaxListeners } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { status } from '@grpc/grpc-js';
import fc from 'fast-check';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { TandemError } from '../../../src/base/errors.ts';
import { LIMITS } from '../../../src/base/limits.ts';
import type { MirrorMessage } from '../../../src/model/mirror-message.ts';
import { errorFromStatus } from '../../../src/peer/call-status.ts';
import type { MirrorChannel, MirrorPeerService, ReplicaOffer } from '../../../src/peer/link.ts';
import { peerCalls } from '../../../src/peer/proto-calls.ts';
import { ASSOCIATION_ID, everyKind, RECORD } from './mirror-samples.ts';
import { collect, never, type Pair, startPair } from './pair.ts';

const MIB = 1024 * 1024;
let pair: Pair | undefined;

afterEach(async () => {
  await pair?.stop();
  pair = undefined;
});

async function linkWith(service: Partial<MirrorPeerService>) {
  pair = await startPair(service);
  return pair.link;
}

/** Says back whatever it hears, then ends. */
const echo: MirrorPeerService['mirror'] = async (_caller, _association, channel) => {
  for await (const message of channel.messages) await channel.send(message);
};

function reader(channel: MirrorChannel): AsyncIterator<MirrorMessage> {
  return channel.messages[Symbol.asyncIterator]();
}

function write(seq: number, bytes = 4096): MirrorMessage {
  return { kind: 'write', seq, offset: seq * 4096, data: Buffer.alloc(bytes, seq) };
}

/** Resolves once `read` gives the same value for a while of turns of the event loop. */
async function settled(read: () => number): Promise<number> {
  let last = read();
  for (let calm = 0; calm < 300; calm++) {
    await setImmediate();
    if (read() !== last) [last, calm] = [read(), 0];
  }
  return last;
}

describe('an offer', () => {
  test('arrives with every field and the caller’s name', async () => {
    const seen: unknown[] = [];
    const link = await linkWith({
      offerReplica: async (...args) => {
        seen.push(...args);
      },
    });
    const offer: ReplicaOffer = { record: RECORD, sizeBytes: 2 ** 45, force: false };
    await link.offerReplica(offer, never);
    expect(seen).toEqual(['alpha', offer]);
  });

  test.each(['NOT_FOUND', 'REFUSED'] as const)('is declined with %s and its sentence', async code => {
    const link = await linkWith({
      offerReplica: () => Promise.reject(new TandemError(code, 'there is no volume “disk”')),
    });
    await expect(link.offerReplica({ record: RECORD, sizeBytes: 1, force: false }, never)).rejects.toMatchObject({
      code,
      message: 'beta: there is no volume “disk”',
    });
  });

  test('that is no record is a violation', async () => {
    const link = await linkWith({});
    const record = { ...RECORD, copyState: 'Lost' } as unknown as typeof RECORD;
    await expect(link.offerReplica({ record, sizeBytes: 1, force: false }, never)).rejects.toMatchObject({
      code: 'PEER_VIOLATION',
      message: expect.stringContaining('copyState'),
    });
  });
});

describe('a question for targets', () => {
  const asked = { name: 'disk', sizeBytes: 2 ** 45 };

  test('arrives with the caller’s name, and so does the answer', async () => {
    const seen: unknown[] = [];
    const targets = Array.from({ length: LIMITS.targetsTold }, (_, at) => ({
      name: `disk${at}`,
      requiresForce: at % 2 === 0,
    }));
    const link = await linkWith({
      listTargets: async (...args) => {
        seen.push(...args);
        return { targets, nameFree: false };
      },
    });
    expect(await link.listTargets(asked, never)).toEqual({ targets, nameFree: false });
    expect(seen).toEqual(['alpha', asked]);
  });

  test('is refused an answer without end', async () => {
    const targets = Array(LIMITS.targetsTold + 1).fill({ name: 'disk', requiresForce: false });
    const link = await linkWith({ listTargets: async () => ({ targets, nameFree: true }) });
    await expect(link.listTargets(asked, never)).rejects.toMatchObject({
      code: 'PEER_VIOLATION',
      message: expect.stringContaining('targets'),
    });
  });

  test('to a member of a version without it tells that the versions do not go together', () => {
    const details = 'The server does not implement the method /tandem.peer.v1.Peer/ListTargets';
    expect(errorFromStatus('beta', { code: status.UNIMPLEMENTED, details })).toMatchObject({
      code: 'PEER_INCOMPATIBLE',
      message: expect.stringContaining('beta does not know this call'),
    });
  });
});

describe('a mirror’s stream', () => {
  test('names its association and carries every kind of message both ways, in order', async () => {
    const seen: unknown[] = [];
    const link = await linkWith({
      mirror: async (caller, association, channel, signal) => {
        seen.push(caller, association);
        await echo(caller, association, channel, signal);
      },
    });
    const channel = link.openMirror(ASSOCIATION_ID, never);
    const heard = reader(channel);
    await fc.assert(
      fc.asyncProperty(everyKind, async messages => {
        for (const message of messages) void channel.send(message);
        for (const message of messages) expect((await heard.next()).value).toEqual(message);
      }),
      { numRuns: 30 },
    );
    expect(seen).toEqual(['alpha', ASSOCIATION_ID]);
  });

  test('carries the largest messages there may be', async () => {
    const link = await linkWith({ mirror: echo });
    const channel = link.openMirror(ASSOCIATION_ID, never);
    const most = Number.MAX_SAFE_INTEGER;
    const messages: MirrorMessage[] = [
      write(1, LIMITS.mirrorWriteBytes),
      { kind: 'arrived', seqs: Array.from({ length: LIMITS.mirrorSeqs }, () => most) },
      { kind: 'dirty', range: { offset: 0, length: most }, runs: Array(LIMITS.mirrorRuns).fill(most), last: true },
      { kind: 'differing', seq: 3, ranges: Array(LIMITS.mirrorRanges).fill({ offset: 2 ** 52, length: 2 ** 51 }) },
      {
        kind: 'digests',
        seq: 4,
        pieces: Array(LIMITS.mirrorDigests).fill({
          offset: 2 ** 50,
          length: LIMITS.copyRangeBytes,
          sha256: Buffer.alloc(32, 255),
          blocks: new BigUint64Array(LIMITS.copyRangeBytes / 4096).fill(2n ** 64n - 1n),
        }),
      },
    ];
    // Twice: what waits for the stream is put together, and keeps to the bounds all the same.
    const sent = [...messages, ...messages, ...Array(200).fill({ kind: 'flush', seq: 5 })] as MirrorMessage[];
    for (const message of sent) void channel.send(message);
    const heard = reader(channel);
    for (const message of sent) expect(isDeepStrictEqual((await heard.next()).value, message)).toBe(true);
  });

  test.each(['NOT_FOUND', 'REFUSED'] as const)('%s reaches whoever opened it, with its sentence', async code => {
    const link = await linkWith({ mirror: () => Promise.reject(new TandemError(code, 'no such association here')) });
    const channel = link.openMirror(ASSOCIATION_ID, never);
    const expected = { code, message: 'beta: no such association here' };
    await expect(collect(channel.messages)).rejects.toMatchObject(expected);
    await expect(channel.send(write(1))).rejects.toMatchObject(expected);
  });

  test('ended in order by the caller brings everything across and lets the answerer finish', async () => {
    const heard: MirrorMessage[] = [];
    const link = await linkWith({
      mirror: async (_caller, _association, { messages }) => {
        for await (const message of messages) heard.push(message);
      },
    });
    const channel = link.openMirror(ASSOCIATION_ID, never);
    for (let seq = 0; seq < 500; seq++) void channel.send(write(seq));
    channel.close();
    await vi.waitFor(() => expect(heard.length).toBe(500));
    expect(await collect(channel.messages)).toEqual([]);
    await expect(channel.send(write(1))).rejects.toMatchObject({ code: 'CANCELLED' });
  });

  test('ended in order by the answerer brings everything across, then ends', async () => {
    const link = await linkWith({
      mirror: async (_caller, _association, channel) => {
        for (let seq = 0; seq < 500; seq++) void channel.send(write(seq));
      },
    });
    const channel = link.openMirror(ASSOCIATION_ID, never);
    expect((await collect(channel.messages)).length).toBe(500);
    await expect(channel.send(write(1))).rejects.toMatchObject({ code: 'PEER_UNREACHABLE' });
  });

  test('breaks off with the caller’s signal; the answerer learns of it', async () => {
    const control = new AbortController();
    let theirs: unknown;
    let signal: AbortSignal | undefined;
    const link = await linkWith({
      mirror: async (_caller, _association, channel, given) => {
        signal = given;
        await channel.send(write(1));
        theirs = await collect(channel.messages).catch(error => error);
        await channel.send(write(2)).catch(() => {});
      },
    });
    const channel = link.openMirror(ASSOCIATION_ID, control.signal);
    const heard = reader(channel);
    await heard.next();
    const next = expect(heard.next()).rejects.toMatchObject({ code: 'CANCELLED' });
    control.abort();
    await next;
    await expect(channel.send(write(1))).rejects.toMatchObject({ code: 'CANCELLED' });
    await vi.waitFor(() => expect(theirs).toMatchObject({ code: 'PEER_UNREACHABLE' }));
    expect(signal?.aborted).toBe(true);
  });

  test('that was aborted before it is opened fails at once', async () => {
    const link = await linkWith({ mirror: echo });
    const channel = link.openMirror(ASSOCIATION_ID, AbortSignal.abort());
    await expect(collect(channel.messages)).rejects.toMatchObject({ code: 'CANCELLED' });
  });

  test('breaks when the answerer stops, and can be opened again elsewhere', async () => {
    let stopped: unknown;
    const link = await linkWith({
      mirror: async (_caller, _association, channel) => {
        await channel.send(write(1));
        stopped = await collect(channel.messages).catch(error => error);
      },
    });
    const channel = link.openMirror(ASSOCIATION_ID, never);
    const heard = reader(channel);
    await heard.next();
    const next = expect(heard.next()).rejects.toMatchObject({ code: 'PEER_UNREACHABLE' });
    await pair!.server.close(5000);
    await next;
    expect(stopped).toMatchObject({ code: 'CANCELLED' });
    await expect(collect(link.openMirror(ASSOCIATION_ID, never).messages)).rejects.toMatchObject({
      code: 'PEER_UNREACHABLE',
    });
  });

  test('breaks for both when the connection dies, and what had come before is heard', async () => {
    const sockets: Socket[] = [];
    const proxy = createServer(socket => {
      const onward = connect(pair!.server.port, '127.0.0.1');
      sockets.push(socket, onward);
      for (const [from, to] of [
        [socket, onward],
        [onward, socket],
      ] as const) {
        from.on('error', () => {});
        from.pipe(to);
      }
    });
    await new Promise<void>(resolve => void proxy.listen(0, '127.0.0.1', resolve));
    let theirs: unknown;
    let signal: AbortSignal | undefined;
    const heard: MirrorMessage[] = [];
    pair = await startPair(
      {
        mirror: async (_caller, _association, channel, given) => {
          signal = given;
          await channel.send(write(1));
          try {
            for await (const message of channel.messages) heard.push(message);
          } catch (error) {
            theirs = error;
          }
        },
      },
      { through: async () => (proxy.address() as AddressInfo).port },
    );
    try {
      const channel = pair.link.openMirror(ASSOCIATION_ID, never);
      const reading = reader(channel);
      await reading.next();
      for (let seq = 0; seq < 10; seq++) await channel.send(write(seq));
      await vi.waitFor(() => expect(heard.length).toBe(10));
      const next = expect(reading.next()).rejects.toMatchObject({ code: 'PEER_UNREACHABLE' });
      for (const socket of sockets) socket.destroy();
      await next;
      await expect(channel.send(write(1))).rejects.toMatchObject({ code: 'PEER_UNREACHABLE' });
      await vi.waitFor(() => expect(theirs).toMatchObject({ code: 'PEER_UNREACHABLE' }));
      expect(signal?.aborted).toBe(true);
      // The next one connects anew.
      const again = pair.link.openMirror(ASSOCIATION_ID, never);
      expect((await reader(again).next()).value).toEqual(write(1));
    } finally {
      proxy.close();
    }
  });

  test('a link that closes ends its mirrors', async () => {
    const link = await linkWith({ mirror: echo });
    const channel = link.openMirror(ASSOCIATION_ID, never);
    const reading = expect(collect(channel.messages)).rejects.toMatchObject({ code: 'CANCELLED' });
    await setImmediate();
    link.close();
    await reading;
  });

  test('more mirrors than one connection carries run side by side', async () => {
    const link = await linkWith({ mirror: echo });
    const { signal } = new AbortController();
    setMaxListeners(0, signal);
    const channels = Array.from({ length: 2 * LIMITS.callsPerChannel }, () => link.openMirror(ASSOCIATION_ID, signal));
    for (const [seq, channel] of channels.entries()) void channel.send({ kind: 'flush', seq });
    for (const [seq, channel] of channels.entries()) {
      expect((await reader(channel).next()).value).toEqual({ kind: 'flush', seq });
    }
  });
});

describe('whoever lies', () => {
  const bad: [string, MirrorMessage][] = [
    ['write.data', write(1, LIMITS.mirrorWriteBytes + 1)],
    ['write.offset', { kind: 'write', seq: 1, offset: Number.MAX_SAFE_INTEGER, data: Buffer.alloc(1) }],
    ['write.seq', { ...(write(1) as Extract<MirrorMessage, { kind: 'write' }>), seq: 2 ** 53 }],
    ['clear.offset', { kind: 'clear', seq: 1, offset: 1, length: Number.MAX_SAFE_INTEGER, keep: true }],
    ['arrived.seqs', { kind: 'arrived', seqs: Array(LIMITS.mirrorSeqs + 1).fill(1) }],
    [
      'dirty.runs',
      { kind: 'dirty', range: { offset: 0, length: 1 }, runs: Array(LIMITS.mirrorRuns + 1).fill(1), last: true },
    ],
    [
      'differing.offsets',
      { kind: 'differing', seq: 1, ranges: Array(LIMITS.mirrorRanges + 1).fill({ offset: 1, length: 1 }) },
    ],
    [
      'digests.offsets',
      {
        kind: 'digests',
        seq: 1,
        pieces: Array(LIMITS.mirrorDigests + 1).fill({
          offset: 0,
          length: 1,
          sha256: null,
          blocks: new BigUint64Array(0),
        }),
      },
    ],
    [
      'digests.lengths',
      {
        kind: 'digests',
        seq: 1,
        pieces: [{ offset: 0, length: LIMITS.copyRangeBytes + 1, sha256: null, blocks: new BigUint64Array(0) }],
      },
    ],
    [
      'digests.sha256s',
      {
        kind: 'digests',
        seq: 1,
        pieces: [{ offset: 0, length: 1, sha256: Buffer.alloc(31), blocks: new BigUint64Array(1) }],
      },
    ],
    [
      'digests.blocks',
      {
        kind: 'digests',
        seq: 1,
        pieces: [{ offset: 0, length: 4097, sha256: Buffer.alloc(32), blocks: new BigUint64Array(1) }],
      },
    ],
    ['agree.id', { kind: 'agree', id: 'nobody' }],
    ['answer.return_code', { kind: 'answer', id: ASSOCIATION_ID, returnCode: 99, sentence: '' }],
    ['propose.record', { kind: 'propose', id: ASSOCIATION_ID, force: false, record: { ...RECORD, revision: 0 } }],
    [
      'propose.record',
      {
        kind: 'propose',
        id: ASSOCIATION_ID,
        force: false,
        record: { ...RECORD, surprise: 'x'.repeat(LIMITS.mirrorRecordBytes) } as typeof RECORD,
      },
    ],
  ];

  test.each(bad)('about %s to the answerer is told so', async (field, message) => {
    let theirs: unknown;
    const link = await linkWith({
      mirror: async (_caller, _association, { messages }) => {
        theirs = await collect(messages).catch(error => error);
      },
    });
    const channel = link.openMirror(ASSOCIATION_ID, never);
    void channel.send(message).catch(() => {});
    await expect(collect(channel.messages)).rejects.toMatchObject({
      code: 'PEER_VIOLATION',
      message: expect.stringMatching(new RegExp(`^beta refused what this member sent: the field ${field} `)),
    });
    await expect(channel.send(write(1))).rejects.toMatchObject({ code: 'PEER_VIOLATION' });
    expect(theirs).toMatchObject({ code: 'PEER_VIOLATION' });
  });

  test.each(bad)('about %s to the caller is cut off', async (field, message) => {
    let theirs: unknown;
    const link = await linkWith({
      mirror: async (_caller, _association, channel) => {
        void channel.send(message).catch(() => {});
        theirs = await collect(channel.messages).catch(error => error);
      },
    });
    const channel = link.openMirror(ASSOCIATION_ID, never);
    await expect(collect(channel.messages)).rejects.toMatchObject({
      code: 'PEER_VIOLATION',
      message: expect.stringMatching(new RegExp(`^beta sent what the protocol forbids: the field ${field} `)),
    });
    await vi.waitFor(() => expect(theirs).toMatchObject({ code: 'PEER_UNREACHABLE' }));
  });

  test('about the association opens nothing', async () => {
    let asked = false;
    const link = await linkWith({
      mirror: async () => {
        asked = true;
      },
    });
    await expect(collect(link.openMirror('../..', never).messages)).rejects.toMatchObject({
      code: 'PEER_VIOLATION',
      message: expect.stringContaining('the field open '),
    });
    expect(asked).toBe(false);
  });

  test('about what a packet is: an opening, messages or the end, and only one of them', () => {
    const { request } = peerCalls().mirror;
    const parts = [
      request.write({ kind: 'open', association: ASSOCIATION_ID }),
      request.write({ kind: 'messages', messages: [{ kind: 'removed' }] }),
      request.write({ kind: 'end' }),
    ];
    // Joined, they are one packet that has both.
    const wrong = [[], [parts[0]!, parts[1]!], [parts[1]!, parts[2]!], [parts[2]!, parts[0]!]];
    for (const packet of wrong) {
      expect(request.read(Buffer.concat(packet))).toMatchObject({ error: { code: 'PEER_VIOLATION' } });
    }
  });

  test('about the beginning, opening twice, is told so', async () => {
    let theirs: unknown;
    const link = await linkWith({
      mirror: async (_caller, _association, { messages }) => {
        theirs = await collect(messages).catch(error => error);
      },
    });
    const twice = { kind: 'open', association: ASSOCIATION_ID } as unknown as MirrorMessage;
    const { write: honest } = peerCalls().mirror.request;
    const lie = vi.spyOn(peerCalls().mirror.request, 'write').mockImplementation(packet => {
      const [first] = packet.kind === 'messages' ? packet.messages : [];
      return honest(first === twice ? (twice as never) : packet);
    });
    try {
      const channel = link.openMirror(ASSOCIATION_ID, never);
      void channel.send(twice).catch(() => {});
      await expect(collect(channel.messages)).rejects.toMatchObject({ code: 'PEER_VIOLATION' });
      expect(theirs).toMatchObject({ code: 'PEER_VIOLATION' });
    } finally {
      lie.mockRestore();
    }
  });

  test('about the number of messages in a packet is refused before it is decoded', () => {
    const packet = {
      kind: 'messages',
      messages: Array(LIMITS.mirrorPacketMessages + 1).fill({ kind: 'removed' }),
    } as const;
    const { request } = peerCalls().mirror;
    expect(request.read(request.write(packet))).toMatchObject({
      error: { code: 'PEER_VIOLATION', message: expect.stringContaining('messages') },
    });
  });
});

describe('back-pressure', () => {
  /** Sixteen messages in the reader, the window, what is ahead, and what TLS and the kernel hold. */
  const MOST = 16 * MIB + LIMITS.flowControlWindowBytes + LIMITS.mirrorAheadBytes + 16 * MIB;

  async function sendAll(channel: MirrorChannel, told: (sent: number) => void, signal: AbortSignal): Promise<void> {
    for (let sent = 1; !signal.aborted; sent++) {
      await channel.send(write(sent, MIB));
      told(sent);
    }
  }

  test('a caller waits for an answerer that does not read, and goes on when it does', async () => {
    let sent = 0;
    let release = (): void => {};
    const gate = new Promise<void>(resolve => {
      release = resolve;
    });
    const link = await linkWith({
      mirror: async (_caller, _association, { messages }) => {
        await gate;
        for await (const { kind } of messages) expect(kind).toBe('write');
      },
    });
    const control = new AbortController();
    const channel = link.openMirror(ASSOCIATION_ID, control.signal);
    const sending = sendAll(channel, count => (sent = count), control.signal).catch(error => error);
    const before = await settled(() => sent);
    expect(before * MIB).toBeLessThan(MOST);
    release();
    await vi.waitFor(() => expect(sent).toBeGreaterThan(before + 50), 10_000);
    control.abort();
    expect(await sending).toMatchObject({ code: 'CANCELLED' });
  });

  test('an answerer’s window is as wide as a caller’s: far more than HTTP/2’s own 64 KiB are on the way', async () => {
    let sent = 0;
    const link = await linkWith({
      mirror: async (_caller, _association, _channel, signal) => {
        await new Promise(resolve => signal.addEventListener('abort', resolve));
      },
    });
    const control = new AbortController();
    const channel = link.openMirror(ASSOCIATION_ID, control.signal);
    const sending = (async () => {
      for (; ; sent += 16 * 1024) await channel.send(write(1, 16 * 1024));
    })().catch(error => error);
    // What the reader has and what is ahead could not be as much.
    expect(await settled(() => sent)).toBeGreaterThan(LIMITS.flowControlWindowBytes);
    control.abort();
    expect(await sending).toMatchObject({ code: 'CANCELLED' });
  });

  test('a mirror that nobody reads does not hold up another one on the same connection', async () => {
    const stuckId = '99999999-9999-4999-8999-999999999999';
    let sent = 0;
    const link = await linkWith({
      mirror: async (caller, association, channel, signal) => {
        if (association !== stuckId) return echo(caller, association, channel, signal);
        await new Promise(resolve => signal.addEventListener('abort', resolve));
      },
    });
    const control = new AbortController();
    const stuck = link.openMirror(stuckId, control.signal);
    const sending = sendAll(stuck, count => (sent = count), control.signal).catch(error => error);
    await settled(() => sent);
    const channel = link.openMirror(ASSOCIATION_ID, never);
    const heard = reader(channel);
    for (let seq = 0; seq < 40; seq++) {
      void channel.send(write(seq, MIB));
      expect((await heard.next()).value).toMatchObject({ kind: 'write', seq });
    }
    control.abort();
    expect(await sending).toMatchObject({ code: 'CANCELLED' });
  });

  test('an answerer waits for a caller that does not read', async () => {
    let sent = 0;
    const link = await linkWith({
      mirror: (_caller, _association, channel, signal) => sendAll(channel, count => (sent = count), signal),
    });
    const channel = link.openMirror(ASSOCIATION_ID, never);
    const before = await settled(() => sent);
    expect(before * MIB).toBeLessThan(MOST);
    const heard = reader(channel);
    for (let i = 0; i < 50; i++) await heard.next();
    expect(await settled(() => sent)).toBeGreaterThan(before + 30);
  });
});

test('a write of 4 KiB and its answer take the time that they take', async () => {
  const link = await linkWith({
    mirror: async (_caller, _association, channel) => {
      for await (const message of channel.messages) {
        if (message.kind === 'write') void channel.send({ kind: 'arrived', seqs: [message.seq] });
      }
    },
  });
  const channel = link.openMirror(ASSOCIATION_ID, never);
  const heard = reader(channel);
  async function rounds(count: number, depth: number): Promise<number> {
    const start = performance.now();
    let [sent, answered] = [0, 0];
    while (answered < count) {
      for (; sent < count && sent - answered < depth; sent++) void channel.send(write(sent));
      await heard.next();
      answered++;
    }
    return ((performance.now() - start) * 1000) / count;
  }
  await rounds(500, 1);
  const [one, many] = [await rounds(1000, 1), await rounds(8000, 32)];
  console.log(`4 KiB write and arrived: ${one.toFixed(0)} µs alone, ${many.toFixed(0)} µs each with 32 on the way`);
});
