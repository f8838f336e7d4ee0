/** Volumes and their replicas on real daemons: orders over the admin socket, contents through real NBD clients. */
import { createHash, type Hash } from 'node:crypto';
import { createReadStream, rmSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { type AdminClient, createAdminClient } from '../../../src/admin/client.ts';
import type { ReplicaOutcomeRecord, ReplicaRecord } from '../../../src/admin/records/replica.ts';
import type { ReplicaCreation } from '../../../src/admin/replicas.ts';
import {
  COPY_STATES,
  type CopyState,
  numberOf,
  PROGRESS_STATUSES,
  REPLICA_OPERATIONS,
  type ReplicaOperation,
  SYNC_TYPES,
  type SyncType,
} from '../../../src/model/replica-values.ts';
import type { Member } from './member.ts';
import { haveProgram, type Ran, run, runWell } from './program.ts';
import { until } from './until.ts';

export const MIB = 1024 * 1024;

/** Null: all are there; else what to say when the test is skipped. */
export function missingPrograms(...programs: readonly string[]): string | null {
  const packages: Readonly<Record<string, string>> = {
    'qemu-io': 'qemu-utils',
    'qemu-img': 'qemu-utils',
    nbdcopy: 'libnbd-bin',
    nbdinfo: 'libnbd-bin',
    nbdfuse: 'nbdfuse',
    fio: 'fio',
  };
  const missing = programs.filter(program => !haveProgram(program));
  if (missing.length === 0) return null;
  return `not installed: ${missing.map(program => `${program} (${packages[program] ?? program})`).join(', ')}`;
}

/** One call of the admin API, much faster than a program can be started. */
export async function ask<T>(member: Member, call: (client: AdminClient) => Promise<T>): Promise<T> {
  const client = await createAdminClient(join(member.home, 'admin.sock'));
  try {
    return await call(client);
  } finally {
    client.close();
  }
}

export async function createVolume(member: Member, name: string, size: number): Promise<void> {
  await ask(member, client => client.createVolume({ name, size }));
}

/** A volume or a snapshot of one. */
export async function uriOf(member: Member, name: string): Promise<string> {
  const { volumes } = await ask(member, client => client.volumes());
  const [any] = volumes;
  const own = volumes.find(({ ElementName }) => ElementName === name);
  if (own !== undefined) return own.Uri;
  return any!.Uri.replace(`/${any!.ElementName}?`, `/${name}?`);
}

export interface ReplicaWish extends Partial<Omit<ReplicaCreation, 'syncType'>> {
  readonly syncType: SyncType;
  readonly source: string;
  readonly target: string;
}

/** What must be accepted. */
export async function createReplica(member: Member, { syncType, ...wish }: ReplicaWish): Promise<ReplicaOutcomeRecord> {
  const { outcome } = await ask(member, client =>
    client.createReplica({
      syncType: numberOf(SYNC_TYPES, syncType),
      writable: false,
      detachWhenCopied: false,
      force: false,
      ...wish,
    }),
  );
  if (outcome.ReturnValue !== 0 && outcome.ReturnValue !== 4096) throw new Error(`not created: ${outcome.Message}`);
  return outcome;
}

export interface OrderWords {
  readonly force?: boolean;
  readonly wait?: CopyState;
}

/** Whatever the answer is. */
export async function order(
  member: Member,
  pair: string,
  operation: ReplicaOperation,
  { force = false, wait }: OrderWords = {},
): Promise<ReplicaOutcomeRecord> {
  const { outcome } = await ask(member, client =>
    client.modifyReplica({
      synchronization: pair,
      operation: numberOf(REPLICA_OPERATIONS, operation),
      force,
      waitForCopyState: wait === undefined ? undefined : numberOf(COPY_STATES, wait),
      syncPairs: [],
    }),
  );
  return outcome;
}

/** What must be done, or be on its way, when it is answered. */
export async function orderWell(
  member: Member,
  pair: string,
  operation: ReplicaOperation,
  words: OrderWords = {},
): Promise<ReplicaOutcomeRecord> {
  const outcome = await order(member, pair, operation, words);
  if (outcome.ReturnValue === 0 || outcome.ReturnValue === 4096) return outcome;
  throw new Error(`${operation} on ${member.name} answered ${outcome.ReturnValue}: ${outcome.Message}`);
}

/** Null: the member keeps no such pair. */
export async function replicaOf(member: Member, pair: string): Promise<ReplicaRecord | null> {
  const { replicas } = await ask(member, client => client.replicas({}));
  return replicas.find(({ InstanceID }) => InstanceID === pair) ?? null;
}

export async function stateOf(member: Member, pair: string): Promise<CopyState | 'none'> {
  const record = await replicaOf(member, pair);
  return record === null ? 'none' : (COPY_STATES[record.CopyState as keyof typeof COPY_STATES] as CopyState);
}

/** Waits until each member tells this of the pair. */
export async function statesAre(
  members: readonly Member[],
  pair: string,
  states: readonly (CopyState | 'none')[],
  timeoutMs = 30_000,
): Promise<void> {
  let last = '';
  const look = async (): Promise<boolean> => {
    const found = await Promise.all(members.map(member => stateOf(member, pair)));
    const progress = await Promise.all(members.map(member => replicaOf(member, pair)));
    last = members
      .map(({ name }, i) => {
        const record = progress[i];
        const doing = record && PROGRESS_STATUSES[record.ProgressStatus as keyof typeof PROGRESS_STATUSES];
        return `${name} is ${found[i]} (${doing}, ${record?.OutOfSyncBytes} bytes differ, ${record?.StatusReason})`;
      })
      .join('; ');
    return found.every((state, i) => state === states[i]);
  };
  await until(`${members.map(({ name }, i) => `${name} is ${states[i]}`).join(', ')}`, look, {
    timeoutMs,
    everyMs: 50,
    explain: () => last,
  });
}

/** Waits until the members have met and neither lacks anything: a short outage leaves the state as it is. */
export async function inStep(members: readonly Member[], pair: string): Promise<void> {
  const look = async (): Promise<boolean> => {
    const records = await Promise.all(members.map(member => replicaOf(member, pair)));
    return records.every(
      record => record?.CopyState === 4 && record.ProgressStatus === 2 && record.OutOfSyncBytes === 0,
    );
  };
  const explain = async (): Promise<string> =>
    JSON.stringify(await Promise.all(members.map(member => replicaOf(member, pair))), null, 1);
  await until('both are Synchronized, Completed and nothing differs', look, { everyMs: 50, explain });
}

export function qemuIo(uri: string, ...commands: readonly string[]): Promise<Ran> {
  const options = commands.every(command => command.startsWith('read')) ? ['-r'] : [];
  return run('qemu-io', [...options, '-f', 'raw', ...commands.flatMap(command => ['-c', command]), uri]);
}

/** An error unless all commands succeed and all patterns are found. */
export async function qemuIoWell(uri: string, ...commands: readonly string[]): Promise<void> {
  const { exitCode, stdout, stderr } = await qemuIo(uri, ...commands);
  if (exitCode !== 0 || /failed|error/i.test(stdout + stderr)) {
    throw new Error(`qemu-io ${commands.join('; ')} on ${uri} ended with ${exitCode}: ${stdout}${stderr}`);
  }
}

/** SHA-256 of all that a client reads. */
export async function contentOf(member: Member, name: string): Promise<string> {
  const copy = join(member.home, `copy-${name}`);
  await runWell('nbdcopy', [await uriOf(member, name), copy]);
  const hash: Hash = createHash('sha256');
  await pipeline(createReadStream(copy), hash);
  rmSync(copy);
  return hash.digest('hex');
}
