/** Whatever a client sends arrives the same, wherever the stream is cut; and nothing it sends makes a reader throw. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createBufferPool } from '../../src/block/nbd/buffer-pool.ts';
import { NEW_NEGOTIATION, stepNegotiation } from '../../src/block/nbd/negotiation.ts';
import { COMMAND } from '../../src/block/nbd/numbers.ts';
import { type ClientMessage, createOptionReader } from '../../src/block/nbd/option-codec.ts';
import { createRequestReader } from '../../src/block/nbd/request-codec.ts';
import { optionBytes, requestBytes, uint32 } from '../unit/block/nbd/nbd-client.ts';

const cuts = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 30 });

/** `bytes` in pieces as long as the cuts say, again and again. */
function* pieces(bytes: Buffer, lengths: readonly number[]): Generator<Buffer> {
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const length = lengths[turn % lengths.length]!;
    yield Buffer.from(bytes.subarray(at, at + length));
    at += length;
  }
}

const options = fc.array(
  fc.record({ option: fc.integer({ min: 0, max: 0xffff_ffff }), data: fc.uint8Array({ maxLength: 90 }) }),
  { maxLength: 12 },
);

function readAllMessages(bytes: Iterable<Buffer>): ClientMessage[] {
  const reader = createOptionReader();
  const messages: ClientMessage[] = [];
  for (const piece of bytes) {
    reader.push(piece);
    for (let next = reader.next(); next !== null; next = reader.next()) messages.push(next);
  }
  return messages;
}

test('options come out as they were sent, however the stream is cut', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 0xffff_ffff }), options, cuts, (flags, sent, lengths) => {
      const stream = Buffer.concat([
        uint32(flags),
        ...sent.map(({ option, data }) => optionBytes(option, Buffer.from(data))),
      ]);
      const messages = readAllMessages(pieces(stream, lengths));
      expect(messages).toEqual([
        { kind: 'flags', flags },
        ...sent.map(({ option, data }) => ({ kind: 'option', option, data: Buffer.from(data) })),
      ]);
    }),
  );
});

const requests = fc.array(
  fc.record({
    command: fc.constantFrom(...Object.values(COMMAND)),
    flags: fc.integer({ min: 0, max: 0xffff }),
    cookie: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    offset: fc.maxSafeNat(),
    payload: fc.uint8Array({ maxLength: 200 }),
    discarded: fc.boolean(),
  }),
  { maxLength: 20 },
);

/** How bytes reach the reader: as its own, in memory that others use afterwards, at once or later, or where it wants them. */
const ways = fc.array(fc.constantFrom('own', 'lent', 'kept', 'room'), { minLength: 1, maxLength: 10 });

test('requests and their payload come out as they were sent, however the stream is cut and handed over', () => {
  fc.assert(
    fc.property(requests, cuts, ways, (sent, lengths, hows) => {
      const stream = Buffer.concat(
        sent.map(({ command, flags, cookie, offset, payload }) =>
          requestBytes({
            command,
            flags,
            cookie,
            offset,
            length: payload.length,
            ...(command === COMMAND.write && { data: Buffer.from(payload) }),
          }),
        ),
      );
      const reader = createRequestReader(createBufferPool());
      const seen: object[] = [];
      let open: { command: number; length: number } | null = null;
      const take = (): boolean => {
        if (open === null) {
          const header = reader.header();
          if (header === null || header === 'broken') return false;
          const { command, flags, cookie, offset, length } = header;
          seen.push({ command, flags, cookie: (BigInt(cookie.high) << 32n) | BigInt(cookie.low), offset, length });
          if (command === COMMAND.write) open = { command, length };
          return true;
        }
        const { discarded } = sent[seen.length - 1]!;
        const payload = discarded ? reader.discard(open.length) : reader.payload(open.length);
        if (payload === null || payload === false) return false;
        if (payload !== true) Object.assign(seen.at(-1)!, { payload: [...payload] });
        open = null;
        return true;
      };
      const lend = (piece: Buffer, later: boolean): void => {
        reader.lend(piece);
        if (!later) while (take());
        reader.keep();
        piece.fill(0xee);
      };
      for (const [turn, piece] of [...pieces(stream, lengths)].entries()) {
        const how = hows[turn % hows.length];
        const room = how === 'room' ? reader.room() : null;
        if (room !== null) {
          const fits = Math.min(room.length, piece.length);
          piece.copy(room, 0, 0, fits);
          reader.filled(fits);
          while (take());
          reader.push(piece.subarray(fits));
        } else if (how === 'own') reader.push(piece);
        else lend(piece, how === 'kept');
        while (take());
      }
      expect(open).toBeNull();
      expect(reader.halfway).toBe(false);
      expect(seen).toEqual(
        sent.map(({ command, flags, cookie, offset, payload, discarded }) => ({
          command,
          flags,
          cookie,
          offset,
          length: payload.length,
          ...(command === COMMAND.write && !discarded && { payload: [...payload] }),
        })),
      );
    }),
  );
});

test('no bytes at all make the handshake throw, and it always answers or drops', () => {
  const noise = fc.array(
    fc.oneof(
      fc.uint8Array({ maxLength: 60 }).map(bytes => Buffer.from(bytes)),
      fc
        .record({ option: fc.integer({ min: 0, max: 12 }), data: fc.uint8Array({ maxLength: 60 }) })
        .map(({ option, data }) => optionBytes(option, Buffer.from(data))),
    ),
    { maxLength: 20 },
  );
  const offer = {
    tls: 'offered',
    exports: [
      {
        name: 'v',
        description: '',
        size: 4096,
        blockSize: 512,
        readOnly: false,
        tlsOnly: false,
        closing: false,
        contextNames: ['base:allocation'],
      },
    ],
  } as const;
  fc.assert(
    fc.property(noise, cuts, (parts, lengths) => {
      let negotiation = NEW_NEGOTIATION;
      for (const message of readAllMessages(pieces(Buffer.concat([uint32(3), ...parts]), lengths))) {
        const step = stepNegotiation(negotiation, message, offer);
        if (message.kind !== 'flags') expect(step.send.length > 0 || step.outcome.kind === 'drop').toBe(true);
        negotiation = step.negotiation;
      }
    }),
  );
});
