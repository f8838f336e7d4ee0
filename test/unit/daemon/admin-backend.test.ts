import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { NEVER, NOT_ENDED } from '../../../src/admin/records/column.ts';
import type { Update } from '../../../src/model/update.ts';
import { makeVersion } from '../../../src/model/version.ts';
import { EMPTY_VECTOR } from '../../../src/model/version-vector.ts';
import type { Folder } from '../../../src/replication/folder.ts';
import type { PendingUpdate } from '../../../src/replication/pending.ts';
import { C, sampleDirectory, sampleUpdate } from '../model/sample-update.ts';
import { GROUP, type Pair, ROOT, startPair, type TestMember } from './two-members.ts';

const UID = /^\{[0-9A-F-]{36}\}-v\d+$/;
const LIMIT = 100;

function soon<T>(check: () => T | Promise<T>): Promise<T> {
  return vi.waitFor(check, { timeout: 10_000 });
}

async function arrives(member: TestMember, path: string, content: string): Promise<void> {
  await soon(() => expect(member.user.readFile(`${ROOT}/${path}`).toString()).toBe(content));
}

function folderOf({ member }: TestMember): Folder {
  return [...member.folders.values()][0]!;
}

function pendingOf(update: Update): PendingUpdate {
  const tally = { updatesTransferred: 0, bytesTransferred: 0, conflicts: 0, tombstones: 0 };
  return {
    update,
    round: {
      partner: 'alpha',
      connection: GROUP.connections[0]!.guid,
      closed: false,
      abandoned: false,
      asOf: null,
      letGo: EMPTY_VECTOR,
      tally,
    },
    source: { fetch: () => {} },
    contentNeeded: false,
    staged: null,
    stage: 'blocked',
    reason: 'waits for its directory',
    since: 1_700_000_000_000,
    attempts: 1,
    wait: null,
    receivedBytes: 0,
    reserved: false,
    forced: null,
  };
}

async function vectorOf({ backend }: TestMember): Promise<string> {
  return (await backend.folderVector({ folder: 'docs' })).text;
}

async function inSync({ alpha, beta }: Pair): Promise<void> {
  await soon(async () => expect(await vectorOf(alpha)).toBe(await vectorOf(beta)));
  await soon(async () => {
    for (const { backend } of [alpha, beta]) {
      const { folder } = await backend.folder({ folder: 'docs' });
      expect(folder.UpdatesPending).toBe(0);
    }
  });
}

