/**
 * What was ordered of replicated folders as pairs of storage elements, by inbound connection and folder: in the database, so that
 * it outlives restarts and changes of group.yaml. A pair that leaves group.yaml leaves with its orders.
 */
import { assert } from '../base/errors.ts';
import { derivedGuid } from '../config/derived-guid.ts';
import {
  type FolderPairState,
  freshPairState,
  type StandStill,
  standsStill,
  whyStandsStill,
} from '../model/folder-pair.ts';
import type { DurableTable } from '../store/store.ts';

/** GUIDs of an inbound connection and of a folder that it brings. */
export interface PairKey {
  readonly connection: string;
  readonly folder: string;
}

/** The association's id: the same as long as both are in group.yaml. */
export function pairId({ connection, folder }: PairKey): string {
  return derivedGuid(connection, folder);
}

export class PairOrders {
  readonly #table: DurableTable;
  readonly #states = new Map<string, FolderPairState>();
  /** Those an order is carried out on, and where it leads. */
  readonly #held = new Map<string, FolderPairState>();
  readonly #keys = new Map<string, PairKey>();
  /** Told that something may flow or may not any more; must only enqueue. */
  changed: () => void = () => {};

  constructor(table: DurableTable) {
    this.#table = table;
  }

  /** Reads what is kept of these pairs, and begins with those that are new. To be called once, before anything flows. */
  async open(pairs: readonly PairKey[], now: number): Promise<void> {
    const stored = await this.#table.read();
    const changes = new Map<string, unknown>();
    for (const pair of pairs) {
      const key = keyOf(pair);
      const known = stored.get(key) as FolderPairState | undefined;
      const state = known ? { ...freshPairState(now), ...known } : freshPairState(now);
      if (!known) changes.set(key, state);
      this.#states.set(key, state);
      this.#keys.set(key, pair);
    }
    for (const key of stored.keys()) if (!this.#states.has(key)) changes.set(key, null);
    if (changes.size > 0) await this.#table.write(changes);
  }

  pairs(): readonly PairKey[] {
    return [...this.#keys.values()];
  }

  state(pair: PairKey): FolderPairState {
    const state = this.#states.get(keyOf(pair));
    assert(state !== undefined, 'the pair is in group.yaml');
    return state;
  }

  /** What holds from now on; it does as soon as it is durable. */
  async change(pair: PairKey, next: FolderPairState): Promise<void> {
    await this.#table.write(new Map([[keyOf(pair), next]]));
    this.#states.set(keyOf(pair), next);
    this.changed();
  }

  /** Has the pair stand still, on the way to `next`, until the answer is called. Nothing of it is kept. One at a time. */
  hold(pair: PairKey, next: FolderPairState): () => void {
    this.#held.set(keyOf(pair), next);
    this.changed();
    return () => {
      this.#held.delete(keyOf(pair));
      this.changed();
    };
  }

  /** The folders that are not had over this connection now, by GUID. */
  stopped(connection: string): ReadonlySet<string> {
    const folders = [...this.#keys].flatMap(([key, pair]) => {
      const still = pair.connection === connection && (this.#held.has(key) || standsStill(this.#states.get(key)!));
      return still ? [pair.folder] : [];
    });
    return new Set(folders);
  }

  /** Why a folder is not had over this connection, and the command that helps; null: no order keeps it. */
  why(pair: PairKey, { folder, partner }: { readonly folder: string; readonly partner: string }): StandStill | null {
    const state = this.#held.get(keyOf(pair)) ?? this.#states.get(keyOf(pair));
    return state ? whyStandsStill(state, { id: pairId(pair), folder, partner }) : null;
  }
}

function keyOf({ connection, folder }: PairKey): string {
  return `${connection}/${folder}`;
}
