/** Counting what a tool costs: seconds, bytes on the wire, CPU seconds and peak memory of all its processes. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';

export interface Figures {
  readonly seconds: number;
  readonly wireMib: number;
  readonly cpuSeconds: number;
  /** Of the largest of the tool's daemons, each with its children. */
  readonly peakMib: number;
}

export interface Meter {
  stop(): Figures;
}

/** Starts measuring. `ended` gives CPU seconds of processes that came and went, such as a client that was run. */
export function startMeter(daemons: () => readonly number[], ended: () => number): Meter {
  for (const pid of daemons().flatMap(family)) resetPeak(pid);
  const cpuBefore = cpuOf(daemons()) + ended();
  const wireBefore = wireBytes();
  const started = performance.now();
  return {
    stop: () => ({
      seconds: (performance.now() - started) / 1000,
      wireMib: (wireBytes() - wireBefore) / 2 ** 20,
      cpuSeconds: cpuOf(daemons()) + ended() - cpuBefore,
      peakMib: Math.max(0, ...daemons().map(pid => family(pid).reduce((sum, member) => sum + peakOf(member), 0))),
    }),
  };
}

/** Bytes received on `lo`: in a network namespace of one's own just what crossed the wire. */
function wireBytes(): number {
  const line = readFileSync('/proc/net/dev', 'utf8')
    .split('\n')
    .find(text => text.trim().startsWith('lo:'));
  return Number(line?.split(':')[1]?.trim().split(/\s+/)[0] ?? 0);
}

const TICKS_PER_SECOND = 100;

function cpuOf(pids: readonly number[]): number {
  return pids.flatMap(family).reduce((sum, pid) => {
    const fields = readProc(pid, 'stat').split(') ').at(-1)?.split(' ') ?? [];
    // Own user and system time, and that of children which have ended. [proc(5)]
    return sum + fields.slice(11, 15).reduce((ticks, field) => ticks + Number(field), 0) / TICKS_PER_SECOND;
  }, 0);
}

function peakOf(pid: number): number {
  const kib = /^VmHWM:\s+(\d+)/m.exec(readProc(pid, 'status'))?.[1];
  return Number(kib ?? 0) / 1024;
}

/** Lets the peak begin anew; where the kernel does not allow it the peak is that of the whole life. */
function resetPeak(pid: number): void {
  try {
    writeFileSync(`/proc/${pid}/clear_refs`, '5');
  } catch {}
}

/** A process and all its descendants. */
function family(pid: number): number[] {
  const children = listTasks(pid).flatMap(task =>
    readProc(pid, `task/${task}/children`).split(' ').filter(Boolean).map(Number),
  );
  return [pid, ...children.flatMap(family)];
}

function listTasks(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return [];
  }
}

function readProc(pid: number, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8');
  } catch {
    return '';
  }
}
