/** The file of a propagation test: put into the folder’s root as a user would, and taken out again. */
import { createHash } from 'node:crypto';
import { TandemError } from '../base/errors.ts';
import type { PreserveOrder } from '../disk/disk.ts';
import { compileFilter } from '../model/filters.ts';
import type { FileRecord, Stat } from '../model/update.ts';
import { databaseOf } from '../model/version.ts';
import type { Folder } from '../replication/folder.ts';
import { assertFlowsOut } from './backlog-records.ts';

/** With the test’s id behind it, the name of its file. Documented in docs/OPERATING.md. */
export const TEST_FILE_PREFIX = '.tandem-propagation-test-';

export interface TestFile {
  readonly id: string;
  readonly name: string;
}

/** REFUSED where nothing would go out, or the filters keep the name out. */
export function assertTestable(folder: Folder, { name }: TestFile): void {
  const { core } = folder;
  const { config, memory } = core;
  assertFlowsOut(folder, core.member.name);
  if (memory.halt)
    throw new TandemError(
      'REFUSED',
      `nothing goes out of folder ${config.name}, it is halted: ${memory.halt.sentence}`,
    );
  if (!core.active || !core.serving)
    throw new TandemError('REFUSED', `nothing goes out of folder ${config.name} now, it is ${core.publicState}`);
  if (compileFilter(config.filters).excludesFile(name))
    throw new TandemError('REFUSED', `the file filters of folder ${config.name} keep the test’s file ${name} out`);
}

/** `content` is written as JSON. */
export async function writeTestFile(
  { core }: Folder,
  { id, name }: TestFile,
  { content, replaces }: { readonly content: object; readonly replaces: Stat | null },
): Promise<Stat> {
  const now = core.clock.now();
  const data = Buffer.from(`${JSON.stringify(content)}\n`);
  const hash = createHash('sha256').update(data).digest('hex');
  const file = {
    stagingId: `propagation-${id}`,
    size: data.length,
    hash,
    mode: 0o600,
    mtimeNs: BigInt(now) * 1_000_000n,
  };
  return core.line.run(async () => {
    const [staged] = await core.disk.stageWhole([{ ...file, data }]);
    if (staged?.kind !== 'staged') throw failed(name, staged?.detail);
    const [outcome] = await core.disk.apply([
      {
        kind: 'install',
        path: name,
        expect: replaces,
        staged: { ...file, ino: staged.ino },
        preserve: preserving(core, name),
      },
    ]);
    await core.disk.sync();
    await core.disk.settle();
    if (outcome?.kind === 'done' && outcome.stat) return outcome.stat;
    await core.disk.stageDrop([file.stagingId]);
    throw failed(name, outcome && 'detail' in outcome ? outcome.detail : undefined);
  });
}

/** What somebody changed meanwhile is preserved, as ever. */
export async function removeTestFile({ core, scanner }: Folder, name: string, stat: Stat): Promise<void> {
  await core.line.run(async () => {
    await core.disk.apply([{ kind: 'remove', path: name, expect: stat, preserve: preserving(core, name) }]);
    await core.disk.settle();
  });
  scanner.hint('');
}

/** Files that tests of this member left behind when the daemon ended, but for those that run. */
export async function removeLeftTestFiles(folder: Folder, running: ReadonlySet<string>): Promise<void> {
  const { core } = folder;
  const [children] = await core.store.children([core.root]);
  const left = (children ?? []).filter(({ name }) => name.startsWith(TEST_FILE_PREFIX) && !running.has(name));
  for (const record of await core.store.records(left.map(({ uid }) => uid))) {
    if (record && isOwn(record, core.members.database) && record.disk)
      await removeTestFile(folder, record.name, record.disk);
  }
}

function isOwn(record: FileRecord, database: string): boolean {
  return record.present && databaseOf(record.gvsn) === database;
}

function preserving({ member, clock }: Folder['core'], path: string): PreserveOrder {
  return {
    always: false,
    area: 'conflicts',
    manifest: {
      path,
      uid: '',
      gvsn: '',
      conflictType: 7,
      reason: 'the file of a propagation test was changed by somebody',
      member: member.name,
      partner: '',
      time: clock.now(),
    },
  };
}

function failed(name: string, detail = 'it cannot be staged'): TandemError {
  return new TandemError('DISK_FAILED', `the test’s file ${name} could not be written: ${detail}`);
}