describe('two members that are connected', () => {
  let pair: Pair;
  beforeAll(async () => {
    pair = await startPair();
    pair.alpha.user.writeFile(`${ROOT}/plans/report.txt`, 'first words');
    pair.alpha.hint();
    await arrives(pair.beta, 'plans/report.txt', 'first words');
    await inSync(pair);
  });
  afterAll(() => pair.stop());

  test('a folder is found by its name and by its GUID, and an unknown one is named with the known ones', async () => {
    const { backend } = pair.beta;
    const byName = await backend.folder({ folder: 'docs' });
    const byGuid = await backend.folder({ folder: byName.folder.ReplicatedFolderGuid.toUpperCase() });
    expect(byGuid.folder.ReplicatedFolderName).toBe('docs');
    expect(byName.folder).toMatchObject({
      State: 4,
      StateReason: '',
      FileCount: 1,
      DirectoryCount: 1,
      SizeInBytes: 11,
    });
    expect(byName.folder).toMatchObject({ HaltReason: null, LastErrorCode: 0, RootPath: ROOT, UpdatesPending: 0 });
    expect(byName.members.map(member => [member.MemberName, member.IsLocal])).toEqual([
      ['alpha', false],
      ['beta', true],
    ]);
    await expect(backend.folder({ folder: 'dosc' })).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: expect.stringContaining('did you mean “docs”'),
    });
  });

  test('the vector names the members whose databases it holds', async () => {
    const { vector, text } = await pair.beta.backend.folderVector({ folder: 'docs' });
    expect(vector.map(interval => interval.MemberName)).toContain('alpha');
    expect(text).not.toContain('\n');
  });

  test('connections in both directions are online', async () => {
    await soon(async () => {
      const { connections } = await pair.beta.backend.connections();
      expect(connections.map(({ Name, Inbound, State, Status }) => ({ Name, Inbound, State, Status }))).toEqual([
        { Name: 'alpha → beta', Inbound: true, State: 1, Status: 'OK' },
        { Name: 'beta → alpha', Inbound: false, State: 1, Status: 'OK' },
      ]);
    });
    const { connections } = await pair.beta.backend.connections();
    expect(connections[0]).toMatchObject({
      LastErrorCode: 0,
      NextSyncTime: NEVER,
      PartnerAddress: 'alpha.example:7420',
    });
    expect(connections[0]!.LastSuccessfulSyncTime).not.toBe(NEVER);
  });

  test('the session that brought the file tells how much it brought', async () => {
    const sessions = await soon(async () => {
      const answer = (await pair.beta.backend.sessions({ connection: 'alpha:beta', limit: LIMIT })).sessions;
      expect(answer.length).toBeGreaterThan(0);
      expect(answer.every(session => session.State === 4 && session.EndTime !== NOT_ENDED)).toBe(true);
      return answer;
    });
    const sum = (of: 'BytesTransferred' | 'UpdatesTransferred') =>
      sessions.reduce((total, session) => total + session[of], 0);
    expect(sum('BytesTransferred')).toBe(11);
    expect(sum('UpdatesTransferred')).toBe(2);
  });

  test('a record is found by path, by absolute path and by UID', async () => {
    const { backend } = pair.beta;
    const { record } = await backend.record({ folder: 'docs', file: 'plans/report.txt' });
    expect(record).toMatchObject({
      FullPathName: 'plans/report.txt',
      FileName: 'report.txt',
      SizeInBytes: 11,
      Flags: 5,
    });
    expect(record).toMatchObject({ FlagNames: 'present, visible', HeldBack: null, FileKind: 'file' });
    expect(record.Mode).toMatch(/^-rw/);
    expect(record.Uid).toMatch(UID);
    expect((await backend.record({ file: `${ROOT}/plans/report.txt` })).record).toEqual(record);
    expect((await backend.record({ file: record.Uid })).record).toEqual(record);
  });

  test('where there is no record, the answer says why', async () => {
    const { backend, user } = pair.beta;
    const why = async (file: string) => {
      const error = await backend.record({ folder: 'docs', file }).catch((thrown: Error) => thrown);
      expect(error).toMatchObject({ code: 'NOT_FOUND' });
      return (error as Error).message;
    };
    user.writeFile(`${ROOT}/unseen`, 'x');
    expect(await why('draft.tmp')).toContain('“*.tmp”');
    expect(await why('node_modules/zod/index.js')).toContain('“node_modules”');
    expect(await why('.tandem/marker.json')).toContain('belongs to Tandem');
    expect(await why('nothing')).toContain('nothing is there');
    expect(await why('unseen')).toContain('not recorded yet');
    user.remove(`${ROOT}/unseen`);
    await expect(backend.record({ file: '/etc/passwd' })).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(backend.record({ file: 'report.txt' })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    await expect(backend.record({ folder: 'docs', file: '../x' })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });

  test('there is no backlog either way, and members that have none here are refused', async () => {
    const { backend } = pair.beta;
    const query = { folder: 'docs', limit: LIMIT };
    await soon(async () => {
      for (const [from, to] of [
        ['alpha', 'beta'],
        ['beta', 'alpha'],
      ] as const) {
        expect(await backend.backlog({ ...query, from, to })).toEqual({ total: 0, bytes: 0, files: [] });
      }
    });
    await expect(backend.backlog({ ...query, from: 'alpha', to: 'gamma' })).rejects.toMatchObject({ code: 'REFUSED' });
    await expect(backend.backlog({ ...query, from: 'beta', to: 'gamma' })).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(backend.backlog({ ...query, from: 'beta', to: 'bata' })).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  test('the status of a member that is well says so', async () => {
    const { service, attention, folders } = await pair.beta.backend.status();
    expect(service).toMatchObject({ State: 1, StateReason: '', MemberName: 'beta', Listen: '0.0.0.0:7420' });
    expect(service.ConfigDigest).toBe(GROUP.digest);
    expect(folders).toHaveLength(1);
    expect(attention).toEqual([]);
  });

  test('events are listed with their numbers', async () => {
    await pair.beta.events.flush();
    const { events } = await pair.beta.backend.events({ limit: LIMIT });
    const established = events.find(event => event.EventName === 'CONNECTION_ESTABLISHED');
    expect(established).toMatchObject({ EventId: 5004, Severity: 'information' });
    expect(JSON.parse(established!.Fields)).toMatchObject({ partner: 'alpha' });
  });
});

describe('a conflict', () => {
  test('is listed, restored to another place and deleted', async () => {
    const pair = await startPair();
    const { alpha, beta } = pair;
    alpha.user.writeFile(`${ROOT}/plan`, 'common');
    alpha.hint();
    await arrives(beta, 'plan', 'common');
    await inSync(pair);
    pair.cut('alpha', true);
    pair.cut('beta', true);
    alpha.user.writeFile(`${ROOT}/plan`, 'by alpha');
    beta.user.writeFile(`${ROOT}/plan`, 'by beta, later');
    alpha.hint();
    beta.hint();
    await soon(async () => expect(await vectorOf(alpha)).not.toBe(await vectorOf(beta)));
    await Promise.all([folderOf(alpha).scanner.full(), folderOf(beta).scanner.full()]);
    pair.cut('alpha', false);
    pair.cut('beta', false);
    await inSync(pair);
    const loser = await soon(async () => {
      for (const member of [alpha, beta]) {
        if ((await member.backend.conflicts({ limit: LIMIT })).total > 0) return member;
      }
      throw new Error('nothing is preserved');
    });
    const { backend } = loser;
    const { conflicts } = await backend.conflicts({ folder: 'docs', limit: LIMIT });
    expect(conflicts[0]).toMatchObject({ Area: 'conflicts', ConflictPath: 'plan', FileName: 'plan', FileKind: 'file' });
    expect(conflicts[0]!.PreservedPath).toBe(`${ROOT}/.tandem/conflicts/${conflicts[0]!.Id}/plan`);
    expect(loser.user.exists(conflicts[0]!.PreservedPath)).toBe(true);
    const id = conflicts[0]!.Id;
    expect((await backend.conflict({ id })).conflict).toEqual(conflicts[0]);
    await expect(backend.restoreConflict({ id, copy: true })).rejects.toMatchObject({ code: 'REFUSED' });
    await expect(backend.restoreConflict({ id, to: '../plan', copy: true })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
    await expect(backend.restoreConflict({ id, to: '.tandem/x', copy: true })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
    expect(await backend.restoreConflict({ id, to: 'other/plan', copy: true })).toEqual({ path: 'other/plan' });
    const { attention } = await backend.status();
    expect(attention).toMatchObject([{ Subject: 'docs', Command: 'tandem conflict list --folder docs' }]);
    await backend.deleteConflict({ id });
    expect((await backend.status()).attention).toEqual([]);
    await expect(backend.conflict({ id })).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await pair.stop();
  });
});

describe('what is on its way', () => {
  let pair: Pair;
  beforeAll(async () => {
    pair = await startPair();
    await inSync(pair);
  });
  afterAll(() => pair.stop());

  test('a backlog to a partner that cannot fetch is counted by its last vector', async () => {
    const { alpha } = pair;
    pair.cut('alpha', true);
    for (const name of ['one', 'two', 'three']) alpha.user.writeFile(`${ROOT}/deep/${name}`, name);
    alpha.hint();
    await soon(async () => {
      const query = { from: 'alpha', to: 'beta', folder: 'docs', limit: 2 };
      const { total, bytes, files } = await alpha.backend.backlog(query);
      expect({ total, bytes }).toEqual({ total: 4, bytes: 11 });
      expect(files.map(file => file.FullPathName)).toEqual(['deep', expect.stringMatching(/^deep\/(one|two|three)$/)]);
    });
    pair.cut('alpha', false);
    await arrives(pair.beta, 'deep/three', 'three');
    await inSync(pair);
  });

  test('a backlog from a partner is asked for, with paths below directories that are not here yet', async () => {
    const { alpha, beta } = pair;
    const { core } = folderOf(beta);
    await core.line.run(() => core.halt('root-unwritable', 'held for the test'));
    alpha.user.writeFile(`${ROOT}/new/letters/a`, 'abc');
    alpha.hint();
    const { files, total, bytes } = await soon(async () => {
      const answer = await beta.backend.backlog({ from: 'alpha', to: 'beta', folder: 'docs', limit: LIMIT });
      expect(answer.total).toBe(3);
      return answer;
    });
    expect({ total, bytes }).toEqual({ total: 3, bytes: 3 });
    expect(files.map(file => file.FullPathName)).toEqual(['new', 'new/letters', 'new/letters/a']);
    expect(files[2]).toMatchObject({ FileName: 'a', Present: true, SizeInBytes: 3 });
    await soon(async () => {
      const backlog = alpha.backend.backlog({ from: 'alpha', to: 'beta', folder: 'docs', limit: LIMIT });
      await expect(backlog).rejects.toMatchObject({ code: 'FOLDER_NOT_READY' });
    });
    await beta.backend.release({ folder: 'docs', decision: 'retry' });
    await arrives(beta, 'new/letters/a', 'abc');
    await inSync(pair);
  });

  test('updates under way and put off say what they wait for, and where they belong', async () => {
    const { beta } = pair;
    const { core } = folderOf(beta);
    const directory = pendingOf(
      sampleDirectory({ uid: makeVersion(C, 20), gvsn: makeVersion(C, 20), parent: core.root }),
    );
    const file = pendingOf(
      sampleUpdate({ uid: makeVersion(C, 21), gvsn: makeVersion(C, 21), parent: makeVersion(C, 20) }),
    );
    const lost = pendingOf(
      sampleUpdate({ uid: makeVersion(C, 22), gvsn: makeVersion(C, 22), parent: makeVersion(C, 99) }),
    );
    directory.stage = 'running';
    for (const item of [directory, file, lost]) core.pending.add(item);
    const retryAt = core.pending.giveUp(lost, 'its directory is unknown', Date.now()).retryAt;
    const { total, updates } = await beta.backend.updates({ folder: 'docs', limit: LIMIT });
    expect(total).toBe(3);
    expect(updates).toMatchObject([
      { FullPathName: 'plans', UpdateState: 2, PartnerName: 'alpha', RetryTime: null },
      { FullPathName: 'plans/report.txt', UpdateState: 5, Reason: 'waits for its directory', SizeInBytes: 10 },
      { FullPathName: '…/report.txt', UpdateState: 4, RetryTime: new Date(retryAt).toISOString() },
    ]);
    expect(updates[2]!.Reason).toContain('its directory is unknown');
    expect((await beta.backend.updates({ limit: 1 })).updates).toHaveLength(1);
    const byPath = beta.backend.record({ folder: 'docs', file: 'plans/report.txt' });
    await expect(byPath).rejects.toThrow(/from alpha is blocked: waits for its directory/);
    const byUid = beta.backend.record({ file: updates[2]!.Uid });
    await expect(byUid).rejects.toThrow(/put off: its directory is unknown/);
    const { attention } = await beta.backend.status();
    expect(attention).toMatchObject([{ Subject: 'docs', Command: 'tandem update list --folder docs' }]);
    for (const item of [directory, file]) core.pending.remove(item);
    core.pending.forgetGivenUp(lost.update.gvsn);
  });
});

describe('trouble', () => {
  test('a partner that cannot be reached shows in the connection and in backlogs', async () => {
    const pair = await startPair();
    await inSync(pair);
    pair.cut('alpha', true);
    const { backend } = pair.beta;
    const record = await soon(async () => {
      const { connections } = await backend.connections();
      const inbound = connections.find(connection => connection.Inbound)!;
      expect(inbound.LastErrorCode).toBe(1722);
      return inbound;
    });
    expect(record).toMatchObject({ LastErrorMessageId: 5008 });
    expect(record.StateReason).toContain('alpha does not answer');
    const query = { folder: 'docs', limit: LIMIT };
    await expect(backend.backlog({ ...query, from: 'beta', to: 'alpha' })).rejects.toMatchObject({
      code: 'PEER_UNREACHABLE',
    });
    await expect(backend.backlog({ ...query, from: 'alpha', to: 'beta' })).rejects.toMatchObject({
      code: 'PEER_UNREACHABLE',
    });
    await pair.stop();
  });

  test('a brake shows in the folder, in its records and in what needs a hand, until it is released', async () => {
    const pair = await startPair();
    const { alpha, beta } = pair;
    for (const name of 'abcdef') alpha.user.writeFile(`${ROOT}/${name}`, name);
    alpha.hint();
    for (const name of 'abcdef') await arrives(beta, name, name);
    await inSync(pair);
    for (const name of 'abcde') beta.user.remove(`${ROOT}/${name}`);
    beta.hint();
    const { backend } = beta;
    const folder = await soon(async () => {
      const answer = await backend.folder({ folder: 'docs' });
      expect(answer.folder.HaltReason).toBe('mass-deletion');
      return answer.folder;
    });
    expect(folder).toMatchObject({ State: 5, HaltDeletedFiles: 5, HaltChangedFiles: 0, HaltTotalFiles: 6 });
    expect(folder).toMatchObject({ LastErrorMessageId: 20002, HaltCommand: 'tandem folder release docs --accept' });
    const { service, attention } = await backend.status();
    expect(service).toMatchObject({ State: 2, LastErrorMessageId: 20002 });
    expect(attention).toMatchObject([{ Subject: 'docs', Command: 'tandem folder release docs --accept' }]);
    const { record } = await backend.record({ folder: 'docs', file: 'f' });
    expect(record.HeldBack).toContain('halted');
    await expect(backend.rescan({ folder: 'docs' })).rejects.toMatchObject({ code: 'REFUSED' });
    await expect(backend.release({ folder: 'docs', decision: 'retry' })).rejects.toMatchObject({ code: 'REFUSED' });
    await backend.release({ folder: 'docs', decision: 'accept' });
    await soon(() => expect(alpha.user.exists(`${ROOT}/a`)).toBe(false));
    await expect(backend.release({ folder: 'docs', decision: 'accept' })).rejects.toMatchObject({ code: 'REFUSED' });
    await pair.stop();
  });
});
