/** The pieces of work every tool is given, in this order on one pair of directories. */
import {
  closeSync,
  existsSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { createChance } from '../e2e/harness/chance.ts';
import { makePlainTree } from '../e2e/harness/generate.ts';
import { compareTrees, type Manifest, readTree } from '../e2e/harness/tree.ts';
import { pause } from '../e2e/harness/until.ts';
import { type Figures, startMeter } from './measure.ts';
import type { Tool } from './tools/tool.ts';

export const CASES = ['small', 'rename', 'latency', 'restart', 'idle', 'delete', 'large', 'insert', 'delta'] as const;
export type CaseName = (typeof CASES)[number];

export interface CaseResult extends Figures {
  readonly tool: string;
  readonly case: CaseName;
  readonly ok: boolean;
  /** Further figures, such as the extremes of a latency. */
  readonly more: Readonly<Record<string, number>>;
}

export interface Amounts {
  readonly smallFiles: number;
  readonly largeMib: number;
}

/** Gives each result as it comes. A case whose forerunner was not chosen has it done unmeasured. */
export async function* runCases(
  tool: Tool,
  chosen: ReadonlySet<CaseName>,
  amounts: Amounts,
  base: string,
): AsyncGenerator<CaseResult> {
  const wants = (...names: CaseName[]): boolean => names.some(name => chosen.has(name));
  const measured = async function* (
    name: CaseName,
    work: () => unknown,
    done: () => boolean,
  ): AsyncGenerator<CaseResult> {
    const result = await measureCase(base, tool, name, work, done);
    if (chosen.has(name)) yield result;
    await settle(tool);
  };

  writeFileSync(join(tool.a, 'always-here'), 'so that the root is never empty');
  if (wants('small', 'rename', 'restart', 'delete')) {
    makePlainTree(join(tool.a, 'tree'), amounts.smallFiles, createChance(7));
    yield* measured('small', () => tool.start(), holds(tool, sizes(tool.a)));
    if (wants('rename'))
      yield* measured('rename', () => renameSync(join(tool.a, 'tree'), join(tool.a, 'moved')), movedAs(tool));
  } else {
    await tool.start();
  }
  if (wants('latency')) yield await measureLatency(tool);
  if (wants('restart', 'idle') && tool.continuous) {
    await tool.stop();
    writeFileSync(join(tool.a, 'after-restart'), 'x');
    yield* measured(
      'restart',
      () => tool.start(),
      () => existsSync(join(tool.b, 'after-restart')),
    );
    if (wants('idle')) yield await measureIdle(tool);
  }
  if (wants('delete')) {
    const tree = existsSync(join(tool.a, 'moved')) ? 'moved' : 'tree';
    yield* measured(
      'delete',
      () => rmSync(join(tool.a, tree), { recursive: true }),
      () => !existsSync(join(tool.b, tree)),
    );
  }
  if (wants('large', 'insert', 'delta')) {
    const next = join(base, 'A', 'next');
    makeLargeFile(next, amounts.largeMib);
    yield* measured('large', () => renameSync(next, join(tool.a, 'big')), sameAs(tool));
    if (wants('insert')) {
      copyWithByteBefore(join(tool.a, 'big'), next);
      yield* measured('insert', () => renameSync(next, join(tool.a, 'big')), sameAs(tool));
    }
    if (wants('delta')) {
      copyWithByteBefore(join(tool.a, 'big'), next);
      scatterEdits(next, 10);
      yield* measured('delta', () => renameSync(next, join(tool.a, 'big')), sameAs(tool));
    }
  }
}

const LIMIT_S = 600;

async function measureCase(
  base: string,
  tool: Tool,
  name: CaseName,
  work: () => unknown,
  done: () => boolean,
): Promise<CaseResult> {
  warmMemory(base);
  const meter = startMeter(
    () => tool.daemons(),
    () => tool.clientCpuSeconds(),
  );
  await work();
  if (!tool.continuous) tool.push();
  const ok = await becomesTrue(done);
  const figures = meter.stop();
  const same = ok && compareTrees(contentOnly(tool.a), contentOnly(tool.b)).length === 0;
  return { tool: tool.name, case: name, ok: same, ...figures, more: {} };
}

const WARM_MIB = 4096;

/**
 * Has this machine's free memory backed before the clock runs. The host of a virtual machine may take back what is
 * free; touching it again then costs ten times as much, and whoever comes first would pay for all.
 */
function warmMemory(base: string): void {
  const path = join(base, 'warm');
  const descriptor = openSync(path, 'w');
  const block = Buffer.alloc(1 << 20, 1);
  for (let index = 0; index < WARM_MIB; index += 1) writeSync(descriptor, block);
  closeSync(descriptor);
  rmSync(path);
}

/** From the end of the write to the content being there under its name: median of twelve single small files. */
async function measureLatency(tool: Tool): Promise<CaseResult> {
  const chance = createChance(9);
  const seconds: number[] = [];
  let ok = true;
  const meter = startMeter(
    () => tool.daemons(),
    () => tool.clientCpuSeconds(),
  );
  for (let index = 0; index < 12; index += 1) {
    await pause(500 + chance.between(0, 300));
    const path = join(tool.b, `latency-${index}`);
    writeFileSync(join(tool.a, `latency-${index}`), 'hello');
    const started = performance.now();
    if (!tool.continuous) tool.push();
    ok = (await becomesTrue(() => statSync(path, { throwIfNoEntry: false })?.size === 5, 2)) && ok;
    seconds.push((performance.now() - started) / 1000);
  }
  seconds.sort((left, right) => left - right);
  return {
    tool: tool.name,
    case: 'latency',
    ok,
    ...meter.stop(),
    seconds: seconds[6]!,
    more: { fastest: seconds[0]!, slowest: seconds[11]! },
  };
}

/** What it costs to do nothing for twenty seconds. */
async function measureIdle(tool: Tool): Promise<CaseResult> {
  await pause(5000);
  const meter = startMeter(
    () => tool.daemons(),
    () => 0,
  );
  await pause(20_000);
  return { tool: tool.name, case: 'idle', ok: true, ...meter.stop(), more: {} };
}

/** Whether B holds what is wanted. B is walked only when it has as many entries: looking costs the tools' time. */
function holds(tool: Tool, wanted: ReadonlyMap<string, number>): () => boolean {
  return () => {
    const used = statfsSync(tool.b);
    if (used.files - used.ffree < wanted.size) return false;
    const held = sizes(tool.b);
    return held.size === wanted.size && [...wanted].every(([path, size]) => held.get(path) === size);
  };
}

/** Whether B holds what A holds when this is first asked, after the work was done. */
function sameAs(tool: Tool): () => boolean {
  let look: (() => boolean) | null = null;
  return () => {
    look ??= holds(tool, sizes(tool.a));
    return look();
  };
}

/** What A will hold once `tree` is called `moved`, gathered before the clock runs. */
function movedAs(tool: Tool): () => boolean {
  const wanted = new Map([...sizes(tool.a)].map(([path, size]) => [path.replace(/^tree\//, 'moved/'), size]));
  const look = holds(tool, wanted);
  return () => existsSync(join(tool.b, 'moved')) && !existsSync(join(tool.b, 'tree')) && look();
}

/** Sizes by path, without what a tool keeps for itself in the directory. */
function sizes(root: string): Map<string, number> {
  return new Map([...visible(readTree(root, { contents: false }))].map(([path, entry]) => [path, entry.size]));
}

function contentOnly(root: string): Manifest {
  return new Map(
    [...visible(readTree(root, { contents: true }))].map(([path, entry]) => [path, { ...entry, mode: 0, mtimeUs: 0n }]),
  );
}

function visible(manifest: Manifest): Manifest {
  return new Map(
    [...manifest].filter(
      ([path, entry]) =>
        entry.kind === 'file' && !path.split('/').some(name => name.startsWith('.')) && !path.endsWith('.tmp'),
    ),
  );
}

async function becomesTrue(done: () => boolean, everyMs = 50): Promise<boolean> {
  const deadline = performance.now() + LIMIT_S * 1000;
  while (performance.now() < deadline) {
    if (done()) return true;
    await pause(everyMs);
  }
  return false;
}

/** Lets a continuous tool finish what follows a change, so that the next case starts from rest. */
async function settle(tool: Tool): Promise<void> {
  if (tool.continuous) await pause(3000);
}

function makeLargeFile(path: string, mib: number): void {
  const chance = createChance(3);
  const descriptor = openSync(path, 'w');
  for (let index = 0; index < mib; index += 1) writeSync(descriptor, chance.bytes(1 << 20));
  closeSync(descriptor);
}

function copyWithByteBefore(from: string, to: string): void {
  const buffer = Buffer.allocUnsafe(4 << 20);
  const [source, target] = [openSync(from, 'r'), openSync(to, 'w')];
  writeSync(target, '!');
  for (;;) {
    const count = readSync(source, buffer, 0, buffer.length, null);
    if (count === 0) break;
    writeSync(target, buffer, 0, count);
  }
  for (const descriptor of [source, target]) closeSync(descriptor);
}

function scatterEdits(path: string, count: number): void {
  const chance = createChance(5);
  const size = statSync(path).size;
  const descriptor = openSync(path, 'r+');
  for (let index = 0; index < count; index += 1)
    writeSync(descriptor, chance.bytes(4096), 0, 4096, chance.between(0, size - 4096));
  closeSync(descriptor);
}
