/** CheckConnectivity, ForceReplication, ForceFolderReplication and ForceDownload, asked of two members joined in memory. */
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { NEVER } from '../../../src/admin/records/column.ts';
import { LIMITS } from '../../../src/base/limits.ts';
import { GROUP, type Pair, ROOT, startPair, type TestMember } from './two-members.ts';

const INBOUND = GROUP.connections[0]!.guid;
const OUTBOUND = GROUP.connections[1]!.guid;
const FULL = 15;
let pair: Pair;

beforeAll(async () => {
  pair = await startPair();
  pair.alpha.user.writeFile(`${ROOT}/small.txt`, 'small words');
  pair.alpha.user.writeFile(`${ROOT}/large.bin`, large());
  pair.alpha.hint();
  await soon(() => expect(pair.beta.user.exists(`${ROOT}/large.bin`)).toBe(true));
  await soon(() => expect(pair.beta.user.exists(`${ROOT}/small.txt`)).toBe(true));
});
afterAll(() => pair.stop());

function soon(check: () => unknown): Promise<unknown> {
  return vi.waitFor(check, { timeout: 10_000 });
}

function large(): Buffer {
  return Buffer.from(Array.from({ length: 3 * LIMITS.wholeFileBytes }, (_, i) => (i * 31 + (i >> 8)) & 0xff));
}

const beta = () => pair.beta.backend;
const check = async (connection: string) => (await beta().checkConnectivity({ connection })).result;
const force = async (mode: number, durationMinutes: number, bandwidth: number, connection = INBOUND) =>
  (await beta().forceReplication({ connection, mode, durationMinutes, bandwidth })).result;
const forceFolder = async (folder: string, durationMinutes: number, bandwidth: number, connection = INBOUND) =>
  (await beta().forceFolderReplication({ connection, folder, durationMinutes, bandwidth })).result;
const download = async (uid: string, folder = 'docs', connection = INBOUND) =>
  (await beta().forceDownload({ connection, folder, uid })).result;

async function inboundRecord({ backend }: TestMember) {
  return (await backend.connections()).connections.find(({ Inbound }) => Inbound)!;
}

describe('CheckConnectivity', () => {
  test('calls the partner', async () => {
    for (const name of [INBOUND, INBOUND.toUpperCase(), 'alpha', 'alpha → beta', GROUP.members.get('alpha')!.guid]) {
      expect(await check(name)).toMatchObject({ ReturnValue: 0, ErrorCode: '' });
    }
    expect((await check('alpha')).Message).toMatch(/^alpha answered in \d+ ms and knows the connection$/);
  });

  test('always fails on an outbound connection', async () => {
    expect(await check(OUTBOUND)).toMatchObject({ ReturnValue: 5, ErrorCode: 'REFUSED' });
    expect((await check('beta → alpha')).Message).toContain('outbound: only the member that receives');
  });

  test('an unknown connection is named with the known ones', async () => {
    const result = await check('alhpa');
    expect(result).toMatchObject({ ReturnValue: 1168, ErrorCode: 'NOT_FOUND' });
    expect(result.Message).toContain('there is no connection “alhpa”');
    expect(result.Message).toContain('alpha → beta');
  });

  test('tells of a partner that does not answer', async () => {
    pair.cut('alpha', true);
    await soon(async () => expect((await inboundRecord(pair.beta)).State).not.toBe(1));
    expect(await check('alpha')).toEqual({
      ReturnValue: 1722,
      Message: 'alpha does not answer',
      ErrorCode: 'PEER_UNREACHABLE',
    });
    pair.cut('alpha', false);
    await soon(async () => expect((await inboundRecord(pair.beta)).State).toBe(1));
  });
});

