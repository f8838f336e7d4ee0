/**
 * What members say about their mirrors, on the wire. Data are views into the message; what both keep as JSON travels as
 * JSON. Each kind of message has its form once, for both directions.
 */
import { LIMITS } from '../base/limits.ts';
import type { ByteRange } from '../model/dirty-map.ts';
import type { MirrorMessage, SharedEpoch } from '../model/mirror-message.ts';
import { MOST_PACKED_BYTES } from '../model/packed-changes.ts';
import type { PieceDigest } from '../model/piece-digest.ts';
import { nameOf, numberOf, REPLICA_OPERATIONS, RETURN_CODES } from '../model/replica-values.ts';
import { ASSOCIATION, GENERATION_SIDE, GENERATIONS, TRANSITION_INTENT, VERIFICATION } from './association-json.ts';
import type { ReplicaOffer, TargetsAsked, TargetsListed } from './link.ts';
import {
  countsFromWire,
  extentFromWire,
  extentToWire,
  jsonFromWire,
  jsonToWire,
  NO_BYTES,
  piecesFromWire,
  piecesToWire,
  rangeFromWire,
  rangesFromWire,
  rangesToWire,
  type WireDigests,
  type WireRanges,
} from './wire-mirror-parts.ts';
import { countFromWire, guidFromWire, listFromWire, textFromWire, textToWire, violation } from './wire-parts.ts';

/** The caller’s first packet opens the stream, the last one of each side ends it in order; all others have messages. */
export type MirrorPacket =
  | { readonly kind: 'open'; readonly association: string }
  | { readonly kind: 'messages'; readonly messages: readonly MirrorMessage[] }
  | { readonly kind: 'end' };

export interface WireMirrorPacket {
  readonly open?: string;
  readonly messages?: readonly WireMirrorMessage[];
  readonly end?: boolean;
}

/** `message` is the name of the one field that is there. */
type WireMirrorMessage = { readonly message?: string } & Readonly<Record<string, unknown>>;

export interface WireReplicaOffer {
  readonly record: Uint8Array;
  readonly sizeBytes: number;
  readonly force: boolean;
}

interface WireByKind {
  readonly hello: {
    readonly record: Uint8Array;
    readonly side: Uint8Array;
    readonly sizeBytes: number;
    readonly intent: Uint8Array;
    readonly verifies: boolean;
  };
  readonly met: { readonly revision: number };
  readonly removed: object;
  readonly write: { readonly seq: number; readonly offset: number; readonly data: Uint8Array };
  readonly clear: {
    readonly seq: number;
    readonly offset: number;
    readonly length: number;
    readonly keep: boolean;
  };
  readonly 'epoch-changes': { readonly seq: number; readonly epoch: number; readonly packed: Uint8Array };
  readonly flush: { readonly seq: number };
  readonly 'epoch-end': { readonly epoch: number; readonly shared?: SharedEpoch | null };
  readonly arrived: { readonly seqs: readonly number[] };
  readonly failed: { readonly seq: number; readonly reason: string; readonly full: boolean };
  readonly applied: { readonly epoch: number };
  readonly dirty: ByteRange & { readonly runs: readonly number[]; readonly last: boolean };
  readonly 'copy-begin': { readonly seq: number; readonly extent: number; readonly generations: Uint8Array };
  readonly digests: WireDigests & { readonly seq: number };
  readonly compare: WireDigests & { readonly seq: number };
  readonly differing: WireRanges & { readonly seq: number };
  readonly 'copy-end': { readonly seq: number; readonly generations: Uint8Array };
  readonly order: { readonly id: string; readonly operation: number; readonly force: boolean };
  readonly answer: { readonly id: string; readonly returnCode: number; readonly sentence: string };
  readonly propose: { readonly id: string; readonly record: Uint8Array; readonly force: boolean };
  readonly agree: { readonly id: string };
  readonly decline: { readonly id: string; readonly sentence: string };
  readonly abandon: { readonly id: string };
  readonly barrier: { readonly id: string };
  readonly 'barrier-durable': { readonly id: string };
  readonly decision: { readonly id: string; readonly record: Uint8Array; readonly generations: Uint8Array };
  readonly committed: { readonly id: string };
  readonly verify: { readonly id: string; readonly repair: boolean; readonly cancel: boolean };
  readonly verified: { readonly verification: Uint8Array };
}

