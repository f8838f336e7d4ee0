/** Replicas of volumes, through the CLI as an administrator has it, and what their clients write. Needs Debian's libnbd-bin. */
import { spawn, spawnSync } from 'node:child_process';
import { expect } from 'vitest';
import type { Member } from './member.ts';
import { until } from './until.ts';

export interface ReplicaRow {
  readonly InstanceID: string;
  readonly CopyStateName: string;
  readonly OutOfSyncBytes: number | null;
  readonly LagSeconds: number;
  readonly WhenSynced: string | null;
  readonly StatusReason: string;
  readonly ReplicationGroup: string | null;
}

export interface OutcomeRow {
  readonly ReturnValue: string | number;
  readonly Message: string;
  readonly Synchronization: string | null;
  readonly Job: string | null;
}

/** Debian's nbdsh is for Debian's Python, whatever other one comes first. */
const env = { ...process.env, PATH: `/usr/bin:${process.env.PATH}` };

export const HAS_NBDSH = ['nbdsh', 'nbdinfo'].every(
  program => spawnSync(program, ['--version'], { stdio: 'ignore', env }).status === 0,
);

export async function makeVolume(member: Member, name: string, size = '16MiB'): Promise<string> {
  return (await member.json<{ Uri: string }>('volume', 'create', name, '--size', size)).Uri;
}

export async function uriOf(member: Member, name: string): Promise<string> {
  const { Uri } = await member.json<{ Uri: string }>('volume', 'show', name);
  return Uri;
}

/** Its id, once it is Synchronized. */
export async function makeMirror(member: Member, source: string, target: string, ...more: string[]): Promise<string> {
  const args = ['--type', 'mirror', '--source', source, '--target', target, '--wait', 'synchronized', ...more];
  const { Synchronization } = await member.json<OutcomeRow>('replica', 'create', ...args);
  await inState(member, Synchronization!, 'Synchronized');
  return Synchronization!;
}

export const replica = (member: Member, id: string) => member.json<ReplicaRow>('replica', 'show', id);

export function inState(member: Member, id: string, state: string): Promise<ReplicaRow> {
  return until(
    `${id} is ${state} on ${member.name}`,
    async () => {
      const row = await replica(member, id);
      return row.CopyStateName === state ? row : null;
    },
    { timeoutMs: 30_000, everyMs: 200, explain: async () => JSON.stringify(await replica(member, id)) },
  ) as Promise<ReplicaRow>;
}

/** Runs lines of Python with a libnbd handle `h` that is connected; what they print. */
export function nbdsh(uri: string, ...lines: string[]): string {
  const { status, stdout, stderr } = spawnSync('nbdsh', ['-u', uri, '-c', lines.join('\n')], { encoding: 'utf8', env });
  expect(status, `nbdsh ${uri}: ${stdout}${stderr}`).toBe(0);
  return stdout;
}

/** As `nbdsh`, going on beside the test. */
export function startNbdsh(uri: string, ...lines: string[]) {
  const child = spawn('nbdsh', ['-u', uri, '-c', lines.join('\n')], { stdio: ['ignore', 'pipe', 'pipe'], env });
  let output = '';
  let errors = '';
  child.stdout.on('data', data => (output += String(data)));
  child.stderr.on('data', data => (errors += String(data)));
  const ended = new Promise<string>((resolve, reject) => {
    child.on('close', code => (code === 0 || child.killed ? resolve(output) : reject(new Error(`nbdsh: ${errors}`))));
  });
  ended.catch(() => {});
  return { ended, output: () => output, end: () => child.kill() };
}

/** Pieces of the volume as the metadata context tells of them. */
export function mapOf(uri: string, context: string): { offset: number; length: number; type: number }[] {
  const { status, stdout, stderr } = spawnSync('nbdinfo', [`--map=${context}`, '--json', uri], {
    encoding: 'utf8',
    env,
  });
  expect(status, stderr).toBe(0);
  return JSON.parse(stdout) as { offset: number; length: number; type: number }[];
}