describe('ForceReplication and ForceFolderReplication', () => {
  test.each([
    [0, 10, FULL, 'no mode 0'],
    [5, 10, FULL, 'no mode 5'],
    [2, 10_081, FULL, 'at most 10080'],
    [2, -1, FULL, 'out of range'],
    [2, 0, FULL, 'at least 1'],
    [2, 10, 16, 'no bandwidth level 16'],
    [2, 10, 0, 'nothing could be synchronised'],
    [4, 10, 0, 'nothing could be synchronised'],
    [3, 0, 0, 'at least 1'],
  ])('mode %i for %i minutes at level %i: %s', async (mode, minutes, level, words) => {
    const result = await force(mode, minutes, level);
    expect(result).toMatchObject({ ReturnValue: 87, ErrorCode: 'INVALID_ARGUMENT' });
    expect(result.Message).toContain(words);
  });

  test('bad orders for a folder', async () => {
    expect(await forceFolder('dosc', 10, FULL)).toMatchObject({
      ReturnValue: 1168,
      Message: expect.stringContaining('did you mean “docs”'),
    });
    expect(await forceFolder('docs', 0, FULL)).toMatchObject({ ReturnValue: 87 });
    expect(await forceFolder('docs', 10, 0)).toMatchObject({ ReturnValue: 87 });
    expect(await forceFolder('docs', 10, FULL, OUTBOUND)).toMatchObject({ ReturnValue: 5 });
    expect(await force(2, 10, FULL, OUTBOUND)).toMatchObject({ ReturnValue: 5 });
    expect(await force(2, 10, FULL, 'nobody')).toMatchObject({ ReturnValue: 1168 });
  });

  test('a stop is seen in the records, and a forced folder goes through it', async () => {
    const before = Date.now();
    expect(await force(3, 60, 0)).toEqual({
      ReturnValue: 0,
      Message: 'nothing is taken from alpha for 60 min, whatever the schedule says',
      ErrorCode: '',
    });
    await soon(async () => expect((await inboundRecord(pair.beta)).State).toBe(2));
    const stopped = await inboundRecord(pair.beta);
    expect(stopped).toMatchObject({ Status: 'Service', LastErrorCode: 0 });
    expect(stopped.StateReason).toContain('stopped by order until');
    expect(Date.parse(stopped.NextSyncTime)).toBeGreaterThanOrEqual(before + 3_600_000);
    pair.alpha.user.writeFile(`${ROOT}/later.txt`, 'later words');
    pair.alpha.hint();
    await soon(async () => {
      const { total } = await pair.alpha.backend.backlog({ from: 'alpha', to: 'beta', folder: 'docs', limit: 10 });
      expect(total).toBe(1);
    }).catch(() => {});
    expect(pair.beta.user.exists(`${ROOT}/later.txt`)).toBe(false);
    expect(await forceFolder('docs', 30, 7)).toMatchObject({ ReturnValue: 0 });
    await soon(() => expect(pair.beta.user.exists(`${ROOT}/later.txt`)).toBe(true));
    await soon(async () => {
      const [session] = (await beta().sessions({ connection: 'alpha', limit: 10 })).sessions;
      expect(session).toMatchObject({ State: 4, InitiationReason: 1, ForceReplicationBandwidthlevel: 7 });
      expect(Date.parse(session!.ForceReplicationEndTime)).toBeGreaterThanOrEqual(before + 30 * 60_000);
    });
  });

  test('obeying the schedule takes all orders back', async () => {
    expect(await force(1, 0, 0)).toMatchObject({
      ReturnValue: 0,
      Message: 'the connection from alpha obeys its schedule',
    });
    await soon(async () => expect((await inboundRecord(pair.beta)).State).toBe(1));
    expect((await inboundRecord(pair.beta)).NextSyncTime).toBe(NEVER);
    const { events } = await beta().events({ limit: 100 });
    expect(events.filter(({ EventName }) => EventName === 'FORCE_ORDERED')).toHaveLength(3);
  });
});

describe('ForceDownload', () => {
  const uidOf = async (path: string) => (await beta().record({ folder: 'docs', file: path })).record.Uid;

  /** The bytes go wrong without anybody noticing, as on a failing disk. */
  function spoil(path: string): void {
    const inode = pair.beta.files.walk(`${ROOT}/${path}`);
    inode.content = Buffer.alloc(inode.content.length, 'x');
  }

  test.each([
    ['small.txt', () => Buffer.from('small words')],
    ['large.bin', large],
  ])('repairs %s, believed to be here', async (path, content) => {
    const uid = await uidOf(path);
    const { record } = await pair.alpha.backend.record({ folder: 'docs', file: path });
    spoil(path);
    expect(await download(uid)).toMatchObject({ ReturnValue: 0 });
    await soon(() => expect(pair.beta.user.readFile(`${ROOT}/${path}`).equals(content())).toBe(true));
    await soon(async () => {
      const { events } = await beta().events({ limit: 100 });
      expect(events.some(event => event.EventName === 'DOWNLOAD_FINISHED' && event.Message.includes(path))).toBe(true);
    });
    expect((await beta().record({ folder: 'docs', file: path })).record.GVsn).toBe(record.GVsn);
    expect((await beta().updates({ limit: 10 })).total).toBe(0);
  });

  test('a file is also found by its path', async () => {
    expect(await download('small.txt')).toMatchObject({
      ReturnValue: 0,
      Message: expect.stringContaining('“small.txt” is had from alpha again'),
    });
  });

  test('bad orders', async () => {
    expect(await download('{00000000-1111-4222-8333-444444444444}-v99')).toMatchObject({
      ReturnValue: 2,
      ErrorCode: 'NOT_FOUND',
    });
    expect(await download('no such file')).toMatchObject({ ReturnValue: 2 });
    expect(await download('../x')).toMatchObject({ ReturnValue: 87 });
    expect(await download('small.txt', 'dosc')).toMatchObject({ ReturnValue: 1168 });
    expect(await download('small.txt', 'docs', OUTBOUND)).toMatchObject({ ReturnValue: 5 });
    pair.alpha.user.makeDirectory(`${ROOT}/directory`);
    pair.alpha.user.remove(`${ROOT}/later.txt`);
    const removed = await uidOf('later.txt');
    pair.alpha.hint();
    await soon(() => expect(pair.beta.user.exists(`${ROOT}/directory`)).toBe(true));
    await soon(() => expect(pair.beta.user.exists(`${ROOT}/later.txt`)).toBe(false));
    expect((await download('directory')).Message).toContain('only files have content');
    await soon(async () => expect((await download(removed)).Message).toContain('was deleted'));
  });

  test('does not open a connection that is closed', async () => {
    await force(3, 5, 0);
    await soon(async () => expect((await inboundRecord(pair.beta)).State).toBe(2));
    const result = await download('small.txt');
    expect(result).toMatchObject({ ReturnValue: 1722, ErrorCode: 'PEER_UNREACHABLE' });
    expect(result.Message).toContain('is not open');
    await force(1, 0, 0);
  });
});
