/** Programs run to their end, with what they said. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const REPOSITORY = fileURLToPath(new URL('../../../', import.meta.url));
/** The compiled CLI that is tested. */
export const CLI = process.env.TANDEM_CLI ?? fileURLToPath(new URL('../../../dist/cli/main.js', import.meta.url));

export interface Ran {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Never rejects for an exit code: that is part of the answer. A program that does not end in time is killed. */
export function run(
  command: string,
  args: readonly string[],
  options: { cwd?: string; env?: Record<string, string>; timeoutMs?: number } = {},
): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: options.timeoutMs ?? 120_000,
      killSignal: 'SIGKILL',
    });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout.on('data', chunk => stdout.push(chunk));
    child.stderr.on('data', chunk => stderr.push(chunk));
    child.once('error', reject);
    child.once('close', exitCode =>
      resolve({ exitCode, stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString() }),
    );
  });
}

/** The same, and an error with all the program said where it fails. */
export async function runWell(
  command: string,
  args: readonly string[],
  options: Parameters<typeof run>[2] = {},
): Promise<string> {
  const ran = await run(command, args, options);
  if (ran.exitCode !== 0)
    throw new Error(`${command} ${args.join(' ')} ended with ${ran.exitCode}\n${ran.stdout}\n${ran.stderr}`);
  return ran.stdout;
}

/** One command of the CLI under test. */
export function tandem(args: readonly string[], options: Parameters<typeof run>[2] = {}): Promise<Ran> {
  if (!existsSync(CLI)) throw new Error(`${CLI} is missing: run “npm run build” first, or “npm test”, which does`);
  return run(process.execPath, [CLI, ...args], options);
}

/** Whether a program from the system is there. With CI=true every one must be: a test may not be skipped for it. */
export function haveProgram(name: string): boolean {
  const found = spawnSync('sh', ['-c', `command -v ${name}`]).status === 0;
  if (!found && process.env.CI === 'true')
    throw new Error(`${name} is missing, and in CI nothing is skipped: install it in .ci/run`);
  return found;
}

/** What was started and must not outlive this process. */
const living = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of living) child.kill('SIGKILL');
});

export function outliveNothing(child: ChildProcess): void {
  living.add(child);
  child.once('exit', () => living.delete(child));
}
