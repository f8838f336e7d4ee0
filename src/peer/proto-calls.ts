/**
 * The calls of tandem.peer.v1.Peer as pairs of codecs between bytes and the shapes of link.ts. Loads proto/ when it is
 * first asked: both from src/ and from dist/ the package's root is two directories up.
 */
import { fileURLToPath } from 'node:url';
import type { MethodDefinition } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { messageOf, TandemError } from '../base/errors.ts';
import { discard, isAlone, own } from '../base/owned-blocks.ts';
import type {
  CancelRequest,
  ConnectivityRequest,
  ContentAnswer,
  Hello,
  RecordsRequest,
  RecordVersion,
  ReplicaOffer,
  TargetsAsked,
  TargetsListed,
  UpdatesAnswer,
  UpdatesRequest,
  VectorEvent,
  WatchRequest,
  Welcome,
} from './link.ts';
import { CONTENT_BOUNDS, GREETING_BOUNDS, MIRROR_BOUNDS, UPDATE_BOUNDS } from './message-bounds.ts';
import { guardMessage, type MessageGuard } from './message-guard.ts';
import {
  answersFromWire,
  answersToWire,
  type ContentCall,
  contentCallFromWire,
  contentCallToWire,
  contentIn,
} from './wire-content.ts';
import {
  connectivityFromWire,
  helloFromWire,
  helloToWire,
  recordsFromWire,
  recordsRequestFromWire,
  recordsToWire,
  vectorEventFromWire,
  vectorEventToWire,
  watchRequestFromWire,
  welcomeFromWire,
  welcomeToWire,
} from './wire-greeting.ts';
import {
  type MirrorPacket,
  mirrorPacketFromWire,
  mirrorPacketToWire,
  replicaOfferFromWire,
  replicaOfferToWire,
  targetsAskedFromWire,
  targetsListedFromWire,
} from './wire-mirror.ts';
import { violation } from './wire-parts.ts';
import {
  cancelRequestFromWire,
  cancelRequestToWire,
  updatesAnswerFromWire,
  updatesAnswerToWire,
  updatesRequestFromWire,
  updatesRequestToWire,
} from './wire-update.ts';

/** A message that could not be read stands in its stream as this, so that the reader ends the call with the reason. */
export class Malformed {
  readonly error: TandemError;

  constructor(error: TandemError) {
    this.error = error;
  }
}

/** Throws what is wrong with a message that could not be read. */
export function unwrap<T>(message: T | Malformed): T {
  if (message instanceof Malformed) throw message.error;
  return message;
}

export interface Codec<T> {
  write(value: T): Buffer;
  read(bytes: Buffer): T | Malformed;
}

export interface PeerCall<Request, Answer> {
  readonly path: string;
  readonly requestStream: boolean;
  readonly responseStream: boolean;
  readonly request: Codec<Request>;
  readonly answer: Codec<Answer>;
}

export type Nothing = Readonly<Record<string, never>>;

export interface PeerCalls {
  readonly checkConnectivity: PeerCall<ConnectivityRequest, Nothing>;
  readonly establishConnection: PeerCall<Hello, Welcome>;
  readonly watchVectors: PeerCall<WatchRequest, VectorEvent>;
  readonly requestUpdates: PeerCall<UpdatesRequest, UpdatesAnswer>;
  readonly cancelUpdates: PeerCall<CancelRequest, Nothing>;
  readonly requestRecords: PeerCall<RecordsRequest, RecordVersion[]>;
  readonly fetchContent: PeerCall<ContentCall, ContentAnswer[]>;
  readonly offerReplica: PeerCall<ReplicaOffer, Nothing>;
  readonly listTargets: PeerCall<TargetsAsked, TargetsListed>;
  readonly mirror: PeerCall<MirrorPacket, MirrorPacket>;
}

const PROTO_ROOT = fileURLToPath(new URL('../../proto/', import.meta.url));
const PROTO_FILE = 'tandem/peer/v1/peer.proto';
const LOADING = { includeDirs: [PROTO_ROOT], longs: Number, defaults: true, arrays: true, oneofs: true };
/** What stands before a message in the block that gRPC puts it together in. */
const FRAME_HEADER_BYTES = 5;
const NO_BOUNDS: MessageGuard = new Map();

let loaded: PeerCalls | undefined;

export function peerCalls(): PeerCalls {
  loaded ??= loadCalls();
  return loaded;
}

interface Conversion<T, Wire> {
  readonly toWire: (value: T) => Wire;
  readonly fromWire: (wire: Wire) => T;
  readonly bounds: MessageGuard;
  /** The content in a message. Written, its blocks are done with; read, they are the reader's. */
  readonly content?: (value: T) => Uint8Array[];
}

