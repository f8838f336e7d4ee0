/** Messages of mirrors, one of each kind and any of them, for the tests of the wire. */
import fc from 'fast-check';
import { LIMITS } from '../../../src/base/limits.ts';
import { createAssociation } from '../../../src/model/association.ts';
import type { GenerationSide, Generations } from '../../../src/model/generations.ts';
import type { MirrorMessage } from '../../../src/model/mirror-message.ts';
import { namesIn, REPLICA_OPERATIONS, RETURN_CODES } from '../../../src/model/replica-values.ts';
import type { TransitionIntent } from '../../../src/model/transition-plan.ts';
import type { Verification } from '../../../src/model/verification.ts';

export const ASSOCIATION_ID = '55555555-5555-4555-8555-555555555555';
export const TRANSITION_ID = '66666666-6666-4666-8666-666666666666';

export const RECORD = {
  ...createAssociation(
    {
      id: ASSOCIATION_ID,
      syncType: 'Mirror',
      source: { member: 'alpha', name: 'disk ü' },
      target: { member: 'beta', name: 'disk' },
      here: 'source',
    },
    1_790_000_000_000,
  ),
  revision: 7,
};
export const GENERATIONS: Generations = {
  current: '77777777-7777-4777-8777-777777777777',
  base: null,
  history: Array.from(
    { length: LIMITS.generationHistory },
    (_, i) => `88888888-8888-4888-8888-${`${i}`.padStart(12, '0')}`,
  ),
};
const SIDE: GenerationSide = {
  generations: GENERATIONS,
  condition: 'Consistent',
  inUse: true,
  ahead: false,
  interrupted: true,
};
const INTENT: TransitionIntent = {
  id: TRANSITION_ID,
  operation: 'Reverse Roles',
  part: 'follower',
  decided: false,
  holds: true,
};

const VERIFICATION: Verification = {
  id: TRANSITION_ID,
  member: 'alpha',
  state: 'failed',
  repair: true,
  startedAt: 1_790_000_000_000,
  endedAt: 1_790_000_000_001,
  sizeBytes: 2 ** 50,
  comparedBytes: 2 ** 40,
  differentBytes: 8192,
  repairedBytes: 4096,
  ranges: Array.from({ length: LIMITS.verifyRanges }, (_, i) => ({ offset: i * 2 ** 40, length: 2 ** 30 })),
  reason: 'ü'.repeat(500),
};

type Maker = { readonly [K in MirrorMessage['kind']]: fc.Arbitrary<Omit<Extract<MirrorMessage, { kind: K }>, 'kind'>> };

const count = fc.maxSafeNat();
const id = fc.uuid();
const sentence = fc.string({ unit: 'grapheme', maxLength: 100 });
const range = fc.record({ offset: fc.nat(2 ** 40), length: fc.nat(2 ** 40) });
const generations = fc.constantFrom<Generations>(GENERATIONS, { current: null, base: null, history: [] });
const record = fc.constantFrom(RECORD, { ...RECORD, here: 'target' as const, mode: 'Synchronous' as const });
const bytes = fc.uint8Array({ maxLength: 300 }).map(array => Buffer.from(array));
const piece = fc
  .record({ offset: fc.nat(2 ** 40), length: fc.integer({ min: 1, max: LIMITS.copyRangeBytes }), zero: fc.boolean() })
  .map(({ offset, length, zero }) => ({
    offset,
    length,
    sha256: zero ? null : Buffer.alloc(32, length),
    blocks: new BigUint64Array(zero ? 0 : Math.ceil(length / 4096)).fill(2n ** 64n - BigInt(length)),
  }));
const transition = fc.record({ id });

const MAKERS: Maker = {
  hello: fc.record({
    record,
    side: fc.constant(SIDE),
    sizeBytes: count,
    intent: fc.constantFrom(null, INTENT),
    verifies: fc.boolean(),
  }),
  met: fc.record({ revision: count }),
  removed: fc.constant({}),
  write: fc.record({ seq: count, offset: fc.nat(2 ** 50), data: bytes }),
  'epoch-changes': fc.record({ seq: count, epoch: count, packed: bytes }),
  clear: fc
    .record({ seq: count, range, keep: fc.boolean() })
    .map(({ range: { offset, length }, ...rest }) => ({ ...rest, offset, length })),
  flush: fc.record({ seq: count }),
  'epoch-end': fc.record({
    epoch: count,
    shared: fc.option(fc.record({ run: id, number: count, parts: fc.array(id, { maxLength: 4 }) })),
  }),
  arrived: fc.record({ seqs: fc.array(count) }),
  failed: fc.record({ seq: count, full: fc.boolean(), reason: sentence }),
  applied: fc.record({ epoch: count }),
  dirty: fc.record({ range, runs: fc.array(count), last: fc.boolean() }),
  'copy-begin': fc.record({ seq: count, extent: fc.constantFrom('dirty' as const, 'full' as const), generations }),
  digests: fc.record({ seq: count, pieces: fc.array(piece, { maxLength: 8 }) }),
  compare: fc.record({ seq: count, pieces: fc.array(piece, { maxLength: 8 }) }),
  differing: fc.record({ seq: count, ranges: fc.array(range) }),
  'copy-end': fc.record({ seq: count, generations }),
  order: fc.record({ id, operation: fc.constantFrom(...namesIn(REPLICA_OPERATIONS)), force: fc.boolean() }),
  answer: fc.record({ id, returnCode: fc.constantFrom(...Object.keys(RETURN_CODES).map(Number)), sentence }),
  propose: fc.record({ id, record, force: fc.boolean() }),
  agree: transition,
  decline: fc.record({ id, sentence }),
  abandon: transition,
  barrier: transition,
  'barrier-durable': transition,
  decision: fc.record({ id, record: fc.option(record), generations }),
  committed: transition,
  verify: fc.record({ id, repair: fc.boolean(), cancel: fc.boolean() }),
  verified: fc.record({ verification: fc.constantFrom(VERIFICATION, { ...VERIFICATION, endedAt: null }) }),
};

const messageByKind = Object.entries(MAKERS).map(([kind, content]) =>
  (content as fc.Arbitrary<object>).map(fields => ({ kind, ...fields }) as MirrorMessage),
);

export const anyMessage: fc.Arbitrary<MirrorMessage> = fc.oneof(...messageByKind);
/** One of each kind. */
export const everyKind: fc.Arbitrary<MirrorMessage[]> = fc.tuple(...messageByKind);
