/**
 * What two members say to each other, free of gRPC. `PeerLink` is the calling side (of folders, the receiver of data),
 * `PeerService` the answering side; an in-memory link can join one to the other. Each has a part for folders and one for
 * mirrors, which need not know of one another. docs/PROTOCOL.md has the meaning.
 *
 * Everything a link returns has been validated against the limits table and `model/update-rules.ts`: a violation ends the call with
 * PEER_VIOLATION. Calls reject with `TandemError` only (PEER_UNREACHABLE, PEER_UNTRUSTED, PEER_UNRECOGNIZED, PEER_DISABLED,
 * PEER_INCOMPATIBLE, PEER_VIOLATION, FOLDER_NOT_READY, NOT_FOUND, REFUSED, CANCELLED). Iterables are pulled: a reader that does not read makes the other side wait.
 */
import type { Association } from '../model/association.ts';
import type { MirrorMessage } from '../model/mirror-message.ts';
import type { ChunkGroup, Recipe } from '../model/recipe.ts';
import type { Update } from '../model/update.ts';
import type { Gvsn, Uid } from '../model/version.ts';
import type { VersionVector } from '../model/version-vector.ts';

export type PeerLink = FolderLink & MirrorLink;

export interface FolderLink {
  checkConnectivity(request: ConnectivityRequest, signal: AbortSignal): Promise<void>;
  establishConnection(hello: Hello, signal: AbortSignal): Promise<Welcome>;
  /** First the vector of each folder as it is, then each time it grows. Ends only with an error or the signal. */
  watchVectors(request: WatchRequest, signal: AbortSignal): AsyncIterable<VectorEvent>;
  /**
   * First the vector of one consistent view of the partner's folder, then all updates of that view that `have` lacks:
   * tombstones first, then live ones, parents before children.
   */
  requestUpdates(request: UpdatesRequest, signal: AbortSignal): AsyncIterable<UpdatesAnswer>;
  /** Tells the partner that updates could not be processed here; they will be asked for again. */
  cancelUpdates(request: CancelRequest, signal: AbortSignal): Promise<void>;
  /** (UID, GVSN) of all live records in the order of UID, for slow comparison. */
  requestRecords(request: RecordsRequest, signal: AbortSignal): AsyncIterable<RecordVersion[]>;
  /** One long-lived stream a connection: requests go out as they are pulled, answers come as they are ready, in any order. */
  fetchContent(
    requests: AsyncIterable<ContentRequest>,
    connection: string,
    signal: AbortSignal,
  ): AsyncIterable<ContentAnswer[]>;
  close(): void;
}

export interface MirrorLink {
  /** Resolves when the partner keeps the pair too. NOT_FOUND or REFUSED, with its sentence, where it does not. */
  offerReplica(offer: ReplicaOffer, signal: AbortSignal): Promise<void>;
  /** What of the partner's volumes could be a target. PEER_INCOMPATIBLE where it is of a version that cannot tell. */
  listTargets(asked: TargetsAsked, signal: AbortSignal): Promise<TargetsListed>;
  /**
   * The stream of this association, by its id. Whatever becomes of it, the channel tells: NOT_FOUND where the partner does not
   * keep the association. Aborting the signal breaks it off; so does `close` of the link.
   */
  openMirror(association: string, signal: AbortSignal): MirrorChannel;
  close(): void;
}

export type PeerService = FolderPeerService & MirrorPeerService;

/** `caller` is the name of the member that proved to hold the key pinned for it. Thrown `TandemError`s reach the caller by their code. */
export interface FolderPeerService {
  checkConnectivity(caller: string, request: ConnectivityRequest): Promise<void>;
  /** `address`: the `host:port` the call came from, where there is such a thing. */
  establishConnection(caller: string, hello: Hello, address?: string): Promise<Welcome>;
  watchVectors(caller: string, request: WatchRequest, signal: AbortSignal): AsyncIterable<VectorEvent>;
  requestUpdates(caller: string, request: UpdatesRequest, signal: AbortSignal): AsyncIterable<UpdatesAnswer>;
  cancelUpdates(caller: string, request: CancelRequest): Promise<void>;
  requestRecords(caller: string, request: RecordsRequest, signal: AbortSignal): AsyncIterable<RecordVersion[]>;
  fetchContent(
    caller: string,
    requests: AsyncIterable<ContentRequest>,
    connection: string,
    signal: AbortSignal,
  ): AsyncIterable<ContentAnswer[]>;
}

/** `caller` as above. */
export interface MirrorPeerService {
  /** NOT_FOUND, REFUSED: the pair is not kept here, and why. */
  offerReplica(caller: string, offer: ReplicaOffer): Promise<void>;
  listTargets(caller: string, asked: TargetsAsked): Promise<TargetsListed>;
  /**
   * The stream lives until this settles: in order, or with what it throws. NOT_FOUND if the association is not kept here. The
   * signal aborts when nothing more can be said: the caller went away, broke the protocol, or this member stops.
   */
  mirror(caller: string, association: string, channel: MirrorChannel, signal: AbortSignal): Promise<void>;
}

/** Major versions must be equal, minor ones may differ: the lower is spoken. */
export const PROTOCOL = { major: 1, minor: 0 } as const;
/** Optional abilities of this build; both sides use what both have. */
export const CAPABILITIES = ['chunk-groups', 'record-comparison', 'update-count'] as const;

export interface ConnectivityRequest {
  readonly group: string;
  readonly connection: string;
}

