/**
 * What two members say to each other about one association of theirs, on one stream in both directions, in order. Whoever
 * dialled, both may say everything. [volumes.md §10.2]
 *
 * First each says `hello`; where one of them has an intent left, its transition is brought to its end and both say `hello`
 * again; then each makes the association of their meeting durable and says `met`. Data flows when both have.
 */
import type { Association } from './association.ts';
import type { ByteRange } from './dirty-map.ts';
import type { CopyExtent, GenerationSide, Generations } from './generations.ts';
import type { PieceDigest } from './piece-digest.ts';
import type { ReplicaOperation } from './replica-values.ts';
import type { TransitionIntent } from './transition-plan.ts';
import type { Verification } from './verification.ts';

export type MirrorMessage = MeetingMessage | DataMessage | CopyMessage | TransitionMessage | VerifyMessage;

export type MeetingMessage =
  | {
      readonly kind: 'hello';
      /** The association as the sender keeps it. */
      readonly record: Association;
      readonly side: GenerationSide;
      /** Of the sender's element. */
      readonly sizeBytes: number;
      readonly intent: TransitionIntent | null;
      /** The sender takes `compare`, `verify` and `verified`; nobody else is sent them. */
      readonly verifies: boolean;
    }
  /** The association of the meeting is durable at the sender; its revision, which both must share. */
  | { readonly kind: 'met'; readonly revision: number }
  /** The sender keeps no such association any more: it was removed there. */
  | { readonly kind: 'removed' };

/**
 * Writes of the source's clients. `seq` rises by one with every message that has one, counted by its sender since the stream
 * began; it is answered by `arrived` or `failed`, in any order. Those that overlap are carried out in the order they came.
 */
export type DataMessage =
  | {
      readonly kind: 'write';
      readonly seq: number;
      readonly offset: number;
      /** At most LIMITS.mirrorWriteBytes. */
      readonly data: Uint8Array;
    }
  | {
      readonly kind: 'clear';
      readonly seq: number;
      readonly offset: number;
      readonly length: number;
      /** The space stays allocated. */
      readonly keep: boolean;
    }
  /** Asynchronous: changes that are staged with the others of their epoch, and not answered. */
  | {
      readonly kind: 'epoch-changes';
      readonly seq: number;
      readonly epoch: number;
      /** As of packed-changes.ts. */
      readonly packed: Uint8Array;
    }
  /** Everything before it that was answered is to be durable. */
  | { readonly kind: 'flush'; readonly seq: number }
  /** The epoch is complete: it is made durable, then carried out, then answered by `applied`. */
  | {
      readonly kind: 'epoch-end';
      readonly epoch: number;
      /** Its volume ended it at one moment with others, and none of them is carried out without the rest; null: it stands alone. */
      readonly shared: SharedEpoch | null;
    }
  | { readonly kind: 'arrived'; readonly seqs: readonly number[] }
  /** `full`: for want of space. */
  | { readonly kind: 'failed'; readonly seq: number; readonly reason: string; readonly full: boolean }
  /** This epoch and all before it are durable in the target. */
  | { readonly kind: 'applied'; readonly epoch: number };

/** What the volumes of a consistent group were written between two moments of all of them. */
export interface SharedEpoch {
  /** Drawn when all pairs of the group had come into step; over with the first of them that is not any more. */
  readonly run: string;
  /** 1, 2, 3, …: they are carried out in this order. */
  readonly number: number;
  /** Ids of the pairs in which something was written. */
  readonly parts: readonly string[];
}

/** A copy, from the side that has what is wanted to the other one. */
export type CopyMessage =
  /** From the side that is copied into: what is dirty in its map within the range, as `toRuns` tells it; `last`: no more pages. */
  | { readonly kind: 'dirty'; readonly range: ByteRange; readonly runs: readonly number[]; readonly last: boolean }
  /** Answered by `arrived` when it is durable there that a copy has begun. */
  | {
      readonly kind: 'copy-begin';
      readonly seq: number;
      readonly extent: CopyExtent;
      readonly generations: Generations;
    }
  /** Answered by `differing`. At most LIMITS.mirrorDigests. */
  | { readonly kind: 'digests'; readonly seq: number; readonly pieces: readonly PieceDigest[] }
  /**
   * As `digests`, of a pair in step: what the sender's pieces hold at this place of the order. They are compared with what the other side
   * has when everything before this message is carried out and nothing after it.
   */
  | { readonly kind: 'compare'; readonly seq: number; readonly pieces: readonly PieceDigest[] }
  | { readonly kind: 'differing'; readonly seq: number; readonly ranges: readonly ByteRange[] }
  /** Everything was sent. Answered by `arrived` when it is durable there that the copy is complete. */
  | { readonly kind: 'copy-end'; readonly seq: number; readonly generations: Generations };

/** A change of the association that both make together; `id` is drawn by whoever proposes it. */
export type TransitionMessage =
  /** Ordered at the sender, for the member that decides. */
  | {
      readonly kind: 'order';
      readonly id: string;
      readonly operation: ReplicaOperation;
      readonly force: boolean;
    }
  /** What became of the order at once: a return code and a sentence; 4096: the transition has begun. */
  | { readonly kind: 'answer'; readonly id: string; readonly returnCode: number; readonly sentence: string }
  /** `record`: in the transition of its operation. */
  | { readonly kind: 'propose'; readonly id: string; readonly record: Association; readonly force: boolean }
  | { readonly kind: 'agree'; readonly id: string }
  | { readonly kind: 'decline'; readonly id: string; readonly sentence: string }
  /** The decider gives it up. */
  | { readonly kind: 'abandon'; readonly id: string }
  | { readonly kind: 'barrier'; readonly id: string }
  | { readonly kind: 'barrier-durable'; readonly id: string }
  /** Null: the association is removed. */
  | {
      readonly kind: 'decision';
      readonly id: string;
      readonly record: Association | null;
      readonly generations: Generations;
    }
  | { readonly kind: 'committed'; readonly id: string };

export type VerifyMessage =
  /** Ordered at the target: a verification of this id is to begin, or to end. Answered by `answer`. */
  | { readonly kind: 'verify'; readonly id: string; readonly repair: boolean; readonly cancel: boolean }
  /** From the source: how far the last verification is, or what came of it. */
  | { readonly kind: 'verified'; readonly verification: Verification };
