/** A program that makes directory B like directory A, as the benchmark drives it. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { outliveNothing } from '../../e2e/harness/program.ts';
import { pause } from '../../e2e/harness/until.ts';

export interface Tool {
  readonly name: string;
  /** Absolute paths of the two replicated directories. */
  readonly a: string;
  readonly b: string;
  /** Whether changes cross by themselves; else `push` carries them. */
  readonly continuous: boolean;
  start(): Promise<void>;
  push(): void;
  stop(): Promise<void>;
  /** Process ids of its daemons. */
  daemons(): readonly number[];
  /** CPU seconds of the clients that `push` ran so far. */
  clientCpuSeconds(): number;
}

export interface ToolKind {
  readonly name: string;
  /** Why it cannot run here; null: it can. */
  unavailable(): string | null;
  /** Prepares everything below `base`; A and B lie on file systems of their own. */
  create(base: string): Promise<Tool>;
}

export function missingProgram(name: string): string | null {
  return spawnSync('sh', ['-c', `command -v ${name}`]).status === 0 ? null : `${name} is not installed`;
}

/** Daemons with their output in files, ended as whole groups. */
export class Processes {
  readonly #children: ChildProcess[] = [];
  readonly #base: string;

  constructor(base: string) {
    this.#base = base;
  }

  spawn(command: readonly string[], log: string, env: Readonly<Record<string, string>> = {}): void {
    const output = openSync(join(this.#base, log), 'a');
    const child = spawn(command[0]!, command.slice(1), {
      env: { ...process.env, ...env },
      stdio: ['ignore', output, output],
      detached: true,
    });
    closeSync(output);
    outliveNothing(child);
    this.#children.push(child);
  }

  pids(): number[] {
    return this.#children.flatMap(child => (child.pid === undefined ? [] : [child.pid]));
  }

  async end(): Promise<void> {
    for (const [signal, waits] of [
      ['SIGTERM', 200],
      ['SIGKILL', 50],
    ] as const) {
      for (const child of this.#children) signalGroup(child, signal);
      for (let wait = 0; wait < waits && this.#children.some(child => signalGroup(child, 0)); wait += 1)
        await pause(100);
    }
    this.#children.length = 0;
  }
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(-child.pid!, signal);
  } catch {
    return false;
  }
}

/** CPU seconds of the children this process has waited for. */
export function runCounted(command: readonly string[], env: Readonly<Record<string, string>> = {}): number {
  const before = waitedCpuSeconds();
  spawnSync(command[0]!, command.slice(1), { env: { ...process.env, ...env }, stdio: 'ignore' });
  return waitedCpuSeconds() - before;
}

/** Fields 16 and 17 of /proc/self/stat: user and system time of waited-for children. [proc(5)] */
function waitedCpuSeconds(): number {
  const fields = readFileSync('/proc/self/stat', 'utf8').split(') ').at(-1)!.split(' ');
  return (Number(fields[13]) + Number(fields[14])) / 100;
}
