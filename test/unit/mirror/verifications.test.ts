/** Verifications as they are ordered: whole members in memory, with a line between them. */
import { describe, expect, test } from 'vitest';
import { PIECE_BYTES } from '../../../src/block/digests.ts';
import { replicaRecord } from '../../../src/daemon/replica-records.ts';
import type { MirrorLinks } from '../../../src/mirror/mirror-links.ts';
import type { Pair } from '../../../src/mirror/pair.ts';
import { numberOf, REPLICA_OPERATIONS, type ReplicaOperation, SYNC_TYPES } from '../../../src/model/replica-values.ts';
import type { MirrorChannel } from '../../../src/peer/link.ts';
import { type MemberName, MirrorWorld } from '../../sim/mirror-world.ts';
import { createSimRandom } from '../../sim/sim-random.ts';
import { passUntil } from '../../sim/volume-member.ts';

const SIZE = 4 * PIECE_BYTES;
const FLIPPED = [4096 * 3, PIECE_BYTES + 4096, 3 * PIECE_BYTES + 4096 * 9];
const RANGES = FLIPPED.map(offset => ({ offset, length: 4096 }));

class Mirrored {
  readonly world = new MirrorWorld(createSimRandom(1, 'world'));

  async begin(mode: 2 | 3, { oldPartner = false } = {}): Promise<void> {
    const { alpha, beta } = this.world.members;
    await alpha.start();
    await beta.start();
    if (oldPartner) speakAsBefore(beta.on.replicas.links);
    await this.pass(alpha.on.shelf.create({ name: 'disk', size: SIZE }));
    const pattern = Buffer.alloc(64 * 1024, 'all bytes of a mirror');
    for (let at = 0; at < SIZE; at += PIECE_BYTES / 2) await this.pass(alpha.write('disk', at, pattern));
    const outcome = await this.pass(
      alpha.on.replicas.create({
        syncType: numberOf(SYNC_TYPES, 'Mirror'),
        mode,
        source: 'disk',
        target: 'beta:disk',
        waitForCopyState: 4,
        settings: null,
        writable: false,
        detachWhenCopied: false,
        force: true,
      }),
    );
    expect(outcome.returnCode).toBe(0);
    await this.rest(2000);
  }

  pass<T>(done: Promise<T>): Promise<T> {
    return passUntil(this.world.time, done);
  }

  rest(ms: number): Promise<void> {
    return this.world.time.run(this.world.time.now + ms);
  }

  pair(name: MemberName): Pair {
    return this.world.members[name].on.pairs.list()[0]!;
  }

  verify(name: MemberName, repair = false) {
    return this.pass(this.world.members[name].on.replicas.verifications.begin(this.pair(name), repair));
  }

  /** Below the member, in blocks that hold something at the source. */
  flip(name: MemberName = 'beta'): void {
    this.world.members[name].files.tamper('/volumes/disk/data', content => {
      for (const offset of FLIPPED) content[offset + 5] = content[offset + 5]! ^ 1;
      return content;
    });
  }

  async same(): Promise<boolean> {
    const [ours, theirs] = [
      await this.world.members.alpha.content('disk'),
      await this.world.members.beta.content('disk'),
    ];
    return ours!.equals(theirs!);
  }

  async modify(name: MemberName, operation: ReplicaOperation): Promise<number> {
    const order = { waitForCopyState: null, syncPairs: [], settings: null, force: false };
    const { replicas } = this.world.members[name].on;
    const asked = replicas.orders.modify(this.pair(name), {
      ...order,
      operation: numberOf(REPLICA_OPERATIONS, operation),
    });
    const { returnCode } = await this.pass(asked);
    await this.rest(2000);
    return returnCode;
  }

  /** So slow that something can happen meanwhile. */
  slow(): void {
    for (const name of ['alpha', 'beta'] as const) {
      const { volume } = { volume: this.world.members[name].on.shelf.usable('disk') };
      const read = volume.read.bind(volume);
      volume.read = async (offset, into) => {
        await this.world.time.wait(4000);
        await read(offset, into);
      };
    }
  }
}

/** What it says of itself is what a member said before there were verifications. */
function speakAsBefore(links: MirrorLinks): void {
  const mirror = links.mirror.bind(links);
  links.mirror = (caller, association, channel, signal) => {
    const send: MirrorChannel['send'] = message =>
      channel.send(message.kind === 'hello' ? { ...message, verifies: false } : message);
    return mirror(caller, association, { ...channel, send }, signal);
  };
}

async function mirrored(mode: 2 | 3): Promise<Mirrored> {
  const mirror = new Mirrored();
  await mirror.begin(mode);
  return mirror;
}

