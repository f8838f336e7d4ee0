/** What the flows of consistent groups have to do with one another on this member: as sources, and as targets. */
import type { Clock } from '../base/clock.ts';
import { messageOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { TaskLine } from '../base/task-line.ts';
import type { ReplicaGroup } from '../model/replica-group.ts';
import type { CopyState } from '../model/replica-values.ts';
import type { MirrorPair } from './mirror-pair.ts';
import type { Pair } from './pair.ts';
import type { PairSet } from './pair-set.ts';
import type { ReplicaBook } from './replica-book.ts';
import { SharedEpochs } from './shared-epochs.ts';
import { type FlowGroups, StandingGroups } from './standing-groups.ts';

export interface GroupFlowsParts {
  readonly book: ReplicaBook;
  readonly pairs: PairSet;
  readonly mirrorOf: (pair: string) => MirrorPair | undefined;
  readonly uuid: () => string;
  readonly clock: Clock;
  readonly log: Log;
}

/** For one pair. */
export interface GroupFlow {
  readonly sending: FlowGroups;
  /** Whether its source may send: no pair of a consistent group does while another one cannot. */
  readonly maySend: () => boolean;
  readonly taking: SharedEpochs;
}

export class GroupFlows {
  readonly #parts: GroupFlowsParts;
  readonly #standing: StandingGroups;
  readonly #taking: SharedEpochs;
  readonly #line = new TaskLine();

  constructor(parts: GroupFlowsParts) {
    this.#parts = parts;
    this.#taking = new SharedEpochs(parts);
    this.#standing = new StandingGroups({
      groupOf: pair => this.#groupOf(pair),
      consistent: (group, consistent) => this.#note(group, consistent),
      uuid: parts.uuid,
    });
  }

  get taking(): SharedEpochs {
    return this.#taking;
  }

  of({ id }: Pair): GroupFlow {
    const standing = this.#standing;
    return {
      sending: {
        enter: seat => standing.enter(id, seat),
        leave: (seat, end) => standing.leave(id, seat, end),
        closed: epoch => standing.closed(id, epoch),
      },
      maySend: () => this.#maySend(id),
      taking: this.#taking,
    };
  }

  /** Its pairs or its consistency have changed. */
  look(group: ReplicaGroup): void {
    if (group.consistency === 'off') this.#standing.end(group.id);
    else this.#standing.look(group);
  }

  /** A pair has met its partner, or is in another state: the others of its group may send, or may not. */
  changed(pair: string): void {
    const group = this.#groupOf(pair);
    if (group === null) return;
    for (const other of group.pairs) if (other !== pair) this.#parts.mirrorOf(other)?.follow();
  }

  #maySend(pair: string): boolean {
    const group = this.#groupOf(pair);
    if (group === null) return true;
    return group.pairs.every(other => {
      const mirror = this.#parts.mirrorOf(other);
      return mirror === undefined || (mirror.reachable && mirror.pair.record.copyState !== 'Broken');
    });
  }

  #groupOf(pair: string): ReplicaGroup | null {
    const id = this.#parts.pairs.get(pair)?.record.group ?? null;
    const group = id === null ? undefined : this.#parts.book.groups.get(id);
    return group === undefined || group.consistency === 'off' || !group.pairs.includes(pair) ? null : group;
  }

  #note(id: string, consistent: boolean): void {
    const { book, pairs, log } = this.#parts;
    this.#line
      .run(async () => {
        const group = book.groups.get(id);
        const consistency = consistent ? 'on' : 'activating';
        if (group === undefined || group.consistency === 'off' || group.consistency === consistency) return;
        // They were stopped at one moment.
        if (!consistent && group.pairs.every(pair => STOPPED.has(pairs.get(pair)?.record.copyState))) return;
        await book.commit({ groups: { [id]: { ...group, consistency } } });
      })
      .catch(error => log.warn({ group: id, reason: messageOf(error) }, 'what a group is could not be noted'));
  }
}

const STOPPED: ReadonlySet<CopyState | undefined> = new Set(['Split', 'Failedover']);
