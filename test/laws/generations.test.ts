/** Two members with one association, cut off and joined at random: nobody's acknowledged writes are overwritten unasked. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  afterCopyIn,
  afterCopyOut,
  agreeOnCopy,
  beginAlone,
  compareGenerations,
  createGenerations,
  extentOf,
  type GenerationSide,
  type Generations,
  type GenerationVerdict,
  yieldLine,
} from '../../src/model/generations.ts';

const BLOCKS = 6;

/** A block's content is the number of the write it holds. */
interface Node {
  generations: Generations;
  blocks: number[];
  dirty: Set<number>;
  /** Acknowledged writes that this node's data has seen. */
  seen: Set<number>;
  inUse: boolean;
  inconsistent: boolean;
  ahead: boolean;
  interrupted: boolean;
}

type Name = 'a' | 'b';
type Step =
  | { type: 'write'; at: Name; block: number; torn: boolean }
  | { type: 'send' }
  | { type: 'cut' }
  | { type: 'crash'; at: Name }
  | { type: 'join'; interruptAfter: number; force: boolean }
  | { type: 'failover' };

const name = fc.constantFrom<Name>('a', 'b');
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constant('write' as const),
      at: name,
      block: fc.nat(BLOCKS - 1),
      torn: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.constant<Step>({ type: 'send' }) },
  { weight: 2, arbitrary: fc.constant<Step>({ type: 'cut' }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('crash' as const), at: name }) },
  {
    weight: 5,
    arbitrary: fc.record({
      type: fc.constant('join' as const),
      interruptAfter: fc.nat(BLOCKS * 2),
      force: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.constant<Step>({ type: 'failover' }) },
);

class World {
  readonly synchronous: boolean;
  readonly a: Node;
  readonly b: Node;
  connected = true;
  queue: { block: number; write: number }[] = [];
  sending: Name = 'a';
  private writes = 0;
  private drawn = 0;
  readonly met = new Set<string>();

  constructor(synchronous: boolean) {
    this.synchronous = synchronous;
    this.a = this.node(true);
    this.b = this.node(false);
  }

  run(step: Step): void {
    switch (step.type) {
      case 'write':
        this.write(step.at, step.block, step.torn);
        break;
      case 'send':
        this.send();
        break;
      case 'cut':
        this.cut();
        break;
      case 'crash':
        this.crash(step.at);
        break;
      case 'join':
        this.join(step.interruptAfter, step.force);
        break;
      case 'failover':
        if (!this.connected && !this.b.inconsistent) {
          this.b.inUse = true;
          this.b.generations = beginAlone(this.b.generations, this.fresh());
        }
    }
  }

  private write(at: Name, block: number, torn: boolean): void {
    const node = this[at];
    const other = this.other(at);
    if (!node.inUse || node.inconsistent) return;
    if (this.connected && at !== this.sending) return;
    const write = ++this.writes;
    if (!this.connected) {
      node.generations = beginAlone(node.generations, this.fresh());
      node.dirty.add(block);
    }
    node.blocks[block] = write;
    if (this.connected && this.synchronous) {
      if (torn) {
        // Dies with the write on one side only and not acknowledged; the activity log knows the block.
        node.dirty.add(block);
        node.interrupted = true;
        this.connected = false;
        return;
      }
      other.blocks[block] = write;
      other.seen.add(write);
    } else if (this.connected) {
      this.queue.push({ block, write });
    }
    node.seen.add(write);
  }

  private send(): void {
    const next = this.queue.shift();
    if (!this.connected || next === undefined) return;
    const other = this.other(this.sending);
    other.blocks[next.block] = next.write;
    other.seen.add(next.write);
  }

  private cut(): void {
    this.connected = false;
    if (this.queue.length === 0) return;
    const node = this[this.sending];
    node.generations = beginAlone(node.generations, this.fresh());
    for (const { block } of this.queue) node.dirty.add(block);
    this.queue = [];
  }

  private crash(at: Name): void {
    if (at !== this.sending) {
      this.cut();
      this[at].interrupted = true;
      return;
    }
    const node = this[at];
    this.connected = false;
    node.interrupted = true;
    if (this.queue.length > 0) node.ahead = true;
    for (const { block } of this.queue) node.dirty.add(block);
    this.queue = [];
  }

  private join(interruptAfter: number, force: boolean): void {
    if (this.connected) return;
    const verdict = compareGenerations(this.side('a'), this.side('b'));
    expect(compareGenerations(this.side('b'), this.side('a'))).toEqual(mirrored(verdict));
    this.met.add(verdict.kind === 'resync' ? `${verdict.extent}${verdict.discards ? ' discards' : ''}` : verdict.kind);
    if (verdict.kind === 'unrelated') throw new Error('they have a common past');
    if (verdict.kind === 'in-step') {
      expect(this.a.blocks).toEqual(this.b.blocks);
      this.connect('a');
      return;
    }
    if (verdict.kind === 'resync' && !verdict.discards) {
      const winner: Name = verdict.from === 'ours' ? 'a' : 'b';
      for (const write of this.other(winner).seen) expect(this[winner].seen).toContain(write);
      this.copy(winner, verdict.extent, interruptAfter);
      return;
    }
    if (!force) return;
    const winner: Name = this.a.inconsistent ? 'b' : 'a';
    if (this[winner].inconsistent) return;
    const extent = verdict.extent;
    const loser = this.other(winner);
    for (const block of loser.dirty) this[winner].dirty.add(block);
    const agreed = agreeOnCopy(
      { from: this[winner].generations, into: loser.generations },
      extentOf(verdict),
      this.fresh(),
    );
    this[winner].generations = agreed.from;
    loser.generations = agreed.into;
    loser.seen = new Set([...loser.seen].filter(write => this[winner].seen.has(write)));
    loser.ahead = false;
    this.copy(winner, extent, interruptAfter);
  }

  private copy(winner: Name, extent: 'dirty' | 'full', interruptAfter: number): void {
    const from = this[winner];
    const into = this.other(winner);
    into.inUse = false;
    for (const block of into.dirty) from.dirty.add(block);
    if (extent === 'full') for (let block = 0; block < BLOCKS; block++) from.dirty.add(block);
    into.inconsistent = true;
    let left = interruptAfter;
    for (const block of [...from.dirty]) {
      if (left-- === 0) return;
      into.blocks[block] = from.blocks[block]!;
      from.dirty.delete(block);
    }
    expect(into.blocks, 'what was not copied is the same').toEqual(from.blocks);
    into.generations = afterCopyIn(into.generations, from.generations);
    Object.assign(into, {
      inconsistent: false,
      ahead: false,
      interrupted: false,
      dirty: new Set(),
      seen: new Set(from.seen),
    });
    if (left-- === 0) return;
    from.generations = afterCopyOut(from.generations);
    Object.assign(from, { ahead: false, interrupted: false });
    this.connect(winner);
  }

  private connect(source: Name): void {
    this.connected = true;
    this.sending = source;
    this[source].inUse = true;
    this.other(source).inUse = false;
    for (const node of [this.a, this.b]) {
      node.dirty.clear();
      node.generations = afterCopyOut(node.generations);
    }
  }

  private side(of: Name): GenerationSide {
    const { generations, inUse, inconsistent, ahead, interrupted } = this[of];
    return { generations, inUse, ahead, interrupted, condition: inconsistent ? 'Inconsistent' : 'UpToDate' };
  }

  private other(than: Name): Node {
    return than === 'a' ? this.b : this.a;
  }

  private node(inUse: boolean): Node {
    return {
      generations: createGenerations('g0'),
      blocks: new Array<number>(BLOCKS).fill(0),
      dirty: new Set(),
      seen: new Set(),
      inUse,
      inconsistent: false,
      ahead: false,
      interrupted: false,
    };
  }

  private fresh(): string {
    return `g${++this.drawn}`;
  }
}

function mirrored(verdict: GenerationVerdict): GenerationVerdict {
  return verdict.kind === 'resync' ? { ...verdict, from: verdict.from === 'ours' ? 'theirs' : 'ours' } : verdict;
}

describe.each([true, false])('synchronous: %s', synchronous => {
  test('through partitions, failovers and crashes no acknowledged write is overwritten unless somebody agreed', () => {
    const met = new Set<string>();
    const histories = fc.property(fc.array(step, { maxLength: 40 }), steps => {
      const world = new World(synchronous);
      for (const each of steps) world.run(each);
      for (const kind of world.met) met.add(kind);
    });
    fc.assert(histories, { numRuns: 2000 });
    // These meet everything there is to be met.
    fc.assert(histories, { numRuns: 6000, seed: 7 });
    expect([...met].sort()).toEqual(['dirty', 'dirty discards', 'in-step', 'split-brain']);
  });
});

describe('two sides', () => {
  const side = (generations: Generations, more: Partial<GenerationSide> = {}): GenerationSide => ({
    generations,
    condition: 'UpToDate',
    inUse: false,
    ahead: false,
    interrupted: false,
    ...more,
  });
  const at = (current: string | null, base: string | null = null, history: readonly string[] = []): Generations => ({
    current,
    base,
    history,
  });

  test('of which one never had a copy: everything goes to it', () => {
    expect(compareGenerations(side(at('1')), side(at(null)))).toEqual({
      kind: 'resync',
      from: 'ours',
      extent: 'full',
      discards: false,
    });
  });

  test('that both went on alone from the same generation are a split brain with maps', () => {
    expect(compareGenerations(side(at('2', '1')), side(at('3', '1')))).toEqual({
      kind: 'split-brain',
      extent: 'dirty',
    });
  });

  test('of which one lost its map but knows the other’s generation: a full copy', () => {
    expect(compareGenerations(side(at('3', '2', ['1'])), side(at('1')))).toMatchObject({
      from: 'ours',
      extent: 'full',
    });
  });

  test('with nothing in common are unrelated', () => {
    expect(compareGenerations(side(at('2', '1')), side(at('9', '8', ['7'])))).toEqual({ kind: 'unrelated' });
  });

  test('of which the newer is half copied: nobody copies by himself', () => {
    const newer = side(at('2', '1'), { condition: 'Inconsistent' });
    expect(compareGenerations(newer, side(at('1'))).kind).toBe('split-brain');
  });

  test('of which the old source died with writes that were acknowledged and not sent: it takes Force', () => {
    const old = side(at('1'), { ahead: true, interrupted: true, inUse: true });
    const promoted = side(at('2', '1'), { inUse: true });
    expect(compareGenerations(old, promoted)).toMatchObject({ from: 'theirs', discards: true });
  });

  test('of which one did not learn of the end of a copy, and may have written on: it takes Force', () => {
    const source = side(at('1', '0'), { inUse: true });
    const promoted = side(at('2', '1'), { inUse: true });
    expect(compareGenerations(source, promoted)).toMatchObject({ from: 'theirs', discards: true });
    expect(compareGenerations(promoted, source)).toMatchObject({ from: 'ours', discards: true });
  });

  test('of one generation that both acknowledged writes alone cannot be told apart', () => {
    const both = { ahead: true, interrupted: true };
    expect(compareGenerations(side(at('1'), { ...both, inUse: true }), side(at('1'), both)).kind).toBe('split-brain');
    const one = compareGenerations(side(at('1'), { ahead: true }), side(at('1'), { inUse: true }));
    expect(one).toMatchObject({ from: 'ours', discards: false });
  });

  test('after one was given up go on copying by themselves, wherever they were interrupted', () => {
    const winner = at('2', '1');
    for (const extent of ['dirty', 'full'] as const) {
      const loser = side(yieldLine(at('3', '1'), extent), { condition: 'Inconsistent' });
      expect(compareGenerations(side(winner), loser)).toEqual({
        kind: 'resync',
        from: 'ours',
        extent,
        discards: false,
      });
    }
  });
});