describe.each([
  ['Synchronous', 2],
  ['Asynchronous', 3],
] as const)('a verification, %s,', (_, mode) => {
  test('finds what differs, --repair copies it, and then nothing differs; ordered on either member', async () => {
    const mirror = await mirrored(mode);
    expect(await mirror.verify('alpha')).toMatchObject({ returnCode: 0 });
    expect(mirror.pair('alpha').verification).toMatchObject({ comparedBytes: SIZE, differentBytes: 0, state: 'done' });
    mirror.flip();
    expect(await mirror.same()).toBe(false);

    expect(await mirror.verify('beta')).toMatchObject({ returnCode: 0, sentence: expect.stringContaining('differed') });
    const found = { state: 'done', differentBytes: 3 * 4096, repairedBytes: 0, ranges: RANGES };
    for (const name of ['alpha', 'beta'] as const) {
      expect(mirror.pair(name).verification).toMatchObject(found);
      expect(mirror.world.members[name].events.at(-1)).toContain('REPLICA_DIFFERS');
    }
    expect(await mirror.same()).toBe(false);

    expect(await mirror.verify('beta', true)).toMatchObject({ returnCode: 0 });
    const mended = { differentBytes: 3 * 4096, repairedBytes: 3 * 4096, ranges: [] };
    expect(mirror.pair('alpha').verification).toMatchObject(mended);
    expect(await mirror.same()).toBe(true);
    expect(await mirror.verify('alpha')).toMatchObject({ returnCode: 0 });
    await mirror.rest(50);
    expect(mirror.pair('beta').verification).toMatchObject({ differentBytes: 0, state: 'done' });
    expect(mirror.pair('alpha').record.copyState).toBe('Synchronized');
  });

  test('what it found is copied by the next resynchronisation, with nothing else', async () => {
    const mirror = await mirrored(mode);
    mirror.flip();
    await mirror.verify('alpha');
    expect(await mirror.modify('alpha', 'Split')).toBe(0);
    expect([0, 4096]).toContain(await mirror.modify('alpha', 'Resync Replica'));
    expect(mirror.pair('alpha').record.copyState).toBe('Synchronized');
    expect(await mirror.same()).toBe(true);
    expect(mirror.pair('alpha').verification?.ranges).toEqual([]);
  });

  test('what it found is out of sync, and nothing is confirmed, until it was copied or is found to be the same', async () => {
    const mirror = await mirrored(mode);
    const bytes = () => replicaRecord({ kind: 'volume', pair: mirror.pair('alpha') }).OutOfSyncBytes;
    const confirm = () => mirror.pass(mirror.world.members.alpha.on.replicas.confirm(mirror.pair('alpha'), 5000));
    await mirror.rest(3000);
    expect(await confirm()).toMatchObject({ returnCode: 0 });
    expect(bytes()).toBe(0);
    mirror.flip();
    await mirror.verify('alpha');
    expect(bytes()).toBe(3 * 4096);
    const differs = {
      returnCode: 4,
      detail: 'inconsistent',
      sentence: expect.stringContaining('differs all the same'),
    };
    expect(await confirm()).toMatchObject(differs);
    expect(await mirror.verify('beta', true)).toMatchObject({ returnCode: 0 });
    expect(await confirm()).toMatchObject({ returnCode: 0 });
    expect(bytes()).toBe(0);

    // It is known after a restart, and copied when the partner is met again.
    mirror.flip();
    await mirror.verify('alpha');
    await mirror.pass(mirror.world.members.alpha.stop());
    mirror.world.cut();
    await mirror.world.members.alpha.start();
    await mirror.rest(500);
    expect(bytes()).toBe(3 * 4096);
    mirror.world.restore();
    await mirror.rest(5000);
    expect(await confirm()).toMatchObject({ returnCode: 0 });
    expect(bytes()).toBe(0);
    expect(await mirror.same()).toBe(true);
  });

  test('what one found that was followed by one that was given up is known still', async () => {
    const mirror = await mirrored(mode);
    mirror.flip();
    await mirror.verify('alpha');
    mirror.slow();
    const { job } = await mirror.verify('alpha');
    const { replicas } = mirror.world.members.alpha.on;
    const never = () => Promise.reject(new Error('the pair is left alone'));
    await mirror.pass(replicas.changeJob(replicas.jobs.get(job!)!.job, 'Terminate', never));
    expect(mirror.pair('alpha').verification).toMatchObject({ state: 'cancelled', ranges: RANGES });
    expect(await mirror.pass(replicas.confirm(mirror.pair('alpha'), 5000))).toMatchObject({ returnCode: 4 });
  });

  test('where the source’s disk lost something, a failback brings what the target has', async () => {
    const mirror = await mirrored(mode);
    const before = await mirror.world.members.beta.content('disk');
    mirror.flip('alpha');
    await mirror.verify('alpha');
    expect([0, 4096]).toContain(await mirror.modify('alpha', 'Failover'));
    expect([0, 4096]).toContain(await mirror.modify('alpha', 'Failback'));
    await mirror.rest(5000);
    expect(mirror.pair('alpha').record.copyState).toBe('Synchronized');
    expect(await mirror.same()).toBe(true);
    expect((await mirror.world.members.alpha.content('disk'))!.equals(before!)).toBe(true);
    for (const name of ['alpha', 'beta'] as const) expect(mirror.pair(name).verification?.ranges).toEqual([]);
  });

  test('waits for a link that is lost and goes on; the member that was ordered shows its job', async () => {
    const mirror = await mirrored(mode);
    mirror.flip();
    mirror.slow();
    const outcome = await mirror.verify('beta', true);
    expect(outcome).toMatchObject({ returnCode: 4096, job: expect.any(String) });
    const job = () => mirror.world.members.beta.on.replicas.jobs.get(outcome.job!)!.job;
    expect(job().state).toBe('Running');
    mirror.world.cut();
    await mirror.rest(20_000);
    expect(mirror.pair('alpha').verification?.state).toBe('running');
    expect(job().state).toBe('Suspended');
    mirror.world.restore();
    await mirror.rest(90_000);
    expect(mirror.pair('alpha').verification).toMatchObject({ state: 'done', comparedBytes: SIZE });
    expect(job()).toMatchObject({ state: 'Completed', percentComplete: 100 });
    expect(mirror.pair('alpha').verification!.differentBytes).toBe(3 * 4096);
    expect(await mirror.pass(mirror.same())).toBe(true);
  });

  test('that is ordered while the link is just away waits for it, but not for long', async () => {
    const mirror = await mirrored(mode);
    for (const name of ['alpha', 'beta'] as const) {
      mirror.world.cut();
      await mirror.rest(100);
      const away = await mirror.verify(name);
      expect(away).toMatchObject({ returnCode: 4, sentence: expect.stringContaining('out of reach') });
      const ordered = mirror.world.members[name].on.replicas.verifications.begin(mirror.pair(name), false);
      await mirror.rest(300);
      mirror.world.restore();
      const answer = await mirror.pass(ordered);
      expect(answer.returnCode, `${name}: ${answer.sentence}`).toBe(0);
      await mirror.rest(1000);
    }
  });

  test('goes on after a restart of the source from what was durable', async () => {
    const mirror = await mirrored(mode);
    mirror.flip();
    mirror.slow();
    expect(await mirror.verify('alpha', true)).toMatchObject({ returnCode: 4096 });
    await mirror.rest(3000);
    mirror.world.powerFails('alpha');
    await mirror.world.members.alpha.start();
    await mirror.rest(90_000);
    expect(mirror.pair('alpha').verification).toMatchObject({ state: 'done', comparedBytes: SIZE });
    expect(mirror.world.members.alpha.on.replicas.jobs.list().at(-1)!.job.state).toBe('Completed');
    expect(await mirror.pass(mirror.same())).toBe(true);
  });

  test('can be given up through its job, on the member that does not run it', async () => {
    const mirror = await mirrored(mode);
    mirror.slow();
    const { job } = await mirror.verify('beta');
    const { replicas } = mirror.world.members.beta.on;
    const never = () => Promise.reject(new Error('the pair is left alone'));
    const told = await mirror.pass(replicas.changeJob(replicas.jobs.get(job!)!.job, 'Terminate', never));
    expect(told.returnCode).toBe(0);
    expect(replicas.jobs.get(job!)!.job.state).toBe('Terminated');
    expect(mirror.pair('alpha').verification).toMatchObject({ state: 'cancelled' });
    expect(mirror.pair('alpha').record.copyState).toBe('Synchronized');
  });

  test('fails, and says why, when an order ends the flow; and is refused where nothing flows', async () => {
    const mirror = await mirrored(mode);
    mirror.slow();
    const { job } = await mirror.verify('alpha');
    expect(await mirror.verify('alpha')).toMatchObject({ returnCode: 6, detail: 'busy' });
    expect(await mirror.modify('alpha', 'Suspend')).toBe(0);
    expect(mirror.pair('alpha').verification).toMatchObject({ state: 'failed', reason: 'the pair is Suspended' });
    expect(mirror.world.members.alpha.on.replicas.jobs.get(job!)!.job).toMatchObject({
      state: 'Exception',
      errorDescription: 'the pair is Suspended',
    });
    expect(await mirror.verify('beta')).toMatchObject({ returnCode: 4, detail: 'illegal_state' });
  });
});

test('a partner that knows no verification is sent none, and the order says so', async () => {
  const mirror = new Mirrored();
  await mirror.begin(2, { oldPartner: true });
  const outcome = await mirror.verify('alpha');
  expect(outcome).toMatchObject({
    returnCode: 1,
    detail: 'not_supported',
    sentence: expect.stringContaining('update'),
  });
  expect(mirror.pair('alpha').record.copyState).toBe('Synchronized');
});