function loadCalls(): PeerCalls {
  const methods = loadSync(PROTO_FILE, LOADING)['tandem.peer.v1.Peer'] as unknown as Readonly<
    Record<string, MethodDefinition<object, object>>
  >;

  function call<Request, RequestWire, Answer, AnswerWire>(
    name: string,
    request: Conversion<Request, RequestWire>,
    answer: Conversion<Answer, AnswerWire>,
  ): PeerCall<Request, Answer> {
    const method = methods[name]!;
    return {
      path: method.path,
      requestStream: method.requestStream,
      responseStream: method.responseStream,
      request: codec(method.requestSerialize, method.requestDeserialize, request),
      answer: codec(method.responseSerialize, method.responseDeserialize, answer),
    };
  }

  const packet: Conversion<MirrorPacket, object> = {
    toWire: mirrorPacketToWire,
    fromWire: mirrorPacketFromWire,
    bounds: MIRROR_BOUNDS.packet,
  };
  const nothing: Conversion<Nothing, Nothing> = { toWire: same, fromWire: () => ({}), bounds: NO_BOUNDS };
  return {
    checkConnectivity: call(
      'CheckConnectivity',
      { toWire: same, fromWire: connectivityFromWire, bounds: NO_BOUNDS },
      nothing,
    ),
    establishConnection: call(
      'EstablishConnection',
      { toWire: helloToWire, fromWire: helloFromWire, bounds: GREETING_BOUNDS.hello },
      { toWire: welcomeToWire, fromWire: welcomeFromWire, bounds: GREETING_BOUNDS.welcome },
    ),
    watchVectors: call(
      'WatchVectors',
      { toWire: same, fromWire: watchRequestFromWire, bounds: GREETING_BOUNDS.watch },
      { toWire: vectorEventToWire, fromWire: vectorEventFromWire, bounds: GREETING_BOUNDS.vectorEvent },
    ),
    requestUpdates: call(
      'RequestUpdates',
      { toWire: updatesRequestToWire, fromWire: updatesRequestFromWire, bounds: UPDATE_BOUNDS.request },
      { toWire: updatesAnswerToWire, fromWire: updatesAnswerFromWire, bounds: UPDATE_BOUNDS.answer },
    ),
    cancelUpdates: call(
      'CancelUpdates',
      { toWire: cancelRequestToWire, fromWire: cancelRequestFromWire, bounds: UPDATE_BOUNDS.cancel },
      nothing,
    ),
    requestRecords: call(
      'RequestRecords',
      { toWire: same, fromWire: recordsRequestFromWire, bounds: NO_BOUNDS },
      { toWire: recordsToWire, fromWire: recordsFromWire, bounds: GREETING_BOUNDS.records },
    ),
    fetchContent: call(
      'FetchContent',
      { toWire: contentCallToWire, fromWire: contentCallFromWire, bounds: CONTENT_BOUNDS.request },
      { toWire: answersToWire, fromWire: answersFromWire, bounds: CONTENT_BOUNDS.answers, content: contentIn },
    ),
    offerReplica: call(
      'OfferReplica',
      { toWire: replicaOfferToWire, fromWire: replicaOfferFromWire, bounds: NO_BOUNDS },
      nothing,
    ),
    listTargets: call(
      'ListTargets',
      { toWire: same, fromWire: targetsAskedFromWire, bounds: NO_BOUNDS },
      { toWire: same, fromWire: targetsListedFromWire, bounds: MIRROR_BOUNDS.targets },
    ),
    mirror: call('Mirror', packet, packet),
  };
}

function codec<T, Wire>(
  serialize: (wire: object) => Buffer,
  deserialize: (bytes: Buffer) => object,
  { toWire, fromWire, bounds, content }: Conversion<T, Wire>,
): Codec<T> {
  return {
    write: value => {
      const bytes = serialize(toWire(value) as object);
      if (content !== undefined) discard(content(value));
      return bytes;
    },
    read: bytes => {
      try {
        guardMessage(bytes, bounds);
        const value = fromWire(deserialize(bytes) as Wire);
        if (content !== undefined && isAlone(bytes, FRAME_HEADER_BYTES)) own(content(value));
        return value;
      } catch (error) {
        if (error instanceof TandemError) return new Malformed(error);
        return new Malformed(violation('message', `cannot be decoded: ${messageOf(error)}`));
      }
    },
  };
}

function same<T>(value: T): T {
  return value;
}
