/**
 * Streams to the partners of mirrored pairs. The member whose name comes first dials; the other one is dialled. A partner that does
 * not know a pair yet is offered it first.
 */
import type { Clock } from '../base/clock.ts';
import { messageOf, TandemError } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import type {
  MirrorChannel,
  MirrorLink,
  MirrorPeerService,
  ReplicaOffer,
  TargetsAsked,
  TargetsListed,
} from '../peer/link.ts';
import type { MirrorPair } from './mirror-pair.ts';

export interface MirrorLinksParts {
  readonly member: string;
  /** To a member of the group; null: it is in the group no more. */
  readonly linkTo: (member: string) => MirrorLink | null;
  readonly mirrorOf: (id: string) => MirrorPair | undefined;
  /** Pairs that are kept here no more, with the partner that may not have heard of it. */
  readonly removed: () => ReadonlyMap<string, { readonly partner: string | null }>;
  /** The partner has heard of it. */
  readonly forgetRemoved: (id: string) => Promise<void>;
  /** The partner wants to keep a pair with this member. NOT_FOUND, REFUSED */
  readonly takeOffer: (caller: string, offer: ReplicaOffer) => Promise<void>;
  /** What of this member's volumes could be a target of a partner's. */
  readonly listTargets: (asked: TargetsAsked) => TargetsListed;
  readonly sizeOf: (pair: MirrorPair) => number;
  readonly clock: Clock;
  readonly log: Log;
}

export class MirrorLinks implements MirrorPeerService {
  readonly #parts: MirrorLinksParts;

  constructor(parts: MirrorLinksParts) {
    this.#parts = parts;
  }

  /** Keeps the pair’s stream up, where it is this member’s part, until the signal. */
  async keep(mirror: MirrorPair, signal: AbortSignal): Promise<void> {
    const { clock } = this.#parts;
    while (!signal.aborted && !mirror.pair.removed) {
      if (mirror.session === null) await this.#connect(mirror, signal);
      await clock.sleep(LIMITS.mirrorRedialMs, signal).catch(() => {});
    }
  }

  /** Tells partners of pairs that were removed while they were away, until the signal. */
  async tellRemoved(signal: AbortSignal): Promise<void> {
    const { clock, removed, member } = this.#parts;
    while (!signal.aborted) {
      for (const [id, { partner }] of removed()) {
        // The other way round the partner dials, and is told then.
        if (partner !== null && member < partner && !signal.aborted) await this.#tellRemoved(id, partner, signal);
      }
      await clock.sleep(LIMITS.mirrorGraceMs, signal).catch(() => {});
    }
  }

  /** Resolves when the partner keeps the pair too. */
  async offer(mirror: MirrorPair, force: boolean, signal: AbortSignal): Promise<void> {
    const { record } = mirror.pair;
    await this.#link(mirror.partner).offerReplica({ record, sizeBytes: this.#parts.sizeOf(mirror), force }, signal);
  }

  offerReplica(caller: string, offer: ReplicaOffer): Promise<void> {
    return this.#parts.takeOffer(caller, offer);
  }

  async listTargets(_caller: string, asked: TargetsAsked): Promise<TargetsListed> {
    return this.#parts.listTargets(asked);
  }

  async mirror(caller: string, association: string, channel: MirrorChannel, signal: AbortSignal): Promise<void> {
    const mirror = this.#parts.mirrorOf(association);
    if (mirror === undefined && this.#parts.removed().has(association)) return await channel.send({ kind: 'removed' });
    if (mirror === undefined || mirror.partner !== caller) {
      throw new TandemError('NOT_FOUND', `${this.#parts.member} keeps no pair ${association} with ${caller}`);
    }
    const close = (): void => channel.close();
    signal.addEventListener('abort', close, { once: true });
    await mirror.attach(channel).finally(() => signal.removeEventListener('abort', close));
  }

  async #connect(mirror: MirrorPair, signal: AbortSignal): Promise<void> {
    const { member, log } = this.#parts;
    try {
      if (member < mirror.partner) await mirror.attach(this.#link(mirror.partner).openMirror(mirror.pair.id, signal));
    } catch (error) {
      if (signal.aborted) return;
      log.debug({ replica: mirror.pair.id, reason: messageOf(error) }, 'the stream of a mirror ended');
      mirror.pair.trouble ??= messageOf(error);
    }
  }

  async #tellRemoved(id: string, partner: string, signal: AbortSignal): Promise<void> {
    try {
      const channel = this.#link(partner).openMirror(id, signal);
      try {
        await channel.send({ kind: 'removed' });
        // It ends the stream when the pair is removed there.
        for await (const _ of channel.messages);
      } finally {
        channel.close();
      }
    } catch (error) {
      // It does not keep the pair: that is what was to be told.
      if (!(error instanceof TandemError) || error.code !== 'NOT_FOUND') return;
    }
    await this.#parts.forgetRemoved(id);
  }

  #link(partner: string): MirrorLink {
    const link = this.#parts.linkTo(partner);
    if (link === null) throw new TandemError('PEER_UNREACHABLE', `${partner} is no member of the group any more`);
    return link;
  }
}
