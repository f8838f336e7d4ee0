/**
 * Updates that wait for one another, and the order in which all of them can take their places at once. A wait for
 * something that comes by itself is none of this; in a circle nothing ever does.
 */
import type { Uid } from './version.ts';

/** What keeps an update from its place. */
export interface Wait {
  /**
   * 'name': another record has the name and is about to leave it. 'directory': the directory it goes into is still to
   * come. 'contents': of a deletion, what lies in the directory is still to leave it. 'winner': of a name given up, the
   * record that won it is still to say so here.
   */
  readonly kind: 'name' | 'directory' | 'contents' | 'winner';
  /** The records it waits for: all of them. */
  readonly on: readonly Uid[];
}

/** The update of one record that cannot go on. */
export interface Waiting {
  readonly uid: Uid;
  readonly present: boolean;
  readonly wait: Wait;
}

export interface CircleOrder {
  /** Everyone, in the order in which they take their places. */
  readonly order: readonly Uid[];
  /** Directories that were each to lie in the next one: these have to find another place, or none of them ever lies anywhere. */
  readonly astray: readonly Uid[];
}

/**
 * All for whom `start` waits, directly or not, itself included: if every one of them waits. Null if one of them does
 * not, so that things are still moving. `waitingOf` is undefined for a record that waits for nothing.
 */
export function circleFrom(start: Uid, waitingOf: (uid: Uid) => Waiting | undefined): readonly Waiting[] | null {
  const members = new Map<Uid, Waiting>();
  const next = [start];
  for (let uid = next.pop(); uid !== undefined; uid = next.pop()) {
    if (members.has(uid)) continue;
    const waiting = waitingOf(uid);
    if (waiting === undefined) return null;
    members.set(uid, waiting);
    next.push(...waiting.wait.on);
  }
  return [...members.values()];
}

/**
 * For when all that move have stepped aside, out of names and directories: then deletions, inner ones first, and
 * directories before what goes into them. No wait for a name or for a winner is left.
 */
export function orderOfCircle(members: readonly Waiting[]): CircleOrder {
  const waitingByUid = new Map(members.map(member => [member.uid, member]));
  const order: Uid[] = [];
  const astray: Uid[] = [];
  const placed = new Set<Uid>();
  /** Who is to take its place before this one. */
  const before = ({ uid, present, wait }: Waiting): Waiting[] => {
    if (wait.kind === 'name' || wait.kind === 'winner' || (wait.kind === 'contents' && present)) return [];
    return wait.on.flatMap(on => {
      const other = waitingByUid.get(on);
      const counts =
        other !== undefined && on !== uid && !placed.has(on) && (wait.kind === 'directory' || !other.present);
      return counts ? [other] : [];
    });
  };
  let rest = [...members].sort((a, b) => Number(a.present) - Number(b.present) || (a.uid < b.uid ? -1 : 1));
  while (rest.length > 0) {
    const free = rest.find(member => before(member).length === 0);
    const member = free ?? firstOfRing(rest[0]!, member => before(member)[0]!);
    if (!free && member.present) astray.push(member.uid);
    order.push(member.uid);
    placed.add(member.uid);
    rest = rest.filter(other => other !== member);
  }
  return { order, astray };
}

/** Where `next` leads round and round: of those, the present one whose UID comes first, so that all members choose the same. */
function firstOfRing(start: Waiting, next: (member: Waiting) => Waiting): Waiting {
  const path: Waiting[] = [];
  let member = start;
  for (; !path.includes(member); member = next(member)) path.push(member);
  const ring = path.slice(path.indexOf(member)).sort((a, b) => (a.uid < b.uid ? -1 : 1));
  return ring.find(({ present }) => present) ?? ring[0]!;
}