export interface Hello {
  readonly protocol: { readonly major: number; readonly minor: number };
  readonly capabilities: readonly string[];
  readonly software: string;
  readonly group: string;
  readonly connection: string;
  /** GUID of the calling member. */
  readonly member: string;
  /** SHA-256 of the group configuration in its canonical form, to notice that members' copies differ. */
  readonly configDigest: string;
  /** The caller's clock, milliseconds. */
  readonly now: number;
  readonly folders: readonly FolderGreeting[];
  /** Ordered by an administrator though the connection is disabled in group.yaml, here or at the partner. */
  readonly forced: boolean;
}

export interface FolderGreeting {
  readonly folder: string;
  readonly state: FolderStateName;
  /** GUID of the database (32 hex digits) that this member's own versions carry. */
  readonly database: string;
}

export type FolderStateName =
  | 'uninitialized'
  | 'initialized'
  | 'initial-sync'
  | 'auto-recovery'
  | 'normal'
  | 'in-error';

export interface Welcome {
  readonly protocol: { readonly major: number; readonly minor: number };
  readonly capabilities: readonly string[];
  readonly software: string;
  readonly member: string;
  readonly configDigest: string;
  readonly now: number;
  readonly folders: readonly FolderGreeting[];
}

export interface WatchRequest {
  readonly connection: string;
  readonly folders: readonly string[];
}

export interface VectorEvent {
  readonly folder: string;
  readonly state: FolderStateName;
  /** Grows by one with each movement since the partner's start. */
  readonly vectorGeneration: number;
  /** Empty unless the state lets the folder serve as a source. */
  readonly vector: VersionVector;
}

export interface UpdatesRequest {
  readonly connection: string;
  readonly folder: string;
  /** What the caller holds or is already being sent; the partner gives the difference to its own vector. */
  readonly have: VersionVector;
  /** Only the first answer is wanted, for its number. Not before the partner has named the capability 'update-count'. */
  readonly countOnly?: boolean;
}

export type UpdatesAnswer =
  /** The first answer and no other. `updates` follow; null: the partner does not tell how many. */
  | { readonly kind: 'vector'; readonly vector: VersionVector; readonly updates: number | null }
  | { readonly kind: 'updates'; readonly updates: readonly Update[] };

/** 'left-out': it is not in the bundle. */
export type FailureReason = 'changed' | 'gone' | 'not-ready' | 'unreadable' | 'left-out';

export interface CancelRequest {
  readonly connection: string;
  readonly folder: string;
  readonly updates: readonly { readonly gvsn: Gvsn; readonly reason: string }[];
}

export interface RecordsRequest {
  readonly connection: string;
  readonly folder: string;
}

export interface RecordVersion {
  readonly uid: Uid;
  readonly gvsn: Gvsn;
}

/** Names the exact content wanted. The sender answers 'changed' if it no longer has just that. */
export interface Wanted {
  /** Chosen by the receiver, unique on the stream: answers carry it. */
  readonly id: number;
  readonly folder: string;
  readonly uid: Uid;
  readonly gvsn: Gvsn;
  readonly hash: string;
}

export type ContentRequest =
  /** The sender may have this many more bytes of content on the way. */
  | { readonly kind: 'credit'; readonly bytes: number }
  /** Whole files of at most LIMITS.wholeFileBytes. */
  | { readonly kind: 'whole'; readonly files: readonly Wanted[] }
  /** The recipe's groups; of a file with one group only, its chunks at once. */
  | { readonly kind: 'outline'; readonly file: Wanted }
  /** The chunks of some groups. */
  | { readonly kind: 'chunks'; readonly file: Wanted; readonly groups: readonly number[] }
  /** Bytes, in the order asked for. */
  | {
      readonly kind: 'ranges';
      readonly file: Wanted;
      readonly ranges: readonly { readonly offset: number; readonly length: number }[];
    }
  /** Answers to these ids are wanted no more. */
  | { readonly kind: 'abandon'; readonly ids: readonly number[] };

export type ContentAnswer =
  | {
      readonly kind: 'data';
      readonly id: number;
      readonly offset: number;
      /** The receiver's. What a sender owns of it (`base/owned-blocks.ts`) is gone once it is written. */
      readonly data: Uint8Array;
      readonly last: boolean;
    }
  | {
      readonly kind: 'outline';
      readonly id: number;
      readonly groups: readonly ChunkGroup[];
      readonly recipe: Recipe | null;
    }
  | {
      readonly kind: 'chunks';
      readonly id: number;
      readonly group: number;
      readonly recipe: Recipe;
      readonly last: boolean;
    }
  | { readonly kind: 'failed'; readonly id: number; readonly reason: FailureReason };

/** A pair that one member wants to keep with its partner, told before the first stream: the partner keeps it too, or says why not. */
export interface ReplicaOffer {
  /** As the offering member keeps it. */
  readonly record: Association;
  /** Of its element. */
  readonly sizeBytes: number;
  /** What the partner’s element holds may be overwritten. */
  readonly force: boolean;
}

/** A volume of the asking member. */
export interface TargetsAsked {
  readonly name: string;
  readonly sizeBytes: number;
}

/** By rising name. */
export interface TargetsListed {
  readonly targets: readonly {
    readonly name: string;
    /** It holds data or has a client that may write. */
    readonly requiresForce: boolean;
  }[];
  /** Nothing has the name of the asking member's volume: an offer makes a volume of that name. */
  readonly nameFree: boolean;
}

/** The stream of one association, in both directions. */
export interface MirrorChannel {
  /**
   * Goes out in the order of the calls; the bytes of a message are not to be changed afterwards. Resolves when there is room for
   * more. Rejects when the stream has ended.
   */
  send(message: MirrorMessage): Promise<void>;
  /** To be read once, in order. Ends when the other side ended the stream in order, or this one did; otherwise throws. */
  readonly messages: AsyncIterable<MirrorMessage>;
  /** In order: what was sent before still goes out, nothing more is heard. */
  close(): void;
}
