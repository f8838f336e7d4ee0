/**
 * An asynchronous mirror that is outrun: its queue overflows, it goes ahead, copies what it only marked, and is in step again. Rising
 * numbers are written one after the other, each over what an earlier one wrote; wherever the target is stopped, what it says
 * is consistent, or is given to clients, holds all numbers up to one and none after it.
 */
import { expect, test } from 'vitest';
import { createSimRandom, type SimRandom } from '../../sim/sim-random.ts';
import { Members } from './members.ts';

const MIB = 1024 * 1024;
const SLOTS = 24;
/** Of a slot, where numbers are looked for. */
const PLACES = [0, MIB / 2, MIB - 4096];
const SEEDS = Number(process.env.TANDEM_SEEDS ?? 1);
const FIRST = Number(process.env.TANDEM_SEED ?? 1);

class Outrun {
  readonly members: Members;
  readonly random: SimRandom;
  readonly id: string;
  /** The last one that was answered, and the last one that was begun. */
  answered = 0;
  begun = 0;
  pauseMs = 1;
  #over = false;
  #done: Promise<unknown> = Promise.resolve();

  private constructor(members: Members, random: SimRandom, id: string) {
    this.members = members;
    this.random = random;
    this.id = id;
  }

  static async begin(seed: number): Promise<Outrun> {
    const members = await Members.start();
    const { shelf } = members.members.alpha.on;
    await members.pass(shelf.create({ name: 'disk', size: SLOTS * MIB }));
    return new Outrun(members, createSimRandom(seed, 'outrun'), await members.mirror('disk', 'Asynchronous'));
  }

  get target() {
    return this.members.record('beta', this.id)!;
  }

  startWriting(): void {
    const client = this.members.members.alpha.connect('disk');
    const write = async (): Promise<void> => {
      while (!this.#over) {
        const number = ++this.begun;
        const data = Buffer.alloc(isLong(number) ? MIB : 4096);
        const pattern = Buffer.alloc(4);
        pattern.writeUInt32LE(number);
        await client.write((number % SLOTS) * MIB, data.fill(pattern));
        this.answered = number;
        if (this.random.chance(0.05)) await client.flush();
        await this.members.time.wait(1 + this.random.below(this.pauseMs));
      }
      client.leave();
    };
    this.#done = write().catch(() => {});
  }

  async stopWriting(): Promise<void> {
    this.#over = true;
    await this.members.pass(this.#done);
  }

  async until(what: string, is: () => boolean): Promise<void> {
    const { time } = this.members;
    await time.run(time.now + 120_000, is);
    expect(is(), what).toBe(true);
  }

  /** The line stands still until more than its queue is behind. */
  async overflow(): Promise<void> {
    this.members.delayMs = 400;
    await this.until(
      'the queue overflows',
      () => this.members.record('alpha', this.id)!.copyState === 'Unsynchronized',
    );
    this.members.delayMs = 1;
    this.pauseMs = 20;
  }

  /** The number up to which the target has everything, and after which it has nothing. */
  async moment(): Promise<number> {
    const disk = this.members.members.beta.on.shelf.usable('disk');
    const found: number[][] = [];
    for (let slot = 0; slot < SLOTS; slot++) {
      const block = Buffer.alloc(4);
      found[slot] = [];
      for (const place of PLACES) {
        await disk.read(slot * MIB + place, block);
        found[slot]!.push(block.readUInt32LE(0));
      }
    }
    const last = Math.max(...found.map(([first]) => first!));
    expect(found, `up to ${last}`).toEqual(contentAt(last));
    return last;
  }
}

function isLong(number: number): boolean {
  return number % 5 !== 0;
}

function contentAt(last: number): number[][] {
  return Array.from({ length: SLOTS }, (_, slot) => {
    let number = last - ((last - slot + SLOTS) % SLOTS);
    const first = Math.max(0, number);
    while (number > 0 && !isLong(number)) number -= SLOTS;
    return [first, Math.max(0, number), Math.max(0, number)];
  });
}

for (let seed = FIRST; seed < FIRST + SEEDS; seed++) {
  for (const when of ['before the copy', 'in the copy', 'at its end', 'in step again'] as const) {
    test(`the target of an outrun mirror that is stopped ${when} is what the source once was, seed ${seed}`, async () => {
      const outrun = await Outrun.begin(seed);
      const { members, random, id } = outrun;
      outrun.startWriting();
      await members.rest(30 + random.below(30));
      await outrun.overflow();
      const copying = (): boolean => outrun.target.targetData === 'Inconsistent';
      const inStep = (): boolean => outrun.target.copyState === 'Synchronized';
      if (when === 'before the copy') await members.rest(random.below(40));
      else await outrun.until('the copy begins', copying);
      if (when === 'in the copy') await members.rest(random.below(300));
      if (when === 'at its end') {
        await outrun.until(
          'the end is near',
          () => members.pair('alpha', id)!.progress.dirtyBytes! < 4 * MIB || inStep(),
        );
        await members.rest(random.below(30));
      }
      if (when === 'in step again') {
        await outrun.until('it is in step', inStep);
        await members.rest(random.below(2000));
      }
      members.cut();
      if (random.chance(0.5)) {
        members.powerFails('beta');
        await members.members.beta.start();
      }
      await members.rest(200);
      const before = outrun.target.targetData === 'Inconsistent' ? null : await outrun.moment();
      if (when === 'before the copy') expect(before).not.toBeNull();
      expect((await members.order('beta', id, 'Failover', { force: true })).returnCode).toBe(0);
      await members.rest(100);
      expect(outrun.target).toMatchObject({ copyState: 'Failedover' });
      const after = await outrun.moment();
      expect(after).toBeGreaterThan(0);
      if (before !== null) expect(after).toBe(before);
      await outrun.stopWriting();
      expect(after).toBeLessThanOrEqual(outrun.begun);
      members.restore();
      await members.rest(5000);
      expect([0, 4096]).toContain((await members.order('beta', id, 'Failback', { force: true })).returnCode);
      await outrun.until('it is failed back', inStep);
      await members.rest(3000);
      await members.expectSame();
      expect(await outrun.moment()).toBe(after);
    });
  }
}
