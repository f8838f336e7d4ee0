/**
 * What keeps a folder from going on for now, though nobody halted it: everyone who met it tries again by himself. One
 * kind of obstacle stands from the first who meets it until the last has passed.
 */

export type ObstacleKind = 'disk-full' | 'staging-inaccessible' | 'stopped';

export interface Obstacle {
  readonly kind: ObstacleKind;
  /** Milliseconds since the Unix epoch. */
  readonly since: number;
  /** For people, with what helps. */
  readonly sentence: string;
}

export class Obstacles {
  readonly #standing = new Map<ObstacleKind, { readonly obstacle: Obstacle; readonly held: Set<unknown> }>();

  /** Oldest first. */
  get standing(): readonly Obstacle[] {
    return [...this.#standing.values()].map(({ obstacle }) => obstacle);
  }

  of(kind: ObstacleKind): Obstacle | null {
    return this.#standing.get(kind)?.obstacle ?? null;
  }

  /** True: it did not stand before. */
  meet(who: unknown, obstacle: Obstacle): boolean {
    const known = this.#standing.get(obstacle.kind);
    if (known) known.held.add(who);
    else this.#standing.set(obstacle.kind, { obstacle, held: new Set([who]) });
    return known === undefined;
  }

  /** `who` goes on, or has given up what he wanted. */
  pass(who: unknown): void {
    for (const [kind, { held }] of this.#standing) if (held.delete(who) && held.size === 0) this.#standing.delete(kind);
  }
}
