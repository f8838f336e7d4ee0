/** When an inbound connection may run, and how fast: its schedule and the orders that go before it, on the passed clock. */
import { Bell } from '../base/bell.ts';
import type { Clock } from '../base/clock.ts';
import { LIMITS } from '../base/limits.ts';
import { LEVEL_FULL, LEVEL_OFF } from '../model/bandwidth.ts';
import {
  type Force,
  type Forces,
  forceOf,
  NO_FORCES,
  nextStart,
  planWindow,
  sameWindow,
  type Window,
  withoutEnded,
  withoutUntilSync,
} from '../model/force.ts';
import { NEVER_OPEN, type Schedule, type ZoneOffset } from '../model/schedule.ts';

/** Orders by connection. They outlive the connection's object when group.yaml is read again. */
export interface ForceBook {
  get(connection: string): Forces | undefined;
  set(connection: string, forces: Forces): void;
}

export interface WindowParts {
  /** GUID of the connection. */
  readonly guid: string;
  /** Where it is not, only what is demanded runs. */
  readonly enabled: boolean;
  readonly schedule: Schedule;
  readonly zone: ZoneOffset;
  readonly forces: ForceBook;
  readonly clock: Clock;
  /** Folders that by order are not had over it, by GUID. Not even a demand goes before that. */
  readonly stopped: () => ReadonlySet<string>;
  /** Told why an order ended. */
  readonly onEnded: (why: string) => void;
}

/** What a connection may do, and what it must leave alone. */
export interface OpenWindow extends Window {
  /** Of `folders`, those that by order are not had. */
  readonly stopped: ReadonlySet<string>;
}

/** What a demand is while it lasts: whoever made it ends it. */
const DEMANDED: Force = { reason: 'forced-until-sync', endTime: Number.POSITIVE_INFINITY, level: LEVEL_FULL };

export class ConnectionWindow {
  readonly #parts: WindowParts;
  readonly #ordered = new Bell();
  /** By the folder’s GUID, and how many demand it. */
  readonly #demands = new Map<string, number>();
  /** The partner's group.yaml has the connection disabled, as it said last: there too only what is demanded runs. */
  disabledThere = false;

  constructor(parts: WindowParts) {
    this.#parts = parts;
  }

  /** The orders in effect. */
  get forces(): Forces {
    const { guid, clock, forces } = this.#parts;
    return withoutEnded(forces.get(guid) ?? NO_FORCES, clock.now());
  }

  /** Replaces the orders: what runs under others ends and begins anew. */
  order(forces: Forces): void {
    this.#parts.forces.set(this.#parts.guid, forces);
    this.#ordered.ring();
  }

  /**
   * Lets a folder replicate though the schedule, an order or group.yaml has it closed, until the answer is called. Nothing is
   * kept over a restart: whoever demands it does so again.
   */
  demand(folder: string): () => void {
    const change = (by: number): void => {
      const count = (this.#demands.get(folder) ?? 0) + by;
      if (count === 0) this.#demands.delete(folder);
      else this.#demands.set(folder, count);
      this.#ordered.ring();
    };
    change(1);
    return () => change(-1);
  }

  /** What runs does so by demand alone, though the connection is disabled on either side. */
  get forced(): boolean {
    return this.#demands.size > 0 && (this.disabledThere || !this.#parts.enabled);
  }

  /** Whether the folder may replicate now. */
  isOpen(folder: string): boolean {
    return admits(this.now(), folder);
  }

  /** Whether the schedule and the orders for the connection let the folder replicate now. */
  isScheduled(folder: string): boolean {
    return admits({ ...this.now(), stopped: NO_FOLDERS }, folder);
  }

  /** Other folders may be stopped than before. */
  look(): void {
    this.#ordered.ring();
  }

  /** What the connection may do now. */
  now(): OpenWindow {
    const { guid, enabled, schedule, forces, clock, zone, stopped, onEnded } = this.#parts;
    const present = this.forces;
    if (present !== (forces.get(guid) ?? NO_FORCES)) {
      forces.set(guid, present);
      onEnded('its time is over');
    }
    const ruled = enabled && !this.forced;
    const orders = this.#withDemands(ruled ? present : NO_FORCES);
    return { ...planWindow(ruled ? schedule : NEVER_OPEN, orders, clock.now(), zone), stopped: stopped() };
  }

  /** When the schedule lets it begin next; null: it never does, or it is open all the time. */
  nextStart(): number | null {
    const { schedule, clock, zone } = this.#parts;
    return nextStart(schedule, this.forces, clock.now(), zone);
  }

  /**
   * Resolves when the schedule or an order wants another window, or the signal aborts. One caller at a time. The clock may
   * be set meanwhile: it is asked once a minute.
   */
  async over(window: OpenWindow, signal: AbortSignal): Promise<void> {
    const { clock } = this.#parts;
    while (!signal.aborted && this.isStill(window)) {
      const waitMs = window.until === null ? null : Math.max(1, window.until - clock.now());
      const cancel =
        waitMs === null ? null : clock.after(Math.min(waitMs, LIMITS.scheduleLookMs), () => this.#ordered.ring());
      await this.#ordered.heard(signal);
      cancel?.();
    }
  }

  /** What runs in it may go on as it is. */
  isStill(window: OpenWindow): boolean {
    return isSame(this.now(), window);
  }

  /** Why a folder’s session that runs in `window` ends with its link; null: it goes on over the next one. [dfsr.md §2.2] */
  ending(folder: string, window: OpenWindow): 'forced' | 'schedule-off' | 'stopped' | null {
    const next = this.now();
    if (isSame(next, window)) return null;
    if (next.stopped.has(folder)) return 'stopped';
    if (forceOf(next.forces, folder) !== forceOf(window.forces, folder)) return 'forced';
    return next.level === LEVEL_OFF || next.folders?.has(folder) === false ? 'schedule-off' : null;
  }

  /** The member is in sync with the partner: an order that was to last until then is over. */
  inSync(): void {
    const before = this.forces;
    const after = withoutUntilSync(before);
    if (after === before) return;
    this.#parts.onEnded('this member is in sync');
    this.order(after);
  }

  #withDemands(forces: Forces): Forces {
    if (this.#demands.size === 0) return forces;
    const demanded = [...this.#demands.keys()].map(folder => [folder, DEMANDED] as const);
    return { ...forces, folders: new Map([...forces.folders, ...demanded]) };
  }
}

const NO_FOLDERS: ReadonlySet<string> = new Set();

/** Whether the folder may replicate in the window. */
export function admits({ level, folders, stopped }: OpenWindow, folder: string): boolean {
  return level !== LEVEL_OFF && folders?.has(folder) !== false && !stopped.has(folder);
}

function isSame(a: OpenWindow, b: OpenWindow): boolean {
  return sameWindow(a, b) && a.stopped.size === b.stopped.size && [...a.stopped].every(folder => b.stopped.has(folder));
}