type Kind = MirrorMessage['kind'];
type MessageOf<K extends Kind> = Extract<MirrorMessage, { readonly kind: K }>;
/** What a message has beside its kind. */
type Content<K extends Kind> = Omit<MessageOf<K>, 'kind'>;

interface Form<K extends Kind> {
  /** Its field of the oneof, as the loader names it. */
  readonly field: string;
  readonly toWire: (message: Content<K>) => WireByKind[K];
  readonly fromWire: (wire: WireByKind[K]) => Content<K>;
}

const FORMS: { readonly [K in Kind]: Form<K> } = {
  hello: {
    field: 'hello',
    toWire: ({ record, side, sizeBytes, intent, verifies }) => ({
      record: jsonToWire(record),
      side: jsonToWire(side),
      sizeBytes,
      intent: intent === null ? NO_BYTES : jsonToWire(intent),
      verifies,
    }),
    fromWire: wire => ({
      record: jsonFromWire(ASSOCIATION, wire.record, 'hello.record'),
      side: jsonFromWire(GENERATION_SIDE, wire.side, 'hello.side'),
      sizeBytes: countFromWire(wire.sizeBytes, 'hello.size_bytes'),
      intent: wire.intent.length === 0 ? null : jsonFromWire(TRANSITION_INTENT, wire.intent, 'hello.intent'),
      verifies: wire.verifies,
    }),
  },
  met: {
    field: 'met',
    toWire: ({ revision }) => ({ revision }),
    fromWire: wire => ({ revision: countFromWire(wire.revision, 'met.revision') }),
  },
  removed: { field: 'removed', toWire: () => ({}), fromWire: () => ({}) },
  write: {
    field: 'write',
    toWire: ({ seq, offset, data }) => ({ seq, offset, data }),
    fromWire: wire => {
      if (wire.data.length > LIMITS.mirrorWriteBytes) {
        throw violation('write.data', `has ${wire.data.length} bytes; ${LIMITS.mirrorWriteBytes} are allowed`);
      }
      return {
        seq: countFromWire(wire.seq, 'write.seq'),
        offset: countFromWire(wire.offset, 'write.offset', Number.MAX_SAFE_INTEGER - wire.data.length),
        data: wire.data,
      };
    },
  },
  clear: {
    field: 'clear',
    toWire: ({ seq, offset, length, keep }) => ({ seq, offset, length, keep }),
    fromWire: wire => ({
      seq: countFromWire(wire.seq, 'clear.seq'),
      ...rangeFromWire(wire.offset, wire.length, 'clear'),
      keep: wire.keep,
    }),
  },
  'epoch-changes': {
    field: 'epochChanges',
    toWire: ({ seq, epoch, packed }) => ({ seq, epoch, packed }),
    fromWire: wire => {
      if (wire.packed.length > MOST_PACKED_BYTES) {
        throw violation('epoch_changes.packed', `has ${wire.packed.length} bytes; ${MOST_PACKED_BYTES} are allowed`);
      }
      return {
        seq: countFromWire(wire.seq, 'epoch_changes.seq'),
        epoch: countFromWire(wire.epoch, 'epoch_changes.epoch'),
        packed: wire.packed,
      };
    },
  },
  flush: {
    field: 'flush',
    toWire: ({ seq }) => ({ seq }),
    fromWire: wire => ({ seq: countFromWire(wire.seq, 'flush.seq') }),
  },
  'epoch-end': {
    field: 'epochEnd',
    toWire: ({ epoch, shared }) => ({ epoch, ...(shared === null ? {} : { shared }) }),
    fromWire: wire => ({ epoch: countFromWire(wire.epoch, 'epoch_end.epoch'), shared: sharedFromWire(wire.shared) }),
  },
  arrived: {
    field: 'arrived',
    toWire: ({ seqs }) => ({ seqs }),
    fromWire: wire => ({ seqs: countsFromWire(wire.seqs, 'arrived.seqs', LIMITS.mirrorSeqs) }),
  },
  failed: {
    field: 'failed',
    toWire: ({ seq, reason, full }) => ({ seq, reason: textToWire(reason), full }),
    fromWire: wire => ({
      seq: countFromWire(wire.seq, 'failed.seq'),
      reason: textFromWire(wire.reason, 'failed.reason'),
      full: wire.full,
    }),
  },
  applied: {
    field: 'applied',
    toWire: ({ epoch }) => ({ epoch }),
    fromWire: wire => ({ epoch: countFromWire(wire.epoch, 'applied.epoch') }),
  },
  dirty: {
    field: 'dirty',
    toWire: ({ range, runs, last }) => ({ offset: range.offset, length: range.length, runs, last }),
    fromWire: wire => ({
      range: rangeFromWire(wire.offset, wire.length, 'dirty'),
      runs: countsFromWire(wire.runs, 'dirty.runs', LIMITS.mirrorRuns),
      last: wire.last,
    }),
  },
  'copy-begin': {
    field: 'copyBegin',
    toWire: ({ seq, extent, generations }) => ({
      seq,
      extent: extentToWire(extent),
      generations: jsonToWire(generations),
    }),
    fromWire: wire => ({
      seq: countFromWire(wire.seq, 'copy_begin.seq'),
      extent: extentFromWire(wire.extent),
      generations: jsonFromWire(GENERATIONS, wire.generations, 'copy_begin.generations'),
    }),
  },
  digests: digestsForm('digests'),
  compare: digestsForm('compare'),
  differing: {
    field: 'differing',
    toWire: ({ seq, ranges }) => ({ seq, ...rangesToWire(ranges) }),
    fromWire: wire => ({
      seq: countFromWire(wire.seq, 'differing.seq'),
      ranges: rangesFromWire(wire, 'differing', LIMITS.mirrorRanges),
    }),
  },
  'copy-end': {
    field: 'copyEnd',
    toWire: ({ seq, generations }) => ({ seq, generations: jsonToWire(generations) }),
    fromWire: wire => ({
      seq: countFromWire(wire.seq, 'copy_end.seq'),
      generations: jsonFromWire(GENERATIONS, wire.generations, 'copy_end.generations'),
    }),
  },
  order: {
    field: 'order',
    toWire: ({ id, operation, force }) => ({ id, operation: numberOf(REPLICA_OPERATIONS, operation), force }),
    fromWire: wire => {
      const operation = nameOf(REPLICA_OPERATIONS, wire.operation);
      if (operation === undefined) throw violation('order.operation', `is ${wire.operation}, which is unknown`);
      return { id: guidFromWire(wire.id, 'order.id'), operation, force: wire.force };
    },
  },
  answer: {
    field: 'answer',
    toWire: ({ id, returnCode, sentence }) => ({ id, returnCode, sentence: textToWire(sentence) }),
    fromWire: wire => {
      if (nameOf(RETURN_CODES, wire.returnCode) === undefined) {
        throw violation('answer.return_code', `is ${wire.returnCode}, which is unknown`);
      }
      return {
        id: guidFromWire(wire.id, 'answer.id'),
        returnCode: wire.returnCode,
        sentence: textFromWire(wire.sentence, 'answer.sentence'),
      };
    },
  },
  propose: {
    field: 'propose',
    toWire: ({ id, record, force }) => ({ id, record: jsonToWire(record), force }),
    fromWire: wire => ({
      id: guidFromWire(wire.id, 'propose.id'),
      record: jsonFromWire(ASSOCIATION, wire.record, 'propose.record'),
      force: wire.force,
    }),
  },
  agree: transitionForm('agree', 'agree'),
  decline: {
    field: 'decline',
    toWire: ({ id, sentence }) => ({ id, sentence: textToWire(sentence) }),
    fromWire: wire => ({
      id: guidFromWire(wire.id, 'decline.id'),
      sentence: textFromWire(wire.sentence, 'decline.sentence'),
    }),
  },
  abandon: transitionForm('abandon', 'abandon'),
  barrier: transitionForm('barrier', 'barrier'),
  'barrier-durable': transitionForm('barrierDurable', 'barrier_durable'),
  decision: {
    field: 'decision',
    toWire: ({ id, record, generations }) => ({
      id,
      record: record === null ? NO_BYTES : jsonToWire(record),
      generations: jsonToWire(generations),
    }),
    fromWire: wire => ({
      id: guidFromWire(wire.id, 'decision.id'),
      record: wire.record.length === 0 ? null : jsonFromWire(ASSOCIATION, wire.record, 'decision.record'),
      generations: jsonFromWire(GENERATIONS, wire.generations, 'decision.generations'),
    }),
  },
  committed: transitionForm('committed', 'committed'),
  verify: {
    field: 'verify',
    toWire: ({ id, repair, cancel }) => ({ id, repair, cancel }),
    fromWire: wire => ({ id: guidFromWire(wire.id, 'verify.id'), repair: wire.repair, cancel: wire.cancel }),
  },
  verified: {
    field: 'verified',
    toWire: ({ verification }) => ({ verification: jsonToWire(verification) }),
    fromWire: wire => ({
      verification: jsonFromWire(VERIFICATION, wire.verification, 'verified.verification'),
    }),
  },
};
const KIND_BY_FIELD = new Map(Object.entries(FORMS).map(([kind, { field }]) => [field, kind as Kind]));

