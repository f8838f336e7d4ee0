/** A few members on simulated time in good weather, for tests of one behaviour: what users do is said by the test. */

import type { Xxh64 } from '../../src/base/xxh64.ts';
import { loadXxh64 } from '../../src/base/xxh64.ts';
import type { FolderConfig, GroupConfig } from '../../src/config/config.ts';
import type { Schedule } from '../../src/model/schedule.ts';
import type { Folder } from '../../src/replication/folder.ts';
import { openStore } from '../../src/store/open-store.ts';
import { createMemoryKeyValue } from './memory-kv.ts';
import { SimNetwork } from './memory-link.ts';
import { HostClock, SimTime } from './sim-clock.ts';
import { SIM_ROOT, SimMember } from './sim-member.ts';
import { groupOf, planOf } from './sim-plan.ts';
import { createSimRandom } from './sim-random.ts';

const SEED = 7;

export interface SmallWorldPlan {
  readonly members?: readonly string[];
  readonly folder?: Partial<FolderConfig>;
  readonly group?: Partial<Pick<GroupConfig, 'tombstoneLifetimeMs'>>;
  /** Of every connection to this member; the others are always open. */
  readonly schedules?: Readonly<Record<string, Schedule>>;
}

export class SmallWorld {
  readonly time = new SimTime();
  readonly trace: string[] = [];
  readonly network: SimNetwork;
  /** Messages that crossed the network, by what they are, such as `beta<-alpha content`. */
  readonly messages = new Map<string, number>();
  readonly #members = new Map<string, SimMember>();
  #group: GroupConfig;

  static async create(plan: SmallWorldPlan = {}): Promise<SmallWorld> {
    return new SmallWorld(plan, await loadXxh64());
  }

  private constructor(
    { members = ['alpha', 'beta'], folder = {}, group = {}, schedules = {} }: SmallWorldPlan,
    xxh64: Xxh64,
  ) {
    const plan = planOf(SEED, { members, topology: 'mesh', primary: null, quietMs: 0, brakes: false, filters: false });
    const base = groupOf(SEED, plan);
    const connections = base.connections.map(each => ({ ...each, schedule: schedules[each.to] ?? each.schedule }));
    this.#group = { ...base, ...group, connections };
    this.configure(folder);
    const note = (line: string) => void this.trace.push(`${this.time.now.toFixed(0)} ${line}`);
    const bug = (what: string) => note(`BUG ${what}`);
    const count = (what: string) => void this.messages.set(what, (this.messages.get(what) ?? 0) + 1);
    this.network = new SimNetwork({ time: this.time, random: createSimRandom(SEED, 'network'), note: count, bug });
    const groupNow = () => this.#group;
    for (const name of members) {
      const random = createSimRandom(SEED, name);
      let kv = createMemoryKeyValue({ pause: async () => {} });
      const options = {
        name,
        time: this.time,
        clock: new HostClock(this.time, 0, 1),
        network: this.network,
        home: {
          open: () => openStore({ kv, random }),
          kill: () => {},
          crash: () => {},
          lose: () => {
            kv = createMemoryKeyValue({ pause: async () => {} });
          },
          backUp: () => {
            const copy = kv.copy();
            return () => {
              kv = copy;
            };
          },
        },
        random,
        xxh64,
        note,
        bug,
        get group() {
          return groupNow();
        },
      };
      this.#members.set(name, new SimMember(options));
    }
  }

  /** The folder's configuration from the members' next start on. */
  configure(change: Partial<FolderConfig>): void {
    const [folder] = this.#group.folders.values();
    const next = { ...folder!, ...change };
    this.#group = { ...this.#group, folders: new Map([[next.guid, next]]) };
  }

  /** Only these connections, as `from→to`, from the members' next start on. */
  connect(...names: readonly string[]): void {
    const connections = this.#group.connections.map(connection => ({
      ...connection,
      enabled: names.includes(`${connection.from}→${connection.to}`),
    }));
    this.#group = { ...this.#group, connections };
  }

  member(name: string): SimMember {
    return this.#members.get(name)!;
  }

  folder(name: string): Folder {
    return [...this.member(name).member!.folders.values()][0]!;
  }

  start(...names: readonly string[]): void {
    for (const name of names.length > 0 ? names : this.#members.keys()) this.member(name).start();
  }

  /** Lets time pass. */
  async pass(ms: number): Promise<void> {
    await this.time.run(this.time.now + ms);
  }

  async stop(name: string): Promise<void> {
    const stopping = this.member(name).stop();
    await this.whileTimePasses(stopping);
  }

  /** Waits for something that itself waits for simulated time. */
  async whileTimePasses<T>(work: Promise<T>): Promise<T> {
    let ended = false;
    const watched = work.finally(() => {
      ended = true;
    });
    watched.catch(() => {});
    while (!ended) await this.time.run(this.time.now + 100, () => ended);
    return watched;
  }

  write(name: string, path: string, content: string | Uint8Array): void {
    this.member(name).files.user.writeFile(`${SIM_ROOT}/${path}`, content);
    this.hint(name, path);
  }

  /** The watcher sees that something changed at this path. */
  hint(name: string, path: string): void {
    this.member(name).hint(path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : '');
  }

  /** Files by path, with their content. */
  files(name: string): Record<string, string> {
    const entries = [...this.member(name).files.user.snapshot(SIM_ROOT)];
    return Object.fromEntries(
      entries.flatMap(([path, entry]) => (entry.kind === 'file' ? [[path, entry.content] as const] : [])),
    );
  }

  /** Contents in `.tandem/conflicts` and `.tandem/pre-existing`. */
  preserved(name: string): string[] {
    return ['conflicts', 'pre-existing'].flatMap(area => {
      const path = `${SIM_ROOT}/.tandem/${area}`;
      const { user } = this.member(name).files;
      if (!user.exists(path)) return [];
      const files = [...user.snapshot(path)].filter(
        ([at, { kind }]) => kind === 'file' && !at.endsWith('manifest.json'),
      );
      return files.map(([, { content }]) => content);
    });
  }

  told(event: string): string[] {
    return this.trace.filter(line => line.includes(` ${event}: `));
  }

  /** Ends all members; answers what went wrong. */
  end(): string[] {
    for (const member of this.#members.values()) member.crash('kill');
    return this.trace.filter(line => line.includes('BUG'));
  }
}
