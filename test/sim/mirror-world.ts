/** Members with volumes, and lines between them that can be cut: two that most lives are about, and a third that may be started. */
import { TandemError } from '../../src/base/errors.ts';
import type { MirrorLink, ReplicaOffer } from '../../src/peer/link.ts';
import { createMemoryChannels, type MemoryChannels } from './memory-channels.ts';
import { SimTime } from './sim-clock.ts';
import type { SimRandom } from './sim-random.ts';
import { VolumeMember } from './volume-member.ts';

export const MEMBERS = ['alpha', 'beta'] as const;
export const THREE_MEMBERS = [...MEMBERS, 'gamma'] as const;
export type MemberName = (typeof THREE_MEMBERS)[number];

export class MirrorWorld {
  readonly time = new SimTime();
  readonly members: Readonly<Record<MemberName, VolumeMember>>;
  /** How long each packet that is sent now is on its way; those sent later wait for it. */
  delayMs = 1;
  readonly #streams = new Map<MemoryChannels, { readonly of: string; readonly ends: readonly MemberName[] }>();
  /** Whom nobody reaches. */
  readonly #away = new Set<MemberName>();
  #up = true;

  constructor(random: SimRandom) {
    const create = (name: MemberName): VolumeMember =>
      new VolumeMember({
        name,
        members: THREE_MEMBERS,
        time: this.time,
        random,
        linkTo: member => this.linkTo(name, member as MemberName),
      });
    this.members = { alpha: create('alpha'), beta: create('beta'), gamma: create('gamma') };
  }

  get up(): boolean {
    return this.#up;
  }

  cut(): void {
    this.#up = false;
    this.#breakAll();
  }

  restore(): void {
    this.#up = true;
    this.#away.clear();
  }

  /** The member's lines to all others, until `restore`. */
  cutOff(name: MemberName): void {
    this.#away.add(name);
    this.#breakAll(name);
  }

  /** Of one association alone; it can be made anew. */
  cutStream(association: string): void {
    for (const [stream, { of }] of this.#streams) if (of === association) stream.cut();
  }

  powerFails(name: MemberName): void {
    this.members[name].powerFails();
    this.#breakAll(name);
  }

  #breakAll(name: MemberName | null = null): void {
    for (const [stream, { ends }] of this.#streams) {
      if (name !== null && !ends.includes(name)) continue;
      stream.cut();
      this.#streams.delete(stream);
    }
  }

  /** As members have it. */
  linkTo(from: MemberName, to: MemberName): MirrorLink {
    const other = this.members[to];
    const assertThere = (): void => {
      if (!this.#up || this.#away.has(from) || this.#away.has(to) || other.running === null)
        throw new TandemError('PEER_UNREACHABLE', `${to} cannot be reached`);
    };
    return {
      offerReplica: async (offer: ReplicaOffer) => {
        await this.time.wait(1);
        assertThere();
        await other.on.replicas.links.offerReplica(from, JSON.parse(JSON.stringify(offer)) as ReplicaOffer);
      },
      listTargets: async asked => {
        await this.time.wait(1);
        assertThere();
        return await other.on.replicas.links.listTargets(from, asked);
      },
      openMirror: (association, signal) => {
        assertThere();
        const channels = createMemoryChannels({ time: this.time, delayMs: () => this.delayMs });
        const [near, far] = channels;
        this.#streams.set(channels, { of: association, ends: [from, to] });
        const gone = new AbortController();
        const end = (): void => {
          gone.abort();
          channels.cut();
        };
        if (signal.aborted) end();
        else signal.addEventListener('abort', end, { once: true });
        void other.on.replicas.links
          .mirror(from, association, far, gone.signal)
          .then(() => far.close())
          .catch(() => channels.cut())
          .finally(() => signal.removeEventListener('abort', end));
        return near;
      },
      close: () => {},
    };
  }
}