export function mirrorPacketToWire(packet: MirrorPacket): WireMirrorPacket {
  if (packet.kind === 'open') return { open: packet.association };
  if (packet.kind === 'end') return { end: true };
  return { messages: packet.messages.map(messageToWire) };
}

export function mirrorPacketFromWire({ open = '', messages = [], end = false }: WireMirrorPacket): MirrorPacket {
  const parts = [open !== '', messages.length > 0, end].filter(Boolean);
  if (parts.length !== 1) throw violation('messages', 'must stand alone in a packet, as must open and end');
  if (open !== '') return { kind: 'open', association: guidFromWire(open, 'open') };
  if (end) return { kind: 'end' };
  listFromWire(messages, 'messages', LIMITS.mirrorPacketMessages);
  return { kind: 'messages', messages: messages.map(messageFromWire) };
}

export function replicaOfferToWire({ record, sizeBytes, force }: ReplicaOffer): WireReplicaOffer {
  return { record: jsonToWire(record), sizeBytes, force };
}

export function replicaOfferFromWire(wire: WireReplicaOffer): ReplicaOffer {
  return {
    record: jsonFromWire(ASSOCIATION, wire.record, 'record'),
    sizeBytes: countFromWire(wire.sizeBytes, 'size_bytes'),
    force: wire.force,
  };
}

export function targetsAskedFromWire({ name, sizeBytes }: TargetsAsked): TargetsAsked {
  return { name: textFromWire(name, 'name'), sizeBytes: countFromWire(sizeBytes, 'size_bytes') };
}

export function targetsListedFromWire({ targets, nameFree }: TargetsListed): TargetsListed {
  listFromWire(targets, 'targets', LIMITS.targetsTold);
  const listed = targets.map(({ name, requiresForce }) => ({
    name: textFromWire(name, 'targets.name'),
    requiresForce,
  }));
  return { targets: listed, nameFree };
}

function messageToWire(message: MirrorMessage): WireMirrorMessage {
  const form = FORMS[message.kind] as unknown as { field: string; toWire: (message: MirrorMessage) => object };
  return { [form.field]: form.toWire(message) };
}

function messageFromWire(wire: WireMirrorMessage): MirrorMessage {
  const kind = KIND_BY_FIELD.get(wire.message ?? '');
  if (kind === undefined) throw violation('messages.message', 'is missing or unknown');
  const form = FORMS[kind] as unknown as { field: string; fromWire: (wire: unknown) => object };
  return { kind, ...form.fromWire(wire[form.field]) } as MirrorMessage;
}

/** `field` is also its name in the .proto file. */
function digestsForm(field: 'digests' | 'compare') {
  return {
    field,
    toWire: ({ seq, pieces }: { readonly seq: number; readonly pieces: readonly PieceDigest[] }) => ({
      seq,
      ...piecesToWire(pieces),
    }),
    fromWire: (wire: WireDigests & { readonly seq: number }) => ({
      seq: countFromWire(wire.seq, `${field}.seq`),
      pieces: piecesFromWire(wire, field),
    }),
  };
}

/** Of the messages that have nothing but the id of their transition. */
function transitionForm(field: string, name: string) {
  return {
    field,
    toWire: ({ id }: { readonly id: string }) => ({ id }),
    fromWire: ({ id }: { readonly id: string }) => ({ id: guidFromWire(id, `${name}.id`) }),
  };
}

function sharedFromWire(wire: SharedEpoch | null | undefined): SharedEpoch | null {
  if (wire === null || wire === undefined) return null;
  return {
    run: guidFromWire(wire.run, 'epoch_end.shared.run'),
    number: countFromWire(wire.number, 'epoch_end.shared.number'),
    parts: listFromWire(wire.parts, 'epoch_end.shared.parts', LIMITS.replicas).map(part =>
      guidFromWire(part, 'epoch_end.shared.parts'),
    ),
  };
}
